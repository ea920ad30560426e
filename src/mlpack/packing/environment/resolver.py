"""Asking uv for a universal resolution, in a throw-away project that leaves the user's own alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlpack.errors import LockError
from mlpack.packing.environment.indexes import index_settings
from mlpack.packing.environment.targets import platform_of

__all__ = ["resolve", "run_uv", "uv_binary"]

TIMEOUT = 600
"""Seconds that uv may take for one command."""

# Where packages come from and how to reach them stays the user's choice; all other UV_ variables could change
# the result (resolution strategy, cut-off dates, another project) and are kept from the child.
_KEPT = re.compile(
    r"UV_(?:INDEX.*|DEFAULT_INDEX|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|KEYRING_PROVIDER|NATIVE_TLS|SYSTEM_CERTS"
    r"|INSECURE_HOST|HTTP_.*|REQUEST_TIMEOUT|CACHE_DIR|NO_CACHE|CONFIG_FILE|NO_CONFIG|CREDENTIALS_DIR"
    r"|CONCURRENT_.*|NO_NETRC|SSL_.*)"
)

_NETWORK = (
    "Failed to fetch",
    "error sending request",
    "Request failed",
    "dns error",
    "operation timed out",
    "tcp connect",
    "Unauthorized",
    "Forbidden",
)
_OFFLINE = ("network connectivity is disabled", "network was disabled", "--offline", "offline")

_NO_WHEEL = re.compile(r"([A-Za-z0-9._-]+)==(\S+) has no `([^`]*)`-compatible wheels")
_SOURCES_ONLY = re.compile(r"Because ([A-Za-z0-9._-]+)==(\S+) has no usable wheels")
_NOT_FOUND = re.compile(r"Because (?:there is no version of )?([A-Za-z0-9._=+!-]+)")


def resolve(
    roots: Sequence[str],
    *,
    constraints: Mapping[str, str],
    minors: Sequence[int],
    markers: Sequence[str],
    offline: bool,
) -> dict[str, Any]:
    """Return uv's own pylock.toml for `roots`, parsed.

    Args:
        roots: Normalised names, or requirements.
        constraints: Normalised name to the one version that may be taken.
        minors: CPython 3 minors, ascending and without a gap.
        markers: One PEP 508 marker per platform.
        offline: Use nothing but what uv has in its cache.

    Raises:
        LockError: uv is missing, has no network, or finds no resolution.
    """
    refused: LockError | None = None
    for settings in index_settings():
        try:
            return _resolve(_pyproject(roots, constraints, minors, markers), settings, offline=offline)
        except LockError as error:
            refused = refused or error
    raise refused or LockError("there is no index to ask")


def _resolve(pyproject: str, settings: Mapping[str, str], *, offline: bool) -> dict[str, Any]:
    binary = uv_binary()
    with tempfile.TemporaryDirectory(prefix="mlpack-lock-") as folder:
        project = Path(folder)
        (project / "pyproject.toml").write_text(pyproject, encoding="utf-8", newline="\n")
        flags = ["--offline"] if offline else []
        if sys.executable:
            flags += ["--python", sys.executable]
        export = [binary, "export", "--locked", "--format", "pylock.toml", "--no-header", *flags]
        run_uv([binary, "lock", *flags], project, offline=offline, settings=settings)
        text = run_uv(export, project, offline=offline, settings=settings)
    return tomllib.loads(text)


def uv_binary() -> str:
    """Return the path of uv, which comes as a dependency.

    Raises:
        LockError: It is not there.
    """
    try:
        import uv

        return uv.find_uv_bin()
    except (ImportError, FileNotFoundError) as error:
        raise LockError(
            "uv, which resolves locks, is not installed", hint="install it beside mlpack: pip install uv"
        ) from error


def _pyproject(
    roots: Sequence[str], constraints: Mapping[str, str], minors: Sequence[int], markers: Sequence[str]
) -> str:
    import tomli_w

    return tomli_w.dumps(
        {
            "project": {
                "name": "mlpack-throw-away",
                "version": "0",
                "requires-python": f">=3.{minors[0]},<3.{minors[-1] + 1}",
                "dependencies": list(roots),
            },
            "tool": {
                "uv": {
                    "package": False,
                    "no-build": True,
                    "constraint-dependencies": [f"{n}=={v}" for n, v in sorted(constraints.items())],
                    "environments": list(markers),
                    "workspace": {"members": []},  # else a project in a parent folder might claim this one
                }
            },
        }
    )


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("UV_") or _KEPT.fullmatch(k)}
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        kept.pop(name, None)
    ours = {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    # uv's own oldest macOS is older than what onnxruntime has wheels for
    return {"MACOSX_DEPLOYMENT_TARGET": "14.0", **kept, **ours}


def run_uv(
    command: list[str], project: Path, *, offline: bool, settings: Mapping[str, str] | None = None
) -> str:
    """Run uv in a folder of ours and return what it printed.

    Args:
        command: Program and arguments.
        project: The folder.
        offline: Whether it was told to contact nothing, for the words of errors.
        settings: Variables that say where packages come from; None takes those to try first.

    Raises:
        LockError: It failed; its words are scrubbed of credentials and places.
    """
    try:
        done = subprocess.run(
            command,
            cwd=project,
            env={**_environment(), **(index_settings()[0] if settings is None else settings)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LockError(f"uv did not finish within {TIMEOUT} seconds") from error
    except OSError as error:
        raise LockError(f"uv could not be started: {error.strerror}") from error
    if done.returncode:
        raise _failure(_scrub(done.stderr, project), offline=offline)
    return done.stdout


def _failure(words: str, *, offline: bool) -> LockError:
    words = words[max(words.find("error:"), 0) :]
    lines = (line.strip() for line in words.splitlines())
    # uv's own hints speak of uv's settings, which the reader did not write
    problems = tuple(line for line in lines if line and not line.startswith("hint:"))[:12]
    if offline and any(sign in words for sign in _OFFLINE):
        return LockError(
            "the packages cannot be locked offline: uv's cache does not hold all that it needs to know",
            hint="pack once with the network, which fills uv's cache, or allow the network this time",
            problems=problems,
            code="lock-offline",
        )
    if any(sign in words for sign in _NETWORK):
        return LockError(
            "the package index could not be reached",
            hint="check the network and the index of uv (UV_DEFAULT_INDEX or uv.toml; pip's "
            "settings where uv has none), or use offline=True with a filled cache",
            problems=problems,
            code="lock-network",
        )
    if match := _NO_WHEEL.search(words):
        return LockError(
            f"{match[1]} {match[2]} has no wheel for {platform_of(match[3])}",
            where=match[1],
            hint="leave that platform out, or use a version that has a wheel for it",
            problems=problems,
            code="lock-no-wheel",
        )
    if match := _SOURCES_ONLY.search(words):
        return LockError(
            f"{match[1]} {match[2]} has no wheel on the index, only sources",
            where=match[1],
            hint="a lock holds wheels only: publish wheels of it, or choose a version that has some",
            problems=problems,
            code="lock-no-wheel",
        )
    name = match[1] if (match := _NOT_FOUND.search(words)) else ""
    return LockError(
        f"{name or 'an installed version'} is not on the index that uv uses, or does not fit the rest",
        where=name.partition("==")[0],
        hint="publish it there, or install a version that the index has; local builds cannot be locked",
        problems=problems,
        code="lock-resolution",
    )


def _scrub(words: str, project: Path) -> str:
    """Return uv's own words without credentials, query strings and our temporary folder."""
    for path in sorted({str(project), str(project.resolve())}, key=len, reverse=True):
        words = words.replace(path, "<project>")
    words = re.sub(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@]*@", r"\1", words)
    return re.sub(r"(\b[a-z][a-z0-9+.-]*://[^\s?#`')]*)[?#][^\s`')]*", r"\1", words)
