"""Who we are to a registry, from the files and helpers that docker, podman and skopeo use. Never shown.

Source: docker's config.json and credential-helper protocol; containers-auth.json(5).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlpack.errors import RegistryError
from mlpack.oci.documents import parse_object

__all__ = ["ANONYMOUS", "Credentials", "find_credentials"]

_MAX_CONFIG = 4 * 1024 * 1024
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HELPER_SECONDS = 60
_TOKEN_USER = "<token>"  # noqa: S105  (the user name by which a helper says that its secret is a token)
_NOT_FOUND = "credentials not found"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What to show a registry; nothing of it appears in `repr`.

    Attributes:
        username: For basic authentication, and for asking for tokens.
        password: Its password.
        identity_token: A refresh token, exchanged for access tokens; used instead of a password.
        registry_token: A finished access token, sent as it is.
    """

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of a Basic authorization header; empty without a user."""
        if not self.username:
            return ""
        pair = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")

    def __bool__(self) -> bool:
        """Tell whether there is anything to show."""
        return bool(self.username or self.identity_token or self.registry_token)


ANONYMOUS = Credentials()


def find_credentials(host: str, repository: str = "") -> Credentials:
    """Return the credentials for a registry; `ANONYMOUS` when no file names it.

    Looked for in `REGISTRY_AUTH_FILE`, else in `DOCKER_CONFIG/config.json`, else in the user's default files.
    In a file, a helper for the host comes before the general helper, and that before stored credentials.

    Args:
        host: `HOST[:PORT]`.
        repository: Path in it; a file may name credentials for a part of a registry.

    Raises:
        RegistryError: A file that exists cannot be used, or a helper failed.
    """
    for path, required in _files():
        config = _read(path, required=required)
        if config is not None and (found := _from_config(config, host, repository, str(path))):
            return found
    return ANONYMOUS


def _files() -> list[tuple[Path, bool]]:
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        return [(Path(named), True)]
    if folder := os.environ.get("DOCKER_CONFIG"):
        return [(Path(folder) / "config.json", False)]
    files = []
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        files.append((Path(runtime) / "containers" / "auth.json", False))
    if home := os.environ.get("HOME"):
        files.append((Path(home) / ".docker" / "config.json", False))
    return files


def _read(path: Path, *, required: bool) -> Mapping[str, Any] | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_CONFIG + 1)
    except FileNotFoundError as error:
        if not required:
            return None
        raise _unusable("missing", str(path)) from error
    except OSError as error:
        raise _unusable(f"cannot be read: {error.strerror}", str(path)) from error
    if len(data) > _MAX_CONFIG:
        raise _unusable(f"more than {_MAX_CONFIG} bytes", str(path))
    if not data.strip():
        return None  # docker itself leaves empty files behind
    try:
        return parse_object(data, where=str(path))
    except RegistryError as error:
        raise _unusable(error.message, str(path)) from error


def _from_config(config: Mapping[str, Any], host: str, repository: str, where: str) -> Credentials:
    helpers = config.get("credHelpers")
    if isinstance(helpers, dict) and isinstance(helper := helpers.get(host), str):
        return _ask_helper(helper, host, where)
    if (
        isinstance(store := config.get("credsStore"), str)
        and store
        and (found := _ask_helper(store, host, where))
    ):
        return found
    auths = config.get("auths")
    if not isinstance(auths, dict):
        return ANONYMOUS
    for key in _keys(host, repository):
        if isinstance(entry := auths.get(key), dict) and (found := _from_entry(entry, f"{where}: {key}")):
            return found
    return ANONYMOUS


def _keys(host: str, repository: str) -> list[str]:
    """Return what may name the place, the most particular first."""
    parts = repository.split("/") if repository else []
    keys = ["/".join([host, *parts[:count]]) for count in range(len(parts), 0, -1)]
    return [*keys, host, f"https://{host}", f"https://{host}/", f"https://{host}/v1/", f"https://{host}/v2/"]


def _from_entry(entry: Mapping[str, Any], where: str) -> Credentials:
    def text(key: str) -> str:
        value = entry.get(key, "")
        if not isinstance(value, str):
            raise _unusable(f"expected a text for {key}", where)
        return value

    username, password = text("username"), text("password")
    if packed := text("auth"):
        try:
            username, _, password = base64.b64decode(packed, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            raise _unusable("'auth' is not base64 of user:password", where) from None
        password = password.rstrip("\0")
    token = text("identitytoken")
    return Credentials(
        username="" if token else username,
        password="" if token else password,
        identity_token=token,
        registry_token=text("registrytoken"),
    )


def _ask_helper(name: str, host: str, where: str) -> Credentials:
    program = shutil.which(f"docker-credential-{name}") if _HELPER.fullmatch(name) else None
    if program is None:
        raise _unusable(f"names the credential helper {name[:64]!r}, which is not on the PATH", where)
    try:
        answer = subprocess.run(
            [program, "get"], input=host.encode(), capture_output=True, timeout=_HELPER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        raise _unusable(f"docker-credential-{name} did not answer", where) from None
    if answer.returncode:
        # Only the one known sentence is looked for; whatever else a helper prints might be a secret.
        if _NOT_FOUND in (answer.stdout + answer.stderr).decode("utf-8", "replace").lower():
            return ANONYMOUS
        raise _unusable(f"docker-credential-{name} failed with status {answer.returncode}", where)
    try:
        document = json.loads(answer.stdout)
        username, secret = document["Username"], document["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        username = secret = None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise _unusable(f"docker-credential-{name} gave no Username and Secret", where)
    if username == _TOKEN_USER:
        return Credentials(identity_token=secret)
    return Credentials(username=username, password=secret)


def _unusable(message: str, where: str) -> RegistryError:
    return RegistryError(
        message,
        where=where,
        code="registry-credentials",
        hint="log in again with docker, podman or skopeo login",
    )
