"""What a policy can ask for besides a signer: each rule as a value. What they mean stands in `judging`."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mlpack.errors import PolicyError

__all__ = [
    "Accepted",
    "Certificate",
    "Evidence",
    "Licenses",
    "MinimumAge",
    "Moment",
    "Require",
    "Revocation",
    "Severity",
    "Threshold",
    "Unknown",
    "Vulnerabilities",
    "When",
    "check_digest",
]

Moment = Literal["admission", "start"]
"""Why a bundle is verified: to be let in, or because a process that was let in before starts again."""

When = Literal["admission", "start", "both"]
"""At which moments a rule that depends on the clock is asked."""

Certificate = Literal["exact", "tight", "loose"]
"""Parity certificates, strongest first."""

Severity = Literal["low", "moderate", "high", "critical"]
"""Severities of vulnerabilities, mildest first, in the words of OSV."""

Unknown = Literal["refuse", "accept"]
"""What becomes of a component whose licence nobody can tell."""

_DIGEST = re.compile(r"(bundle|file|key|manifest):sha256:[0-9a-f]{64}")
_SERIAL = re.compile(r"[0-9a-f]{1,64}")


def check_digest(text: str, kinds: tuple[str, ...], where: str) -> None:
    """Refuse a digest that is untyped or of another type.

    Raises:
        PolicyError: It is.
    """
    match = _DIGEST.fullmatch(text)
    if match is None or match.group(1) not in kinds:
        expected = " or ".join(f"{kind}:sha256:<64 hex digits>" for kind in kinds)
        raise PolicyError(f"expected {expected}, found {text[:80]!r}", where=where)


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """So many different signers must have signed: `model.sig` and countersignatures count alike.

    Attributes:
        k: How many, counted by key, not by signature.
        of: Names of signers that count.
    """

    k: int
    of: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a threshold that cannot be met or says nothing.

        Raises:
            PolicyError: `k` is not between 1 and the number of different names.
        """
        if len(set(self.of)) != len(self.of):
            raise PolicyError("a signer is listed twice", where="threshold.of")
        if not 1 <= self.k <= len(self.of):
            raise PolicyError(f"expected 1 to {len(self.of)}, found {self.k}", where="threshold.k")


@dataclass(frozen=True, kw_only=True, slots=True)
class MinimumAge:
    """The bundle must have been signed so long ago, by a time that somebody else vouches for.

    Attributes:
        days: How many days at least.
        when: Moments at which this is asked.
    """

    days: int
    when: When = "admission"

    def __post_init__(self) -> None:
        """Refuse an age that means nothing.

        Raises:
            PolicyError: It is not between 1 and 36,500 days.
        """
        _check_days(self.days, "minimum_age.days")


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What the evidence in a bundle must show at least.

    Attributes:
        parity: Weakest acceptable parity certificate.
        golden: Where the golden rows must come from; None for anywhere.
    """

    parity: Certificate = "loose"
    golden: Literal["synthetic", "sample"] | None = None

    def __post_init__(self) -> None:
        """Refuse unknown words.

        Raises:
            PolicyError: There is one.
        """
        _check_word(self.parity, get_args(Certificate), "evidence.parity")
        if self.golden is not None:
            _check_word(self.golden, ("synthetic", "sample"), "evidence.golden")


@dataclass(frozen=True, kw_only=True, slots=True)
class Licenses:
    """Which licences the components of the BOM may have.

    Attributes:
        allow: SPDX identifiers that may be used; empty for all that are not denied.
        deny: SPDX identifiers that may not.
        unknown: What becomes of a component without a licence that can be understood.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    unknown: Unknown = "refuse"

    def __post_init__(self) -> None:
        """Refuse lists that say nothing or contradict one another.

        Raises:
            PolicyError: They do.
        """
        if not self.allow and not self.deny:
            raise PolicyError("expected allow, deny or both", where="licenses")
        for place, names in (("allow", self.allow), ("deny", self.deny), ("allow", self.allow + self.deny)):
            if len(set(names)) != len(names):
                raise PolicyError("a licence is listed twice", where=f"licenses.{place}")
        _check_word(self.unknown, get_args(Unknown), "licenses.unknown")


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A vulnerability that the verifier has looked at and lives with.

    Attributes:
        id: Its identifier, or an alias.
        reason: Why.
        until: Last moment at which this holds.
    """

    id: str
    reason: str
    until: dt.datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Vulnerabilities:
    """No component of the BOM may have a known vulnerability, by an OSV export on this machine.

    Attributes:
        database: Export: a zip file or a folder of one JSON file per record.
        maximum_age: Largest age of the newest record, in days.
        severity: Mildest severity that refuses; a record that states none counts as critical.
        accept: Vulnerabilities that are accepted.
        vex: Names of signers or attesters whose CycloneDX attestations may clear vulnerabilities.
        vex_maximum_age: Largest age of such a statement, in days.
        unassessed: Names of components, with `*`, that need no assessment, because nobody could.
        when: Moments at which this is asked.
    """

    database: Path
    maximum_age: int
    severity: Severity = "low"
    accept: tuple[Accepted, ...] = ()
    vex: tuple[str, ...] = ()
    vex_maximum_age: int = 90
    unassessed: tuple[str, ...] = ()
    when: When = "admission"

    def __post_init__(self) -> None:
        """Refuse ages and words that mean nothing.

        Raises:
            PolicyError: There is one.
        """
        _check_days(self.maximum_age, "vulnerabilities.maximum_age")
        _check_days(self.vex_maximum_age, "vulnerabilities.vex_maximum_age")
        _check_word(self.severity, get_args(Severity), "vulnerabilities.severity")
        _check_word(self.when, get_args(When), "vulnerabilities.when")


@dataclass(frozen=True, kw_only=True, slots=True)
class Revocation:
    """Something that is not trusted any more.

    Attributes:
        kind: `bundle`, `file`, `manifest`, `signer` or `serial`.
        value: `bundle:sha256:…`, `file:sha256:…`, `manifest:sha256:…` of an image or artifact, a signer's
            name or `key:sha256:…`, or a certificate's serial number in lower-case hex.
        reason: Why.
        since: What was signed before, by a trusted time, is still good. None: nothing is.
    """

    kind: Literal["bundle", "file", "manifest", "signer", "serial"]
    value: str
    reason: str
    since: dt.datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what could never match.

        Raises:
            PolicyError: The value is not of its kind, or no reason is given.
        """
        if self.kind in ("bundle", "file", "manifest"):
            check_digest(self.value, (self.kind,), f"revoked.{self.kind}")
        if self.kind == "signer" and (not self.value or self.value.startswith("key:")):
            check_digest(self.value, ("key",), "revoked.signer")
        if self.kind == "serial" and not _SERIAL.fullmatch(self.value):
            raise PolicyError("expected 1 to 64 lower-case hex digits", where="revoked.serial")
        if not self.reason.strip():
            raise PolicyError("expected a reason", where="revoked.reason")


@dataclass(frozen=True, kw_only=True, slots=True)
class Require:
    """An attestation that must be there.

    Attributes:
        type: Exact predicate type.
        signers: Names of signers or attesters, one of whom must have made it; empty for any that is named.
        fields: JSON pointer into the predicate -> accepted values, as text.
    """

    type: str
    signers: tuple[str, ...] = ()
    fields: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could never be fulfilled.

        Raises:
            PolicyError: A pointer is none, or accepts nothing.
        """
        if not self.type or any(character.isspace() for character in self.type):
            raise PolicyError("expected a predicate type without white space", where="require.type")
        for pointer, values in self.fields:
            if not pointer.startswith("/") or re.search(r"~(?![01])", pointer):
                raise PolicyError(
                    f"expected a JSON pointer such as /result, found {pointer[:80]!r}", where="require.fields"
                )
            if not values:
                raise PolicyError("accepts no value", where=f"require.fields.{pointer[:80]}")


def _check_days(days: int, where: str) -> None:
    if not 1 <= days <= 36_500:
        raise PolicyError(f"expected 1 to 36500 days, found {days}", where=where)


def _check_word(word: str, known: tuple[str, ...], where: str) -> None:
    if word not in known:
        raise PolicyError(f"expected one of {', '.join(known)}; found {word[:80]!r}", where=where)
