"""Values that must not leave this machine: of secret-looking environment variables, and its own paths."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["KnownValues", "known_here"]

MIN_VALUE = 8
"""Shortest value that is looked for, in bytes: shorter ones would be found everywhere."""

_SECRET_NAME = re.compile(
    r"(?i)(?:^|_)(?:TOKEN|SECRET|SECRETS|PASSWORD|PASSWD|PASSPHRASE|PWD|APIKEY|API_KEY|ACCESS_KEY(?:_ID)?|SECRET_KEY|PRIVATE_KEY|"
    r"ACCOUNT_KEY|ENCRYPTION_KEY|SIGNING_KEY|CREDENTIAL|CREDENTIALS|DSN|CONNECTION_STRING|WEBHOOK(?:_URL)?)(?:_|$)"
)
_FOLDERS = ("PWD", "OLDPWD", "INIT_CWD")
_NO_MACHINE = ("/usr", "/usr/local", "/opt", "/", "/root", "/home", "/tmp", "/var", "/srv")  # noqa: S108


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownValues:
    """Exact bytes to look for.

    Attributes:
        secrets: Bytes -> name of the environment variable whose value they spell.
        paths: Folders of this machine, without a final slash.
    """

    secrets: Mapping[bytes, str] = field(default_factory=dict)
    paths: tuple[bytes, ...] = ()


def known_here(environment: Mapping[str, str]) -> KnownValues:
    """Return what this process knows and a file must not hold.

    Args:
        environment: Variables; those whose name speaks of a secret count, with at least eight characters that
            are no plain word and no path.
    """
    secrets: dict[bytes, str] = {}
    for name, value in sorted(environment.items()):
        if _SECRET_NAME.search(name) and name not in _FOLDERS and _is_secret(value):
            for spelling in _spellings(value):
                secrets.setdefault(spelling, name)
    return KnownValues(secrets=secrets, paths=tuple(sorted(_own_paths(environment))))


def _is_secret(value: str) -> bool:
    if len(value) < MIN_VALUE or value.startswith(("/", "~", "./")) or re.match(r"[A-Za-z]:\\", value):
        return False
    plain = re.fullmatch(r"[A-Za-z]+|[0-9.]+", value) is not None  # production, true, 20260101
    return not plain or len(value) >= 2 * MIN_VALUE


def _spellings(value: str) -> Iterator[bytes]:
    """Yield a value as it stands, as JSON, as part of a URL, and as an ASCII or a wide text would hold it."""
    plain = value.strip()
    yield plain.encode("utf-8", "surrogateescape")
    yield json.dumps(plain)[1:-1].encode()
    yield urllib.parse.quote(plain, safe="", errors="surrogateescape").encode()


def _own_paths(environment: Mapping[str, str]) -> set[bytes]:
    """Return the working folder, the home and the environment's folder, where they say something."""
    found = {environment.get("HOME", ""), environment.get("USERPROFILE", ""), sys.prefix}
    with contextlib.suppress(OSError):  # it was deleted
        found.add(str(Path.cwd()))
    texts = {text.rstrip("/\\") for text in found}
    return {
        text.encode("utf-8", "surrogateescape")
        for text in texts
        if len(text) >= MIN_VALUE and text not in _NO_MACHINE and Path(text).is_absolute()
    }
