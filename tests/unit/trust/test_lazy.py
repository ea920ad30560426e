"""What verifying with a key must not load: it is what every start of a server pays."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from mlpack.trust.keys import KeySigner
from mlpack.trust.signing import sign

PROGRAM = """
import json, sys
from mlpack.trust.policy import Policy
from mlpack.trust.verification import verify
verify(sys.argv[1], Policy.from_key(sys.argv[2]))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_a_key_verification_loads_neither_sigstore_nor_a_network(
    tmp_path: Path, key_folder: Path, signer: KeySigner, make_bundle: Callable[..., Path]
) -> None:
    bundle = make_bundle(tmp_path)
    sign(bundle, signer)
    command = [sys.executable, "-c", PROGRAM, str(bundle), str(key_folder / "release.pub")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert loaded & {"sigstore", "pydantic", "requests", "rfc3161_client", "securesystemslib", "tuf"} == set()
    assert loaded & {"asyncio", "http", "ssl", "packaging", "yaml"} == set()
