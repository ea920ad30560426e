"""environment/pylock.toml: the wheels that serving needs, by name, hash and size. A profile of PEP 751.

A lock says which bytes, never where they come from: no URL, no index, no time, so that two machines with
different package indexes write the same file.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from mlpack.errors import FormatError
from mlpack.format.documents import Fields
from mlpack.format.lock_words import is_marker, is_normal_version, wheel_of
from mlpack.format.names import MAX_PATH, WHEELS

__all__ = ["Lock", "LockedFile", "LockedPackage", "stored_name", "to_requirements"]

MAX_BYTES = 8 * 2**20
"""Largest lock that is read; one of 130 packages is a twentieth of that."""

MAX_PACKAGES = 2000
MAX_FILES = 200
"""Most wheels of one package."""

_WHERE = "pylock.toml"
_CREATOR = "mlpack"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WHEEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*\.whl")
"""Longer than other names in a bundle may be: compressed platform tags reach 105 characters in practice."""

_UP = "../"
"""From the lock's folder to the bundle's, where installers find the wheels (PEP 751)."""

_MAX_STORED = 100
"""Longest name of a file in an archive."""

_ALIAS = re.compile(r"manylinux(?:1|2010|2014)_.*")

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_RANGE = re.compile(r">=3\.([1-9]\d?),<3\.([1-9]\d?)")


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedFile:
    """One wheel.

    Attributes:
        name: File name, which holds the package, the version and the compatibility tags.
        sha256: SHA-256 of the wheel, 64 lower-case hex digits.
        size: Size of the wheel in bytes.
    """

    name: str
    sha256: str
    size: int

    @property
    def path(self) -> str:
        """Where the wheel lies in a bundle that carries its wheels."""
        return WHEELS + stored_name(self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedPackage:
    """One version of one package.

    Attributes:
        name: Normalised distribution name.
        version: Normalised version, with its local label (`2.13.0+cpu`).
        marker: Environments that need it (PEP 508), or None for all of the lock.
        files: Its wheels, sorted by name; at least one.
    """

    name: str
    version: str
    marker: str | None
    files: tuple[LockedFile, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """What an installer needs to know to rebuild an environment, byte for byte.

    Attributes:
        requires_python: Range of CPython minors that it was made for, as `>=3.11,<3.15`.
        environments: One PEP 508 marker per platform that it was made for, sorted.
        packages: Sorted by name and version.
    """

    requires_python: str
    environments: tuple[str, ...]
    packages: tuple[LockedPackage, ...]

    @property
    def minors(self) -> tuple[int, ...]:
        """CPython 3 minors that it was made for, ascending."""
        return _minors(self.requires_python)

    @classmethod
    def from_bytes(cls, data: bytes) -> Lock:
        """Read a lock.

        Raises:
            FormatError: It is not TOML, not a PEP 751 lock, or outside our profile of it.

        Source: PEP 751; the profile stands in docs/reference/bundle-format.md.
        """
        document = _toml(data)
        fields = Fields(document, _WHERE)
        fields.choice("lock-version", ("1.0",))
        fields.choice("created-by", (_CREATOR,))
        requires_python = fields.text("requires-python")
        _minors(requires_python)
        environments = fields.texts("environments")
        _increasing(environments, f"{_WHERE}.environments")
        for index, marker in enumerate(environments):
            _check_marker(marker, f"{_WHERE}.environments[{index}]")
        packages = tuple(_package(item) for item in _bounded(fields, "packages", MAX_PACKAGES))
        fields.done()
        _increasing([(package.name, package.version) for package in packages], f"{_WHERE}.packages")
        return cls(requires_python=requires_python, environments=environments, packages=packages)

    def to_bytes(self) -> bytes:
        """Return the one serialisation of this lock, which `from_bytes` reads back as an equal value.

        Raises:
            FormatError: The standard's own reader does not take it.
        """
        import tomli_w

        document = {
            "lock-version": "1.0",
            "environments": list(self.environments),
            "requires-python": self.requires_python,
            "created-by": _CREATOR,
            "packages": [_package_table(package) for package in self.packages],
        }
        _cross_check(document)
        return tomli_w.dumps(document).encode("utf-8")


def stored_name(name: str) -> str:
    """Return the file name of a wheel in a bundle: of one too long for an archive, fewer platform tags.

    Older aliases of a tag go first, then the tags that fewer machines take, until it fits. Installers take
    what is left: a wheel runs wherever any of its tags does.
    """
    head, _, tags = name.removesuffix(".whl").rpartition("-")
    kept = tags.split(".")
    for tag in sorted(kept, key=lambda tag: (not _ALIAS.fullmatch(tag), *_newest_first(tag))):
        if len(name) <= _MAX_STORED or len(kept) == 1:
            break
        kept.remove(tag)
        name = f"{head}-{'.'.join(kept)}.whl"
    return name


def _newest_first(tag: str) -> tuple[tuple[int, ...], str]:
    """Return a key that sorts what asks for a newer system first."""
    return tuple(-int(number) for number in re.findall(r"_(\d+)(?=_)", tag)) or (0,), tag


def to_requirements(lock: Lock) -> str:
    """Return `lock` as a plain requirements file with hashes, which every installer takes.

    Sizes and the range of Python versions have no place there, and are lost.
    """
    lines = []
    for package in lock.packages:
        marker = f" ; {package.marker}" if package.marker else ""
        hashes = sorted({file.sha256 for file in package.files})
        lines.append(
            " \\\n".join(
                [f"{package.name}=={package.version}{marker}", *(f"    --hash=sha256:{h}" for h in hashes)]
            )
        )
    return "".join(line + "\n" for line in lines)


def _package_table(package: LockedPackage) -> dict[str, Any]:
    table: dict[str, Any] = {"name": package.name, "version": package.version}
    if package.marker is not None:
        table["marker"] = package.marker
    table["wheels"] = [_file_table(file) for file in package.files]
    return table


def _file_table(file: LockedFile) -> dict[str, Any]:
    name = {} if file.path == WHEELS + file.name else {"name": file.name}
    return {**name, "path": _UP + file.path, "size": file.size, "hashes": {"sha256": file.sha256}}


def _toml(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise FormatError(f"expected at most {MAX_BYTES} bytes, found {len(data)}", where=_WHERE)
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8 at byte {error.start}", where=_WHERE) from error
    except RecursionError as error:
        raise FormatError("nested too deeply", where=_WHERE) from error
    except ValueError as error:  # TOMLDecodeError, and integers too long to convert
        raise FormatError(f"not TOML: {error}", where=_WHERE) from error


def _cross_check(document: dict[str, Any]) -> None:
    """Ask the standard's own reader, so that what is written here installs elsewhere."""
    from packaging.pylock import Pylock, PylockValidationError

    try:
        Pylock.from_dict(document)
    except PylockValidationError as error:
        raise FormatError(f"not a PEP 751 lock: {error}", where=_WHERE) from error


def _minors(requires_python: str) -> tuple[int, ...]:
    match = _RANGE.fullmatch(requires_python)
    found = range(int(match[1]), int(match[2])) if match else range(0)
    if not found:
        raise FormatError(
            f"expected a range like '>=3.11,<3.15', found {requires_python[:80]!r}",
            where=f"{_WHERE}.requires-python",
        )
    return tuple(found)


def _bounded(fields: Fields, key: str, most: int) -> list[Fields]:
    found = fields.each(key)
    if not 1 <= len(found) <= most:
        raise FormatError(f"expected 1 to {most} entries, found {len(found)}", where=f"{fields.where}.{key}")
    return found


def _increasing(keys: Any, where: str) -> None:  # noqa: ANN401  (strings, or pairs of them)
    keys = list(keys)
    if not keys:
        raise FormatError("expected at least one entry", where=where)
    for index in range(1, len(keys)):
        if keys[index - 1] >= keys[index]:
            raise FormatError("expected sorted entries without repetition", where=f"{where}[{index}]")


def _check_marker(marker: str, where: str) -> None:
    if len(marker) > 4000:
        raise FormatError("expected at most 4000 characters", where=where)
    try:
        known = is_marker(marker)
    except RecursionError as error:
        raise FormatError("nested too deeply", where=where) from error
    if not known:
        raise FormatError(f"not an environment marker: {marker[:80]!r}", where=where)


def _package(fields: Fields) -> LockedPackage:
    name, version = fields.text("name"), fields.text("version")
    if len(name) > 100 or not _NAME.fullmatch(name):
        raise FormatError(f"not a normalised name: {name[:80]!r}", where=f"{fields.where}.name")
    if len(version) > 100 or not is_normal_version(version):
        raise FormatError(f"not a normalised version: {version[:80]!r}", where=f"{fields.where}.version")
    marker = fields.text("marker") if fields.has("marker") else None
    if marker is not None:
        _check_marker(marker, f"{fields.where}.marker")
    files = tuple(_file(item, name, version) for item in _bounded(fields, "wheels", MAX_FILES))
    fields.done()
    _increasing([file.name for file in files], f"{fields.where}.wheels")
    if len({file.path for file in files}) < len(files):
        raise FormatError("two wheels would be stored under one name", where=f"{fields.where}.wheels")
    return LockedPackage(name=name, version=version, marker=marker, files=files)


def _file(fields: Fields, name: str, version: str) -> LockedFile:
    path = fields.text("path")
    where = f"{fields.where}.path"
    # Bundles of the first writers name the place below the bundle's own folder.
    stored = path.removeprefix(_UP).removeprefix(WHEELS)
    file_name = fields.text("name") if fields.has("name") else stored
    if path not in (_UP + WHEELS + stored, WHEELS + stored) or len(path) > MAX_PATH:
        raise FormatError(f"expected {_UP}{WHEELS}<file name>, found {path[:120]!r}", where=where)
    if len(file_name) > MAX_PATH or not _WHEEL.fullmatch(file_name):
        raise FormatError(f"not the name of a wheel: {file_name[:120]!r}", where=where)
    if stored not in (file_name, stored_name(file_name)) or (fields.has("name") and stored == file_name):
        raise FormatError(f"expected {stored_name(file_name)[:120]!r}, found {stored[:120]!r}", where=where)
    found = wheel_of(file_name)
    if found is None:
        raise FormatError(f"not the name of a wheel: {file_name!r}", where=where)
    if found != (name, version):
        raise FormatError(
            f"expected a wheel of {name} {version}, found one of {found[0]} {found[1]}", where=where
        )
    size = fields.integer("size", minimum=1)
    if size >= 2**63:
        raise FormatError("larger than any file", where=f"{fields.where}.size")
    hashes = fields.fields("hashes")
    sha256 = hashes.text("sha256")
    if not _SHA256.fullmatch(sha256):
        raise FormatError("expected 64 lower-case hex digits", where=f"{hashes.where}.sha256")
    hashes.done()
    fields.done()
    return LockedFile(name=file_name, sha256=sha256, size=size)
