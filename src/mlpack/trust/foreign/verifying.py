"""`verify_signature`: the numbered steps from a path, a signature file and an expected signer to a yes or no.

 1. The arguments name one signer, and nothing about them comes from the signature.
 2. The signature file is a strict Sigstore bundle with exactly one signature.
 3. What it brings along holds: known logs hold its entries, known authorities stamped it.
 4. Its signer is the one asked for, and was allowed to sign when it signed.
 5. The signature holds over the payload, or over the file.
 6. The log entries are about this signature.
 7. The payload is a statement of the right kind, and what lies at the path is what it says.

There is no network here. Only `VerificationError` and its children leave, and `UsageError` for arguments.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlpack.errors import FormatError, MissingExtraError, PolicyError, UsageError
from mlpack.trust.envelope import PAYLOAD_TYPE, pae
from mlpack.trust.foreign.authentication import Authenticated, authenticate
from mlpack.trust.foreign.content import digests_of, ignored_below, read_message, require_file, require_folder
from mlpack.trust.foreign.expectation import choose_signer, plain_path
from mlpack.trust.foreign.folder import opened
from mlpack.trust.foreign.resources import (
    PREDICATE,
    PREDICATE_02,
    Resources,
    parse_resources,
    parse_resources_02,
)
from mlpack.trust.foreign.statement import STATEMENT, open_statement, require_subject
from mlpack.trust.pem import CURVES
from mlpack.trust.proof.anchors import Anchors
from mlpack.trust.proof.entry import Signed, match_entry
from mlpack.trust.proof.reading import MAX_SIGNATURE
from mlpack.trust.proof.refusals import refused
from mlpack.trust.proof.signature import Envelope, Message, SignatureFile, parse_signature

__all__ = ["VerifiedSignature", "verify_signature"]

_NUMBERS = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
_WHERE = "signature"


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedSignature:
    """What holds.

    Attributes:
        signer: Who signed, for people.
        signed_at: The earliest trusted time of the signature; None when nobody trusted says.
        predicate_type: Of the signed statement; empty for a signature over the bytes of a file.
        files: How many files were compared.
        ignored: Paths that the signature leaves out on purpose.
    """

    signer: str
    signed_at: dt.datetime | None
    predicate_type: str
    files: int
    ignored: tuple[str, ...] = ()


def verify_signature(
    path: str | os.PathLike[str],
    *,
    signature: str | os.PathLike[str],
    key: str | os.PathLike[str] | None = None,
    certificate_identity: str | None = None,
    certificate_oidc_issuer: str | None = None,
    certificate_roots: Sequence[str | os.PathLike[str]] = (),
    certificate_subject: str | None = None,
    trusted_root: str | os.PathLike[str] | None = None,
    staging: bool = False,
    ignore: Sequence[str | os.PathLike[str]] = (),
    ignore_unsigned_files: bool = False,
    oms_compat: bool = False,
) -> VerifiedSignature:
    """Check anybody's signature over a folder, a file or a digest. Bundles have `mlpack.verify`.

    Args:
        path: A folder or single file with an OMS signature; a file, or `sha256:` and 64 hexadecimal
            digits, with a Sigstore signature or an in-toto statement about it.
        signature: The signature file: a Sigstore bundle v0.1, v0.2 or v0.3.
        key: PEM file with the public key that must have signed.
        certificate_identity: Identity that must have signed keyless, exactly as in the certificate.
        certificate_oidc_issuer: Its issuer; needed with an identity.
        certificate_roots: PEM files with authorities that count; what a signature brings along never does.
        certificate_subject: Subject (RFC 4514) that must have signed; by default anyone below the roots.
        trusted_root: Root of a Sigstore; by default the public one's, as the sigstore package ships it.
        staging: Takes the public Sigstore's staging twin instead.
        ignore: Paths below the folder that are passed over, absolute or relative to it.
        ignore_unsigned_files: Accepts files that nobody signed.
        oms_compat: Accepts the form of OMS 0.2, unordered resources, and certificates that do not say what
            they are for.

    Raises:
        VerificationError: It is refused; `code` says why.
        UsageError: An argument names nobody, several, or something that is not what it should be.
    """
    # 1. The arguments.
    target, place = plain_path(path, "path"), Path(plain_path(signature, "signature"))
    signer = choose_signer(
        key=None if key is None else Path(plain_path(key, "key")),
        identity=certificate_identity,
        issuer=certificate_oidc_issuer,
        roots=[Path(plain_path(each, "certificate_roots")) for each in certificate_roots],
        subject=certificate_subject,
    )
    passed_over = ignored_below(Path(target), [plain_path(each, "ignore") for each in ignore], place)
    root_file = None if trusted_root is None else Path(plain_path(trusted_root, "trusted_root"))
    if root_file is not None and staging:
        raise UsageError("several roots are named", where="trusted_root", hint="leave out staging")

    def anchors() -> Anchors:
        return _anchors(root_file, staging=staging)

    # 2. The file.
    file = parse_signature(_read(place))
    # 3 and 4. Who signed.
    by = authenticate(file, signer, anchors, lax=oms_compat)
    if isinstance(file.content, Message):
        # 5 and 6. The signature and its log entries.
        _check_message(target, file, file.content, by)
        return VerifiedSignature(signer=by.name, signed_at=by.signed_at, predicate_type="", files=1)
    _check_envelope(file, file.content, by, lax=oms_compat)
    # 7. What was signed.
    try:
        return _compare(
            target, file.content.payload, by, passed_over, unsigned=ignore_unsigned_files, lax=oms_compat
        )
    except FormatError as error:
        raise refused("statement-malformed", error.message, where=error.where) from error


def _anchors(file: Path | None, *, staging: bool) -> Anchors:
    """Return what the trusted root says, which is loaded only when something in the signature needs it."""
    from mlpack.trust.trusted_root import PUBLIC_GOOD, STAGING, TrustedRoot

    try:
        if file is not None:
            return TrustedRoot.from_file(file).anchors
        return TrustedRoot.embedded(STAGING if staging else PUBLIC_GOOD).anchors
    except (PolicyError, MissingExtraError) as error:
        raise refused("trusted-root", error.message, where=error.where, hint=error.hint) from error


def _read(path: Path) -> bytes:
    with opened(path) as handle, os.fdopen(os.dup(handle), "rb") as stream:
        data = stream.read(MAX_SIGNATURE + 1)
    if len(data) > MAX_SIGNATURE:
        raise refused("signature-malformed", f"more than {MAX_SIGNATURE} bytes", where=str(path))
    return data


def _check_message(target: str, file: SignatureFile, message: Message, by: Authenticated) -> None:
    """Check a signature over the bytes of a file."""
    if Path(target).is_dir():
        raise refused("payload-type", "a signature over one file, and this is a folder", where=target)
    digests = digests_of(target)
    if message.digest:
        name = _NUMBERS.get(message.algorithm, "")
        if name not in digests:
            raise refused("signature-unsupported", f"hash {message.algorithm[:40]!r}", where=_WHERE)
        if message.digest != digests[name]:
            raise refused("subject-digest", "the signature is about another file", where=target)
    if by.key.algorithms:
        holds = any(by.key.signed_digest(message.signature, digest, name) for name, digest in digests.items())
    elif os.path.lexists(target):
        holds = by.key.signed(message.signature, read_message(target))
    else:
        raise refused("key-type", "an Ed25519 signature needs the file, not its digest", where=target)
    if not holds:
        raise refused("signature-invalid", "the signature does not match the file", where=by.name)
    _match(file, by, None, digests)


def _check_envelope(file: SignatureFile, envelope: Envelope, by: Authenticated, *, lax: bool) -> None:
    """Check a signature over an envelope."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise refused("payload-type", f"a payload of type {envelope.payload_type[:80]!r}", where=_WHERE)
    data = pae(envelope.payload, envelope.payload_type)
    holds = by.key.signed(envelope.signature, data)
    if not holds and lax and by.key.kind in CURVES:
        holds = by.key.signed(envelope.signature, _pae_02(envelope.payload), ("sha256",))
    if not holds:
        raise refused("signature-invalid", "the signature does not match the payload", where=by.name)
    _match(file, by, envelope, {name: hashlib.new(name, data).digest() for name in _NUMBERS.values()})


def _pae_02(payload: bytes) -> bytes:
    """Return what release 0.2 of the reference tool signed: the payload as Python showed it, with quotes."""
    return f"DSSEV1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} {payload!r}".encode()


def _match(
    file: SignatureFile, by: Authenticated, envelope: Envelope | None, digests: dict[str, bytes]
) -> None:
    signed = Signed(
        signature=file.signature,
        verifier=by.verifier,
        certified=by.certified,
        payload=envelope.payload if envelope else None,
        payload_type=envelope.payload_type if envelope else "",
        digests=digests,
    )
    for entry in file.entries:
        match_entry(entry, signed)


def _compare(
    target: str, payload: bytes, by: Authenticated, passed_over: frozenset[str], *, unsigned: bool, lax: bool
) -> VerifiedSignature:
    """Compare what lies at the path with what the statement says."""
    top, kind, predicate_type = open_statement(payload)
    folder = Path(target).is_dir()
    old = lax and predicate_type == PREDICATE_02
    if predicate_type != PREDICATE and not old:
        if folder:
            raise refused(
                "statement-predicate", f"a statement of type {predicate_type[:120]!r}", where=_WHERE
            )
        require_subject(top, digests_of(target))
        return VerifiedSignature(
            signer=by.name, signed_at=by.signed_at, predicate_type=predicate_type, files=1
        )
    if kind != STATEMENT:
        raise refused("statement-malformed", "OMS needs a statement of version 1", where=_WHERE)
    if by.key.kind not in CURVES:
        raise refused("key-type", "OMS signatures are made with EC keys", where=by.name)
    subjects = top.each("subject")
    if old:
        resources = parse_resources_02(subjects)
    else:
        resources = parse_resources(top.fields("predicate"), subjects, lax=lax)
        top.done()
    return _compare_resources(target, resources, by, passed_over, predicate_type, unsigned=unsigned)


def _compare_resources(
    target: str,
    resources: Resources,
    by: Authenticated,
    passed_over: frozenset[str],
    predicate_type: str,
    *,
    unsigned: bool,
) -> VerifiedSignature:
    if not Path(target).is_dir():
        require_file(target, resources)
        files = 1
    else:
        skipped = passed_over | resources.ignored
        files = require_folder(
            Path(target),
            resources,
            lambda path: path in skipped and path not in resources.parts,
            allow_unsigned=unsigned,
        )
    return VerifiedSignature(
        signer=by.name,
        signed_at=by.signed_at,
        predicate_type=predicate_type,
        files=files,
        ignored=tuple(sorted(resources.ignored)),
    )
