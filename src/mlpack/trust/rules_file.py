"""The rules of policy.yaml: from text to values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from mlpack.errors import FormatError, PolicyError
from mlpack.format.documents import Fields
from mlpack.trust.predicate_types import full_type
from mlpack.trust.rules import (
    Accepted,
    Certificate,
    Evidence,
    Licenses,
    MinimumAge,
    Require,
    Revocation,
    Severity,
    Threshold,
    Unknown,
    Vulnerabilities,
    When,
)

if TYPE_CHECKING:
    from mlpack.trust.history.rule import HistoryRule

__all__ = ["count", "moment", "parse_require", "parse_rules"]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?")
_REVOCABLE = ("bundle", "file", "manifest", "signer", "serial")
_COUNT = re.compile(r"[1-9][0-9]{0,4}")


def parse_rules(top: Fields, base: Path | None) -> dict[str, Any]:
    """Return the arguments of a `Policy` that are rules; marks their keys as known.

    Args:
        top: The whole policy.
        base: Folder that a database is relative to; None where a relative path would mean nothing.

    Raises:
        FormatError: A value has the wrong type, or a key is unknown.
        PolicyError: A value means nothing.
    """
    given: dict[str, Any] = {}
    if top.has("expires"):
        given["expires"], given["expires_when"] = _expiry(top)
    for key in ("pins", "grandfathered", "allow_code"):
        if top.has(key):
            given[key] = top.texts(key)
    if top.has("format_major"):
        given["format_major"] = count(top, "format_major")
    if top.has("minimum_version"):
        given["minimum_version"] = top.text("minimum_version")
    for key, parse in _PARSERS.items():
        if top.has(key):
            given[key] = parse(_closed(top.fields(key)), base)
    if top.has("revoked"):
        given["revoked"] = tuple(_revocation(item) for item in top.each("revoked"))
    if top.has("require"):
        given["require"] = tuple(parse_require(item) for item in top.each("require"))
    return given


def moment(text: str, where: str) -> dt.datetime:
    """Return the end of a day, or a moment, in UTC.

    Raises:
        PolicyError: It is neither.
    """
    try:
        found = dt.datetime.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        found = None  # a 30th of February
    if found is None:
        raise PolicyError("expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ", where=where)
    if found.tzinfo is None:
        found = found.replace(hour=23, minute=59, second=59, tzinfo=dt.UTC)
    return found


_KEYS = {
    "threshold": ("k", "of"),
    "minimum_age": ("days", "when"),
    "evidence": ("parity", "golden"),
    "licenses": ("allow", "deny", "unknown"),
    "vulnerabilities": (
        *("database", "maximum_age", "severity", "accept", "vex", "vex_maximum_age", "unassessed", "when"),
    ),
    "history": ("stages", "retire", "log", "in_force", "minimum_sequence", "checkpoint", "source"),
}


def _closed(fields: Fields) -> Fields:
    """Refuse unknown keys at once, so that the parsers below need not."""
    for key in _KEYS[fields.where.rpartition(".")[2]]:
        fields.holds(key)
    fields.done()
    return fields


def count(fields: Fields, key: str) -> int:
    """Return a whole number from 1 to 99999.

    Raises:
        PolicyError: It is something else.
    """
    text = fields.text(key)
    if not _COUNT.fullmatch(text):
        raise PolicyError("expected a whole number from 1 to 99999", where=f"{fields.where}.{key}")
    return int(text)


def _when(fields: Fields) -> When:
    return cast("When", fields.choice("when", get_args(When))) if fields.has("when") else "admission"


def _expiry(top: Fields) -> tuple[dt.datetime, When]:
    if isinstance(top.any("expires"), str):
        return moment(top.text("expires"), f"{top.where}.expires"), "admission"
    fields = top.fields("expires")
    found = moment(fields.text("at"), f"{fields.where}.at"), _when(fields)
    fields.done()
    return found


def _threshold(fields: Fields, _: Path | None) -> Threshold:
    return Threshold(k=count(fields, "k"), of=fields.texts("of"))


def _minimum_age(fields: Fields, _: Path | None) -> MinimumAge:
    return MinimumAge(days=count(fields, "days"), when=_when(fields))


def _evidence(fields: Fields, _: Path | None) -> Evidence:
    parity = fields.choice("parity", get_args(Certificate)) if fields.has("parity") else "loose"
    golden = fields.choice("golden", ("synthetic", "sample")) if fields.has("golden") else None
    return Evidence(
        parity=cast("Certificate", parity), golden=cast("Literal['synthetic', 'sample'] | None", golden)
    )


def _licenses(fields: Fields, _: Path | None) -> Licenses:
    unknown = fields.choice("unknown", get_args(Unknown)) if fields.has("unknown") else "refuse"
    return Licenses(
        allow=fields.texts("allow") if fields.has("allow") else (),
        deny=fields.texts("deny") if fields.has("deny") else (),
        unknown=cast("Unknown", unknown),
    )


def _vulnerabilities(fields: Fields, base: Path | None) -> Vulnerabilities:
    database = fields.text("database")
    if not database or "\0" in database:
        raise PolicyError("expected a zip file or a folder", where=f"{fields.where}.database")
    path = Path(database) if base is None else base / database
    if not path.is_absolute() and base is None:
        raise PolicyError(
            "a policy that is given as text, or pinned by its hash, has no folder",
            where=f"{fields.where}.database",
            hint="write an absolute path",
        )
    severity = fields.choice("severity", get_args(Severity)) if fields.has("severity") else "low"
    return Vulnerabilities(
        database=path,
        maximum_age=count(fields, "maximum_age"),
        severity=cast("Severity", severity),
        accept=tuple(_accepted(item) for item in fields.each("accept")) if fields.has("accept") else (),
        vex=fields.texts("vex") if fields.has("vex") else (),
        vex_maximum_age=count(fields, "vex_maximum_age") if fields.has("vex_maximum_age") else 90,
        unassessed=fields.texts("unassessed") if fields.has("unassessed") else (),
        when=_when(fields),
    )


def _history(fields: Fields, base: Path | None) -> HistoryRule:
    from mlpack.trust.history.rule_file import parse_history

    return parse_history(fields, base)


_PARSERS: Mapping[str, Callable[[Fields, Path | None], object]] = {
    "threshold": _threshold,
    "minimum_age": _minimum_age,
    "evidence": _evidence,
    "licenses": _licenses,
    "vulnerabilities": _vulnerabilities,
    "history": _history,
}


def _accepted(item: Fields) -> Accepted:
    found = Accepted(
        id=item.text("id"),
        reason=item.text("reason"),
        until=moment(item.text("until"), f"{item.where}.until"),
    )
    item.done()
    return found


def _revocation(item: Fields) -> Revocation:
    kinds = [kind for kind in _REVOCABLE if item.has(kind)]
    if len(kinds) != 1:
        raise FormatError(f"expected exactly one of {', '.join(_REVOCABLE)}", where=item.where)
    found = Revocation(
        kind=cast("Literal['bundle', 'file', 'manifest', 'signer', 'serial']", kinds[0]),
        value=item.text(kinds[0]),
        reason=item.text("reason"),
        since=moment(item.text("since"), f"{item.where}.since") if item.has("since") else None,
    )
    item.done()
    return found


def parse_require(item: Fields) -> Require:
    """Return one entry of `require`.

    Raises:
        FormatError: A value has the wrong type, or a key is unknown.
        PolicyError: A value means nothing.
    """
    signers: tuple[str, ...] = ()
    if item.has("signer"):
        signers = (item.text("signer"),) if isinstance(item.any("signer"), str) else item.texts("signer")
    fields: list[tuple[str, tuple[str, ...]]] = []
    if item.has("fields"):
        inside = item.fields("fields")
        for pointer in item.mapping("fields"):
            one = isinstance(inside.any(pointer), str)
            fields.append((pointer, (inside.text(pointer),) if one else inside.texts(pointer)))
    found = Require(type=full_type(item.text("type")), signers=signers, fields=tuple(fields))
    item.done()
    return found
