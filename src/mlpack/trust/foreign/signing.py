"""`sign_files`: any folder or file signed in the OMS form: with an EC key, its certificate, or keyless.

Source: https://github.com/ossf/model-signing-spec/blob/main/spec/v1.0.md, section 6.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from mlpack.errors import SigningError, StorageError, UsageError, VerificationError
from mlpack.format.atomic import atomic_file
from mlpack.trust.envelope import seal
from mlpack.trust.foreign.content import ignored_below
from mlpack.trust.foreign.expectation import plain_path
from mlpack.trust.foreign.folder import hash_parts, opened, walk
from mlpack.trust.foreign.resources import PREDICATE
from mlpack.trust.foreign.statement import STATEMENT
from mlpack.trust.keys import Sealer, Signer
from mlpack.trust.proof.certificate import Certificate, parse_pem

__all__ = ["sign_files"]


def sign_files(
    path: str | os.PathLike[str],
    signer: Signer | Sealer,
    *,
    signature: str | os.PathLike[str],
    ignore: Sequence[str | os.PathLike[str]] = (),
    certificates: Sequence[str | os.PathLike[str]] = (),
    overwrite: bool = False,
) -> int:
    """Sign a folder or a single file in the OMS form; return the number of files that were signed.

    Args:
        path: The folder or file.
        signer: Holds the key, for example `KeySigner.from_file("release.key")`; a `SigstoreSigner` has none.
        signature: Where the signature goes; when that is inside the folder, it is left out of what is signed.
        ignore: Paths below the folder that are left out, absolute or relative to it. The signature says so.
        certificates: PEM files: the signer's certificate first, then what leads to its root.
        overwrite: Whether an existing signature is replaced.

    Raises:
        UsageError: There is no such path, nothing to sign, an ignore path is the folder itself, or
            certificates are given for a signer that has its own.
        StorageError: Something cannot be read or written, or must not be signed, such as a symbolic link.
        SigningError: The certificates are unreadable, or not for the signer's key.
        TargetExistsError: The signature exists, and `overwrite` is false.
    """
    top, target = Path(plain_path(path, "path")), Path(plain_path(signature, "signature"))
    name = top.absolute().name or "files"
    try:
        name.encode("utf-8")
        digests, ignored = _digests(top, ignore, target)
    except VerificationError as error:
        raise StorageError(f"cannot be signed: {error.message}", where=error.where or str(top)) from error
    except UnicodeEncodeError as error:
        raise StorageError("cannot be signed: a name that is not UTF-8", where=ascii(str(top))) from error
    if not digests:
        raise UsageError("there is no file to sign", where=str(top))
    if isinstance(signer, Sealer):
        if certificates:
            raise UsageError("this signer brings its own", where="certificates")
        document = signer.seal(_statement(name, digests, ignored))
    else:
        document = _with_certificates(seal(_statement(name, digests, ignored), signer), signer, certificates)
    with atomic_file(target, overwrite=overwrite) as file:
        file.write(document)
    return len(digests)


def _digests(
    top: Path, ignore: Sequence[str | os.PathLike[str]], signature: Path
) -> tuple[dict[str, bytes], frozenset[str]]:
    """Return path -> SHA-256 of every file, and what was left out."""
    digests: dict[str, bytes] = {}

    def visit(path: str, handle: int) -> None:
        digests[path] = hash_parts(handle, "sha256")[0][2]

    if not top.is_dir():
        with opened(top) as handle:
            visit(top.name, handle)
        return digests, frozenset()
    ignored = ignored_below(top, [plain_path(each, "ignore") for each in ignore], signature)
    for path in ignored:
        if any(character in path for character in "*?["):
            raise UsageError("OMS has no words for such a name", where=f"ignore {path}")
    walk(top, visit, ignored=ignored.__contains__, follow_links=False)
    return digests, ignored


def _statement(name: str, digests: dict[str, bytes], ignored: frozenset[str]) -> bytes:
    names = sorted(digests)
    statement = {
        "_type": STATEMENT,
        "subject": [
            {
                "name": name,
                "digest": {"sha256": hashlib.sha256(b"".join(digests[each] for each in names)).hexdigest()},
            }
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": sorted(ignored),
            },
            "resources": [
                {"name": each, "algorithm": "sha256", "digest": digests[each].hex()} for each in names
            ],
        },
    }
    return json.dumps(statement, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _with_certificates(document: bytes, signer: Signer, paths: Sequence[str | os.PathLike[str]]) -> bytes:
    """Return the signature with the certificates in place of the hint of the key."""
    if not paths:
        return document
    certificates = [each for path in paths for each in _read(Path(path))]
    if certificates[0].key is None or certificates[0].key.der != _der(signer):
        raise SigningError("the first certificate is not for this key", where=str(paths[0]))
    bundle = json.loads(document)
    ders = list(dict.fromkeys(each.der for each in certificates))
    bundle["verificationMaterial"] = {
        "x509CertificateChain": {
            "certificates": [{"rawBytes": base64.b64encode(der).decode("ascii")} for der in ders]
        },
        "tlogEntries": [],
    }
    return json.dumps(bundle, separators=(",", ":")).encode("ascii")


def _der(signer: Signer) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    key = load_pem_public_key(signer.public_key.pem.encode("ascii"))
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _read(path: Path) -> tuple[Certificate, ...]:
    try:
        return parse_pem(path.read_bytes())
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except VerificationError as error:
        raise SigningError(error.message, where=str(path)) from error
