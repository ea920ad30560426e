"""policy.yaml: from text to the values of a policy. What they must fulfil is the policy's own business."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mlpack.errors import MlpackError, PolicyError
from mlpack.format.documents import Fields
from mlpack.trust.plain_yaml import parse_plain_yaml
from mlpack.trust.signer_rules import SignerRule, parse_signer

__all__ = ["POLICY_SCHEMA", "SignerRule", "parse_policy", "read_policy_file", "reads_files"]

POLICY_SCHEMA = "mlpack-policy/1"
"""The `schema` of a policy that this version reads. The number changes with every change of meaning."""

MAX_POLICY = 1024 * 1024
"""Largest policy file, in bytes."""


def read_policy_file(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a policy file.

    Raises:
        PolicyError: It cannot be read, is too large, or is a key.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_POLICY + 1)
    except OSError as error:
        raise PolicyError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if data.lstrip().startswith(b"-----BEGIN"):
        raise PolicyError("a key, not a policy", where=str(path), hint="use Policy.from_key, or --key")
    return data


def parse_policy(data: bytes, *, base: Path | None, source: str) -> dict[str, Any]:
    """Return the arguments of a `Policy`.

    Args:
        data: The text of policy.yaml.
        base: Folder that key files are relative to; None when every key must stand in the text.
        source: Where the text came from, for messages.

    Raises:
        PolicyError: The text breaks the format.
    """
    if len(data) > MAX_POLICY:
        raise PolicyError(f"more than {MAX_POLICY} bytes", where=source)
    try:
        return _parse(Fields(parse_plain_yaml(data.decode("utf-8"), where=source), source), base)
    except UnicodeDecodeError as error:
        raise PolicyError(f"not UTF-8 at byte {error.start}", where=source) from error
    except PolicyError:
        raise
    except MlpackError as error:
        raise PolicyError(error.message, where=error.where, hint=error.hint) from error


def reads_files(data: bytes, *, source: str) -> bool:
    """Return whether a policy that has been parsed names key files instead of holding the keys."""
    top = Fields(parse_plain_yaml(data.decode("utf-8"), where=source), source)
    try:
        for key in ("signers", "attesters"):
            for item in top.each(key) if top.has(key) else ():
                parse_signer(item, None)
    except PolicyError:
        return True
    return False


def _parse(top: Fields, base: Path | None) -> dict[str, Any]:
    from mlpack.trust.rules_file import parse_rules

    schema = top.text("schema")
    if schema != POLICY_SCHEMA:
        raise PolicyError(f"expected {POLICY_SCHEMA!r}, found {schema[:80]!r}", where=f"{top.where}.schema")
    given: dict[str, Any] = {"id": top.text("id"), "version": top.text("version")}
    if top.has("signers"):
        given["signers"] = tuple(parse_signer(item, base) for item in top.each("signers"))
    if top.has("name"):
        given["name"] = top.text("name")
    if top.has("formats"):
        given["formats"] = top.texts("formats")
    if top.has("attesters"):
        given["attesters"] = tuple(parse_signer(item, base) for item in top.each("attesters"))
    given |= parse_rules(top, base)
    top.done()
    return given
