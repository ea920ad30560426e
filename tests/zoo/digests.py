"""`python -m tests.zoo.digests FILE [--all]`: pack cases and write digests of what would be stored."""

from __future__ import annotations

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})

import argparse
import hashlib
import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from tests.zoo.residents import residents
from tests.zoo.warm import keep_warm

from mlpack.errors import PackError
from mlpack.packing.proving import prove

if TYPE_CHECKING:
    from tests.zoo.case import Case


def main() -> int:
    """Digest the quick cases, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.zoo.digests")
    parser.add_argument("file", type=Path)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    keep_warm()
    warnings.simplefilter("ignore")
    found = {
        f"{case.group}: {case.name}": digest
        for case in residents()
        if (case.quick or options.all) and (digest := _digest(case))
    }
    options.file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _digest(case: Case) -> tuple[str, str, str] | None:
    """Return rung, digest of the original's answers, digest of all that is stored; None when refused."""
    try:
        made = case.make()
        proof = prove(made.model, made.example, certificate="loose")
    except (PackError, ValueError, TypeError, AttributeError):
        return None
    stored = hashlib.sha256(proof.contract.to_bytes() + proof.parity.to_bytes() + proof.golden.to_bytes())
    for path, content in sorted(proof.artifact.files.items()):
        stored.update(path.encode() + content)
    fitted = hashlib.sha256(proof.golden.to_bytes()).hexdigest()
    return proof.parity.rung, fitted, stored.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
