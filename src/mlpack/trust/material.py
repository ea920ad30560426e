"""What a signature of ours brings along to be verified with: a key's name, certificates, log entries, times.

It is narrower than what Sigstore's format allows: what a form does not need, it must not have. Nothing in it
is believed: it selects and proves, and never adds trust.

Source: Sigstore bundle v0.3, `VerificationMaterial`, in its JSON form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlpack.errors import FormatError
from mlpack.format.documents import Fields
from mlpack.trust.proof.material import LogEntry, read_entries, read_named, read_timestamps

__all__ = ["Kind", "Material", "parse_material"]

Kind = Literal["key", "chain", "keyless"]
"""How a signature is vouched for: a bare key, a certificate chain, or Sigstore's certificate and log."""

_KINDS: dict[str, Kind] = {"publicKey": "key", "x509CertificateChain": "chain", "certificate": "keyless"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """Parsed verification material. Nothing in it is believed.

    Attributes:
        kind: How the signature is vouched for.
        hint: Which key is said to have signed, as hex SHA-256 of its PEM; empty when it does not say.
        certificates: DER certificates, leaf first; exactly one for `keyless`.
        timestamps: DER RFC 3161 responses over the signature.
        entries: Of transparency logs; exactly one for `keyless`, else none.
        version: 1 to 3 for the Sigstore bundle v0.1 to v0.3 whose rules on log entries hold.
    """

    kind: Kind
    hint: str = ""
    certificates: tuple[bytes, ...] = ()
    timestamps: tuple[bytes, ...] = ()
    entries: tuple[LogEntry, ...] = ()
    version: int = 3


def parse_material(fields: Fields) -> Material:
    """Parse `verificationMaterial` strictly.

    Raises:
        FormatError: It has an unknown field, too much of something, or is of none of the three kinds.
    """
    named, entries, times = read_named(fields), read_entries(fields), read_timestamps(fields)
    fields.done()
    kind = _KINDS[named.form]
    if named.more:
        raise FormatError("expected a hint and nothing else", where=f"{fields.where}.publicKey")
    if len(set(times)) != len(times):
        raise FormatError("the same timestamp twice", where=f"{fields.where}.timestampVerificationData")
    if kind == "key" and times:
        raise FormatError(
            "expected none for a key signature", where=f"{fields.where}.timestampVerificationData"
        )
    if kind == "keyless":
        _check_entries(entries, f"{fields.where}.tlogEntries")
    elif entries:
        raise FormatError("expected none for this kind of signature", where=f"{fields.where}.tlogEntries")
    return Material(
        kind=kind, hint=named.hint, certificates=named.certificates, timestamps=times, entries=entries
    )


def _check_entries(entries: tuple[LogEntry, ...], where: str) -> None:
    if len(entries) != 1:
        raise FormatError(f"expected one log entry, found {len(entries)}", where=where)
    if entries[0].proof is None or not entries[0].proof.checkpoint:
        raise FormatError("expected an inclusion proof with its checkpoint", where=where)
