"""Where packages come from: as uv is set up, or else as pip is. No index is known here by name."""

from __future__ import annotations

import configparser
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

__all__ = ["index_settings", "pip_settings"]

_UV = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX")
_UV_KEYS = ("index", "index-url", "extra-index-url", "find-links", "no-index", "pip")
_PIP = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS"}
"""pip's setting -> what it is called in uv's environment."""


def index_settings() -> list[dict[str, str]]:
    """Return what to add to uv's environment: each to be tried, in order, until one has all packages.

    uv's own settings are left alone where there are any. Else pip's count: its `index-url` stands in for the
    default index from the start, since it may be the only one that may be asked; `extra-index-url` and
    `find-links` are added once the default alone does not have everything.
    """
    if _uv_is_set_up():
        return [{}]
    pip = pip_settings()
    first = {name: value for name, value in pip.items() if name == "UV_DEFAULT_INDEX"}
    return [first] if first == pip else [first, pip]


def pip_settings() -> dict[str, str]:
    """Return pip's indexes and folders of wheels, as variables of uv.

    Source: pip's documentation, "Configuration": later files win over earlier ones, variables over files.
    """
    found: dict[str, str] = {}
    for path in _pip_files():
        found |= _of_file(path)
    for setting, name in _PIP.items():
        if value := os.environ.get("PIP_" + setting.upper().replace("-", "_")):
            found[name] = _words(value, name)
    return found


def _of_file(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):  # pip itself is the judge of its own files
        return {}
    return {
        name: _words(parser[section][setting], name)
        for section in ("global", "install")
        if parser.has_section(section)
        for setting, name in _PIP.items()
        if parser[section].get(setting, "").strip()
    }


def _words(text: str, name: str) -> str:
    return ("," if name == "UV_FIND_LINKS" else " ").join(text.split())


def _pip_files() -> list[Path]:
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home, config = Path.home(), _config()
    places = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip" / "pip.conf"]
    places += [config / "pip" / "pip.conf", Path(sys.prefix) / "pip.conf"]
    if sys.platform == "darwin":
        places.insert(2, Path("/Library/Application Support/pip/pip.conf"))
        places.insert(4, home / "Library" / "Application Support" / "pip" / "pip.conf")
    return [*places, Path(named)] if named else places


def _config() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _uv_is_set_up() -> bool:
    if any(os.environ.get(name) for name in _UV) or os.environ.get("UV_CONFIG_FILE"):
        return True
    return any(_names_an_index(path) for path in (_config() / "uv" / "uv.toml", Path("/etc/uv/uv.toml")))


def _names_an_index(path: Path) -> bool:
    try:
        document: Mapping[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there; uv complains of what is not TOML
        return False
    return any(key in document for key in _UV_KEYS)
