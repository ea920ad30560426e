"""However hostile a signature file is, verifying it stays below the memory that is stated for it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlpack.trust.keys import generate_key
from mlpack.trust.proof.reading import MAX_MEMORY, MAX_SIGNATURE, MAX_VALUES

PROGRAM = """
import resource, sys
from mlpack.errors import MlpackError
from mlpack.trust import verify_signature
from mlpack.trust.accepting import accept_signer
from mlpack.trust.envelope import parse_envelope
from mlpack.trust.oms import parse_statement
from mlpack.trust.policy import Policy

signature, key, limit = sys.argv[1:]
policy = Policy.from_key(key)
resource.setrlimit(resource.RLIMIT_AS, (int(limit),) * 2)

def as_bundle():
    with open(signature, "rb") as stream:
        envelope = parse_envelope(stream.read())
    try:
        accept_signer(envelope, policy.signers)
    except MlpackError:
        parse_statement(envelope.payload)  # as if the worst of all had been signed

for verify in (lambda: verify_signature("sha256:" + "0" * 64, signature=signature, key=key), as_bundle):
    try:
        verify()
    except MlpackError:
        continue
    sys.exit("accepted")
"""


def envelope(payload: bytes) -> bytes:
    """Return a signature file around a payload, which nobody has signed."""
    return json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": base64.b64encode(b"0" * 64).decode()}],
            },
        }
    ).encode()


def members() -> bytes:
    """Return an object of as many members as there may be."""
    return b"{" + b",".join(b'"%07x":"%07x"' % (at, at) for at in range(MAX_VALUES - 10)) + b"}"


WORST: dict[str, Callable[[], bytes]] = {
    "members": members,
    "statement of members": lambda: envelope(members()),
    "objects": lambda: b"[" + b'{"a":"bc"},' * (MAX_VALUES // 2 - 10) + b"0]",
    "numbers": lambda: b"[" + b"1.5," * (MAX_VALUES - 10) + b"0]",
    "one text": lambda: b'["' + b"a" * (MAX_SIGNATURE - 10) + b'"]',
    "one wide text": lambda: b'["' + "\U0001f600".encode() * ((MAX_SIGNATURE - 10) // 4) + b'"]',
    "one long payload": lambda: envelope(b'["' + b"a" * (MAX_SIGNATURE // 4 * 3 - 1000) + b'"]'),
    "many more values": lambda: b"[" + b"1," * (MAX_SIGNATURE // 2 - 10) + b"1]",
    "too long": lambda: b" " * (MAX_SIGNATURE + 1),
}


SLOW = ("members", "statement of members", "one text", "one wide text", "one long payload")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] if kind in SLOW else []) for kind in WORST]
)
def test_memory_is_bounded(kind: str, tmp_path: Path) -> None:
    (tmp_path / "worst.sig").write_bytes(WORST[kind]())
    public = generate_key(tmp_path / "key", password=None)[1]
    own = 256 * 1024 * 1024  # address space of a Python that has loaded everything
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "worst.sig"), str(public), str(MAX_MEMORY + own)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-600:]
