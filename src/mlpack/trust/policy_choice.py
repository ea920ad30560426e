"""Which policy counts: the one that is passed, the environment's, or the user's own; in this order."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mlpack.errors import PolicyError, UsageError
from mlpack.trust.policy import Policy, Unsigned, policy_from_bytes
from mlpack.trust.policy_file import read_policy_file

__all__ = ["POLICY_HASH_VARIABLE", "POLICY_VARIABLE", "resolve_policy", "user_policy_path"]

POLICY_VARIABLE = "MLPACK_POLICY"
"""Environment variable: path of a policy, or its text."""

POLICY_HASH_VARIABLE = "MLPACK_POLICY_SHA256"
"""Environment variable: hex SHA-256 that the text of the policy must have."""

_HINT = "pass policy=, set MLPACK_POLICY to a policy file, or pass policy=Policy.from_key('NAME.pub')"


def resolve_policy(policy: Policy | Unsigned | str | os.PathLike[str] | None) -> Policy | Unsigned:
    """Return the policy to use: the argument, `MLPACK_POLICY`, or the user's own; in this order.

    The user's own policy (`mlpack/policy.yaml` in the configuration folder) counts only when a person sits
    there: it is refused in scripts and where `CI` is set, so that no build depends on a home directory.

    Args:
        policy: A policy, `UNSIGNED`, the path of a policy file, or None to search.

    Raises:
        PolicyError: There is none, it is malformed, or it differs from `MLPACK_POLICY_SHA256`.
        UsageError: The argument is of another type.
    """
    match policy:
        case Policy() | Unsigned():
            return policy
        case str() | os.PathLike():
            return _pinned_file(policy)
        case None:
            return _search()
        case _:
            raise UsageError(f"expected a Policy or a path, found {type(policy).__name__}", where="policy")


def _search() -> Policy:
    if given := os.environ.get(POLICY_VARIABLE):
        if "\n" in given or given.lstrip().startswith("{"):
            return _pinned(Policy.from_text(given, source=POLICY_VARIABLE))
        return _pinned_file(given)
    own = user_policy_path()
    if own is None or not own.exists():
        raise PolicyError("there is no policy, so nothing says whom to trust", hint=_HINT)
    if os.environ.get("CI") or not _interactive():
        raise PolicyError(
            "your own policy is not used here, because nobody sits at this process",
            where=str(own),
            hint=_HINT,
        )
    return _pinned_file(own)


def user_policy_path() -> Path | None:
    """Return where the user's own policy would be, or None for a user without a home.

    Source: XDG Base Directory Specification.
    """
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    if Path(folder).is_absolute():
        return Path(folder) / "mlpack" / "policy.yaml"
    try:
        return Path.home() / ".config" / "mlpack" / "policy.yaml"
    except RuntimeError:
        return None


def _interactive() -> bool:
    # A notebook has no terminal, but sets ps1 as every interactive shell does.
    return hasattr(sys, "ps1") or (sys.stdin is not None and sys.stdin.isatty())


def _pinned_file(path: str | os.PathLike[str]) -> Policy:
    # The hash of a policy says nothing about key files beside it: then the keys must stand in the text.
    base = None if os.environ.get(POLICY_HASH_VARIABLE) else Path(path).parent
    return _pinned(policy_from_bytes(read_policy_file(path), base=base, source=str(path)))


def _pinned(policy: Policy) -> Policy:
    expected = os.environ.get(POLICY_HASH_VARIABLE)
    if expected and expected != policy.sha256:
        raise PolicyError(
            f"expected sha256 {expected[:64]!r} ({POLICY_HASH_VARIABLE}), found {policy.sha256}",
            where=policy.source,
        )
    return policy
