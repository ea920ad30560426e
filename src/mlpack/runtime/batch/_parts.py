"""What a run reads: one file, or the files of a partitioned folder, on this machine or behind a URL."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import unquote

from mlpack.errors import InputError, MissingExtraError, StorageError
from mlpack.runtime.batch._formats import FORMS, form_of

__all__ = ["Part", "file_system", "is_url", "list_parts"]

_NOTHING = "__HIVE_DEFAULT_PARTITION__"
_ENDS = 65536
"""Bytes of either end of a file that go into its identity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One file of the input.

    Attributes:
        place: Path or URL.
        relative: Path below the folder that was named; its own name for a single file.
        form: How its table is stored.
        keys: Columns that its folders spell out (`day=2024-01-01`), None for the missing value.
    """

    place: str
    relative: str
    form: str
    keys: Mapping[str, str | None]

    def open(self) -> IO[bytes]:
        """Open it for reading.

        Raises:
            StorageError: It is gone, or not for us.
        """
        try:
            if is_url(self.place):
                system, path = file_system(self.place)
                return cast("IO[bytes]", system.open(path, "rb"))
            return Path(self.place).open("rb")
        except OSError as error:
            raise StorageError(f"cannot be read: {error.strerror or error}", where=self.place) from error

    def identity(self) -> dict[str, Any]:
        """Return what tells this file from others, and from itself after a change; only its ends are read."""
        with self.open() as file:
            head = file.read(_ENDS)
            size = file.seek(0, 2)
            file.seek(max(0, size - _ENDS))
            ends = hashlib.sha256(head + file.read(_ENDS)).hexdigest()
        changed = 0 if is_url(self.place) else Path(self.place).stat().st_mtime_ns
        return {"path": self.relative, "size": size, "changed": str(changed), "ends": ends}


def is_url(place: str) -> bool:
    """Return whether a place is for fsspec."""
    return "://" in place


def file_system(place: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it.

    Raises:
        MissingExtraError: fsspec, or what it needs for this kind of URL, is not installed.
        StorageError: There is no such place.
    """
    try:
        core = importlib.import_module("fsspec.core")
        system, path = core.url_to_fs(place)
    except ImportError as error:
        raise MissingExtraError(
            "URLs need fsspec and its package for this kind of URL", where=place, hint="pip install fsspec"
        ) from error
    except ValueError as error:
        raise StorageError("no such kind of URL", where=place) from error
    return system, path


def list_parts(source: str) -> tuple[list[Part], bool]:
    """Return the files of a source in the order of their names, and whether it is a folder.

    Raises:
        InputError: The folder holds no table, or tables of several forms.
        StorageError: There is nothing.
    """
    if is_url(source):
        system, path = file_system(source)
        folder = bool(system.isdir(path))
        names = [name.removeprefix(path).strip("/") for name in system.find(path)] if folder else []
    else:
        folder = Path(source).is_dir()
        names = _below(Path(source)) if folder else []
    if not folder:
        name = source.rstrip("/").rpartition("/")[2]
        return [Part(place=source, relative=name, form=form_of(name), keys={})], False
    shown = sorted(name for name in names if not any(step[0] in "._" for step in name.split("/")))
    if not shown:
        raise InputError(
            "holds no table", where=source, hint=f"expected files that end in {', '.join(FORMS)}"
        )
    parts = [
        Part(place=f"{source.rstrip('/')}/{name}", relative=name, form=form_of(name), keys=_keys(name))
        for name in shown
    ]
    if len({part.form for part in parts}) > 1:
        raise InputError("holds tables of several forms", where=source)
    return parts, True


def _below(folder: Path) -> list[str]:
    """Return the files below a folder; links to folders are not followed."""
    return [
        (Path(base) / name).relative_to(folder).as_posix()
        for base, _, names in os.walk(folder)
        for name in names
    ]


def _keys(relative: str) -> dict[str, str | None]:
    keys: dict[str, str | None] = {}
    for step in relative.split("/")[:-1]:
        name, sign, value = step.partition("=")
        if sign:
            keys[unquote(name)] = None if value == _NOTHING else unquote(value)
    return keys
