"""Whether the rules of one policy fit together, and their one form for hashing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mlpack.errors import PolicyError, UsageError
from mlpack.format.documents import compact_json
from mlpack.format.manifest import FormatClass
from mlpack.format.names import check_name, check_version
from mlpack.trust.policy_file import POLICY_SCHEMA

if TYPE_CHECKING:
    from mlpack.trust.policy import Policy
    from mlpack.trust.rules import Revocation

__all__ = ["canonical", "check_labels", "check_rules", "signer_documents"]

_PIN = re.compile(r"bundle:sha256:[0-9a-f]{64}")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._@/+-]{0,126}[A-Za-z0-9])?")

_RULES = (
    *("expires_when", "threshold", "grandfathered", "format_major", "minimum_version", "minimum_age"),
    *("evidence", "allow_code", "licenses", "vulnerabilities", "revoked", "require"),
)


def check_labels(policy: Policy) -> None:
    """Refuse names that are none, and another version of the format.

    Raises:
        PolicyError: There is one.
    """
    if policy.schema != POLICY_SCHEMA:
        raise PolicyError(f"expected {POLICY_SCHEMA!r}, found {policy.schema[:80]!r}", where="schema")
    labels = [("id", policy.id), ("version", policy.version)]
    labels += [("signers.name", rule.name) for rule in policy.signers]
    for place, text in [*labels, *(("attesters.name", rule.name) for rule in policy.attesters)]:
        if not _LABEL.fullmatch(text):
            raise PolicyError("expected 1 to 128 letters, digits, spaces or . _ @ / + -", where=place)
    if policy.name is not None:
        try:
            check_name(policy.name)
        except UsageError as error:
            raise PolicyError(error.message, where="name", hint=error.hint) from error
    if policy.expires is not None and policy.expires.tzinfo is None:
        raise PolicyError("expected a time with its zone", where="expires")


def check_rules(policy: Policy) -> None:
    """Refuse rules that mean nothing, or that name signers whom the policy does not.

    Raises:
        PolicyError: There is one.
    """
    _check_lists(policy)
    _check_values(policy)
    signers = [rule.name for rule in policy.signers]
    everybody = signers + [rule.name for rule in policy.attesters]
    if len(set(everybody)) != len(everybody):
        raise PolicyError("a name stands for two signers or attesters", where="attesters.name")
    if policy.history is not None and policy.name is None:
        # Else whoever may act in one stage could make it a history of another model.
        raise PolicyError("a history is about one model, so say which", where="name")
    if policy.require and not everybody:
        raise PolicyError("asks for attestations, but names nobody to make them", where="require")
    for where, names, known in (
        ("threshold.of", policy.threshold.of if policy.threshold else (), signers),
        ("allow_code", policy.allow_code, signers),
        ("vulnerabilities.vex", policy.vulnerabilities.vex if policy.vulnerabilities else (), everybody),
        *(("require.signer", need.signers, everybody) for need in policy.require),
        *(("revoked.signer", (item.value,), everybody) for item in policy.revoked if _is_name(item)),
        *((where, names, everybody) for where, names in (policy.history.names() if policy.history else ())),
    ):
        _check_names(names, known, where)


def _is_name(item: Revocation) -> bool:
    return item.kind == "signer" and not item.value.startswith("key:")


def _check_values(policy: Policy) -> None:
    if policy.expires_when not in ("admission", "start", "both"):
        raise PolicyError("expected one of admission, start, both", where="expires.when")
    if policy.format_major is not None and not 1 <= policy.format_major <= 99_999:
        raise PolicyError("expected a whole number from 1 to 99999", where="format_major")
    if policy.minimum_version is not None:
        try:
            check_version(policy.minimum_version)
        except UsageError as error:
            raise PolicyError(error.message, where="minimum_version", hint=error.hint) from error
    if len(set(policy.grandfathered)) != len(policy.grandfathered):
        raise PolicyError("something is listed twice", where="grandfathered")
    if policy.grandfathered:
        from mlpack.trust.rules import check_digest

        for digest in policy.grandfathered:
            check_digest(digest, ("bundle",), "grandfathered")
    moments = [item.until for item in policy.vulnerabilities.accept] if policy.vulnerabilities else []
    for moment in moments + [item.since for item in policy.revoked if item.since is not None]:
        if moment.tzinfo is None:
            raise PolicyError("expected a time with its zone", where="rules")


def _check_names(names: tuple[str, ...], known: list[str], where: str) -> None:
    for name in names:
        if name not in known:
            raise PolicyError(f"{name[:80]!r} is no signer of this policy", where=where)
    if len(set(names)) != len(names):
        raise PolicyError("a name is listed twice", where=where)


def _canonical_rules(policy: Policy) -> dict[str, Any]:
    """Return the rules as plain JSON values, for hashing: equal rules, equal values."""
    rules = {name: _plain(getattr(policy, name)) for name in _RULES}
    # A rule that is newer than the others: policies that do not have it keep their hash.
    return rules if policy.history is None else {**rules, "history": _plain(policy.history)}


def _plain(value: object) -> Any:  # noqa: ANN401  (JSON is any of six types)
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def _check_lists(policy: Policy) -> None:
    if not policy.signers and not policy.pins:
        raise PolicyError(
            "names neither a signer nor a digest, and would accept nothing",
            where="signers",
            hint="add a signer, or a pin",
        )
    for place, values in (
        ("signers.name", [rule.name for rule in policy.signers]),
        ("signers", [rule.principal for rule in (*policy.signers, *policy.attesters)]),
        ("pins", list(policy.pins)),
        ("formats", list(policy.formats)),
    ):
        if len(set(values)) != len(values):
            raise PolicyError("something is listed twice", where=place)
    for pin in policy.pins:
        if not _PIN.fullmatch(pin):
            raise PolicyError(f"expected bundle:sha256:<64 hex digits>, found {pin[:80]!r}", where="pins")
    known = get_args(FormatClass)
    if not policy.formats or any(item not in known for item in policy.formats):
        raise PolicyError(f"expected some of {', '.join(known)}", where="formats")


def signer_documents(policy: Policy) -> dict[str, object]:
    """Return signers and attesters as plain JSON values."""
    return {
        "signers": [rule.document() for rule in policy.signers],
        "attesters": [rule.document() for rule in policy.attesters],
    }


def canonical(policy: Policy) -> bytes:
    """Return the one form of a policy that was made in a program, for hashing."""
    return compact_json(
        {
            "schema": policy.schema,
            "id": policy.id,
            "version": policy.version,
            "name": policy.name,
            "formats": list(policy.formats),
            "pins": list(policy.pins),
            "expires": policy.expires.isoformat() if policy.expires else None,
            **signer_documents(policy),
            "rules": _canonical_rules(policy),
        }
    )
