"""Signers as a policy names them: by key, by identity and issuer, or by certificate roots and subject."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from mlpack.errors import FormatError, PolicyError
from mlpack.format.documents import Fields
from mlpack.trust.certificates import Roots, parse_subject
from mlpack.trust.identities import CiRule, check_pattern
from mlpack.trust.keys import PublicKey
from mlpack.trust.pem import read_pem
from mlpack.trust.trusted_root import PUBLIC_GOOD, STAGING, TrustedRoot

__all__ = ["SignerKind", "SignerRule", "parse_signer"]

SignerKind = Literal["key", "identity", "certificate"]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?")
_FLAG: Final = {"allow": True, "deny": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class SignerRule:
    """One signer that a policy accepts: one of `key`, `identity` with `issuer`, `roots` with `subject`.

    Attributes:
        name: What the verifier calls it.
        key: Its key.
        identity: Pattern of its identity in a Sigstore certificate; `*` stands for anything but `/`.
        issuer: The OpenID Connect issuer that authenticated it, exactly.
        github: What the CI job behind the identity must fulfil; denies pull requests and self-hosted runners.
        roots: Authorities whose certificates are accepted.
        subject: The certificate's distinguished name, or its single common name.
        trusted_root: Sigstore's authorities and logs: `public-good`, `staging` or a file's contents. With
            `roots` only its time stampers count, and without it no timestamp does.
        accept_signed_before: Only signatures with a trusted time before this one.
        accept_signed_after: Only signatures with a trusted time at or after this one.
    """

    name: str
    key: PublicKey | None = None
    identity: str = ""
    issuer: str = ""
    github: CiRule | None = None
    roots: Roots | None = None
    subject: str = ""
    trusted_root: TrustedRoot | Literal["public-good", "staging"] | None = None
    accept_signed_before: dt.datetime | None = None
    accept_signed_after: dt.datetime | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that means nothing, two things, or everybody.

        Raises:
            PolicyError: It does.
        """
        given = [bool(self.key), bool(self.identity or self.issuer), bool(self.roots or self.subject)]
        if given.count(True) != 1:
            raise PolicyError(
                "expected exactly one of key, identity with issuer, roots with subject", where="signers"
            )
        if self.kind == "identity":
            _check_identity(self)
        elif self.github is not None:
            raise PolicyError("belongs to an identity", where="signers.github")
        if self.kind == "certificate":
            _check_certificate(self)
        if self.kind == "key" and self.trusted_root is not None:
            raise PolicyError("a key needs none", where="signers.trusted_root")
        for place in ("accept_signed_before", "accept_signed_after"):
            moment = getattr(self, place)
            if moment is not None and moment.tzinfo is None:
                raise PolicyError("expected a time with its zone", where=f"signers.{place}")

    @property
    def kind(self) -> SignerKind:
        """How this signer is recognised."""
        if self.key is not None:
            return "key"
        return "identity" if self.identity or self.issuer else "certificate"

    @property
    def principal(self) -> str:
        """Whom the rule names: the same text for the same key, identity or subject."""
        if self.key is not None:
            return f"key {self.key.fingerprint}"
        if self.kind == "identity":
            return f"identity {self.identity} by {self.issuer}"
        return f"certificate {self.subject} by {self.roots.fingerprint if self.roots else ''}"

    def document(self) -> dict[str, Any]:
        """Return the rule as JSON: what it means, whichever way it was written."""
        root = self.trusted_root
        document = {
            "name": self.name,
            "key": self.key.pem if self.key else None,
            "identity": self.identity or None,
            "issuer": self.issuer or None,
            "github": _ci_document(self.github) if self.github else None,
            "roots": self.roots.pem if self.roots else None,
            "subject": self.subject or None,
            "trusted_root": root.sha256 if isinstance(root, TrustedRoot) else root,
            "accept_signed_before": _iso(self.accept_signed_before),
            "accept_signed_after": _iso(self.accept_signed_after),
        }
        return {key: value for key, value in document.items() if value is not None}


def _iso(moment: dt.datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _ci_document(rule: CiRule) -> dict[str, Any]:
    return {
        "repository_id": rule.repository_id,
        "ref": rule.ref,
        "workflow": rule.workflow,
        "triggers": list(rule.triggers),
        "self_hosted": rule.self_hosted,
    }


def _check_identity(rule: SignerRule) -> None:
    if not rule.identity or not rule.issuer:
        missing = "issuer" if rule.identity else "identity"
        raise PolicyError(
            "an identity means nothing without the issuer that vouches for it, nor the reverse",
            where=f"signers.{missing}",
        )
    check_pattern(rule.identity, "signers.identity")
    check_pattern(rule.issuer, "signers.issuer")
    if "*" in rule.issuer:
        raise PolicyError("an issuer is exact", where="signers.issuer")
    if isinstance(rule.trusted_root, str) and rule.trusted_root not in (PUBLIC_GOOD, STAGING):
        raise PolicyError(f"expected {PUBLIC_GOOD}, {STAGING} or a file", where="signers.trusted_root")


def _check_certificate(rule: SignerRule) -> None:
    if not rule.subject or rule.roots is None:
        missing = "subject" if rule.roots else "roots"
        raise PolicyError(
            "roots without a subject would accept everybody they vouch for; a subject needs its roots",
            where=f"signers.{missing}",
        )
    if not rule.subject.isprintable() or len(rule.subject) > 1000:
        raise PolicyError("expected one line of text", where="signers.subject")
    if "=" in rule.subject:
        parse_subject(rule.subject)


def parse_signer(item: Fields, base: Path | None) -> SignerRule:
    """Return the signer that one entry of policy.yaml names.

    Args:
        item: The entry.
        base: Folder that files are relative to; None when everything must stand in the text.

    Raises:
        PolicyError: It is unusable.
        FormatError: A field is missing, unknown or of the wrong type.
    """
    values: dict[str, Any] = {"name": item.text("name")}
    for field in ("identity", "issuer", "subject"):
        if item.holds(field):
            values[field] = item.text(field)
            if not values[field]:
                raise FormatError("expected text", where=f"{item.where}.{field}")
    for field, read in _FROM_FILES.items():
        if item.holds(field):
            values[field] = read(item.text(field), base, f"{item.where}.{field}")
    for field in ("accept_signed_before", "accept_signed_after"):
        if item.holds(field):
            values[field] = _moment(item.text(field), f"{item.where}.{field}")
    if item.holds("github"):
        values["github"] = _github(item.fields("github"))
    item.done()
    return SignerRule(**values)


def _github(fields: Fields) -> CiRule:
    values: dict[str, Any] = {
        field: fields.text(field) for field in ("repository_id", "ref", "workflow") if fields.holds(field)
    }
    if fields.holds("triggers"):
        values["triggers"] = fields.texts("triggers")
        if not values["triggers"]:
            raise FormatError("expected at least one", where=f"{fields.where}.triggers")
    if fields.holds("self_hosted"):
        values["self_hosted"] = _FLAG[fields.choice("self_hosted", tuple(_FLAG))]
    fields.done()
    return CiRule(**values)


def _key(text: str, base: Path | None, where: str) -> PublicKey:
    if "-----BEGIN" in text:
        return PublicKey.from_pem(text, where=where)
    return PublicKey.from_file(_file(text, base, where, "PEM text"))


def _roots(text: str, base: Path | None, where: str) -> Roots:
    if "-----BEGIN" not in text:
        text = read_pem(_file(text, base, where, "PEM text")).decode("ascii", "replace")
    return Roots(pem=text)


def _trusted_root(text: str, base: Path | None, where: str) -> TrustedRoot | str:
    if text in (PUBLIC_GOOD, STAGING):
        return text
    if text.lstrip().startswith("{"):
        return TrustedRoot(text=text, source=where)
    return TrustedRoot.from_file(_file(text, base, where, "JSON text"))


_FROM_FILES: Final[Mapping[str, Callable[[str, Path | None, str], object]]] = {
    "key": _key,
    "roots": _roots,
    "trusted_root": _trusted_root,
}


def _file(text: str, base: Path | None, where: str, form: str) -> Path:
    if base is None:
        raise PolicyError(
            "a policy that is given as text, or pinned by its hash, must hold its keys and roots",
            where=where,
            hint=f"paste the {form}",
        )
    if not text or "\0" in text:
        raise PolicyError(f"expected a file or {form}", where=where)
    return base / text


def _moment(text: str, where: str) -> dt.datetime:
    """Return a moment, or the first one of a day, in UTC."""
    try:
        moment = dt.datetime.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        moment = None  # a 30th of February
    if moment is None:
        raise PolicyError("expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ", where=where)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
