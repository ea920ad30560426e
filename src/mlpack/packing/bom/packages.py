"""Components for the locked packages and for the native code inside their wheels."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from mlpack.errors import PackError
from mlpack.format.bom.parts import Part, package_url, properties, sha256
from mlpack.format.bom.spdx import as_licenses
from mlpack.format.lock import Lock, LockedPackage
from mlpack.packing.bom.embedded import embedded_parts
from mlpack.packing.bom.licenses import declared_license
from mlpack.packing.environment.installed import dependencies, distribution
from mlpack.packing.environment.natives import NativeLibrary, file_sha256, native_libraries
from mlpack.packing.environment.targets import PLATFORMS, environments_of

__all__ = ["framework_part", "package_parts"]


class _ReadOnce(metadata.Distribution):
    """An installed distribution whose files are read and parsed once: every property would do so again."""

    def __init__(self, item: metadata.Distribution) -> None:
        self._item = item
        self._texts: dict[str, str | None] = {}

    def read_text(self, filename: str) -> str | None:
        if filename not in self._texts:
            self._texts[filename] = self._item.read_text(filename)
        return self._texts[filename]

    def locate_file(self, path: str | os.PathLike[str]) -> Any:  # noqa: ANN401  (differs between versions)
        return self._item.locate_file(path)

    @functools.cached_property
    def metadata(self) -> metadata.PackageMetadata:
        return self._item.metadata


def package_parts(lock: Lock) -> list[Part]:
    """Return components for every locked package and for the native code inside its wheels.

    Licences, edges and native code come from what is installed here; a locked package that is not installed
    here (another platform's) has its wheels and hashes only, and says so.

    Raises:
        PackError: A file of an installed wheel cannot be read.
    """
    locked: dict[str, list[str]] = {}
    for package in lock.packages:
        locked.setdefault(package.name, []).append(_reference(package))
    environments = [
        env
        for platform in PLATFORMS.values()
        if platform.marker in lock.environments
        for minor in lock.minors
        for env in environments_of(platform, minor)
    ]
    parts = []
    for package in lock.packages:
        known = _installed(package.name, package.version)
        part = _package_part(package, known)
        parts.append(part)
        if known is None:
            continue
        for name, _ in dependencies(known, environments):
            part.needs.update(locked.get(name, ()))
        inside = _native_parts(part, package.name, known)
        if inside:
            part.known = "incomplete"  # seen in the wheel of this platform, and not in those of the others
            asked_for = {ref for other in inside for ref in other.needs}
            part.needs.update(other.ref for other in inside if other.ref not in asked_for)
            parts += inside
    return parts


def framework_part(name: str, version: str) -> Part:
    """Return the library that trained the model: named, but outside of what is served."""
    item = _installed(name, version)
    url = package_url("pypi", name, version)
    component: dict[str, Any] = {
        "type": "framework",
        "bom-ref": url,
        "name": name,
        "version": version,
        "purl": url,
        "scope": "excluded",
    }
    if item is not None and (terms := as_licenses(declared_license(item))):
        component["licenses"] = terms
    return Part(component=component, known="unknown")


def _installed(name: str, version: str) -> _ReadOnce | None:
    item = distribution(name)
    found = _ReadOnce(item) if item is not None else None
    return found if found is not None and found.version == version else None


def _reference(package: LockedPackage) -> str:
    return package_url("pypi", package.name, package.version)


def _package_part(package: LockedPackage, item: metadata.Distribution | None) -> Part:
    stated = item.metadata.get_all("Summary") if item is not None else None
    url = _reference(package)
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": url,
        "name": package.name,
        "version": package.version,
        "purl": url,
        "scope": "required",
        "externalReferences": [
            {"type": "distribution", "url": file.path, "hashes": sha256(file.sha256)}
            for file in sorted(package.files, key=lambda file: file.path)
        ],
    }
    if summary := (stated or [""])[0].strip():
        component["description"] = summary
    if len(package.files) == 1:  # of several wheels, which one is installed is decided elsewhere
        component["hashes"] = sha256(package.files[0].sha256)
    if item is None:
        component["properties"] = properties((("metadata", "not installed where packed"),))
        return Part(component=component, known="unknown")
    if terms := as_licenses(declared_license(item)):
        component["licenses"] = terms
    return Part(component=component)


def _native_parts(owner: Part, name: str, item: metadata.Distribution) -> list[Part]:
    libraries = native_libraries(name, item)
    references = {library.name: f"{owner.ref}#{library.path}" for library in libraries}
    parts = [_native_part(owner.ref, library, references) for library in libraries]
    return parts + embedded_parts(owner.ref, name, item)


def _native_part(owner: str, library: NativeLibrary, siblings: dict[str, str]) -> Part:
    from mlpack.packing.environment.elf import NO_FACTS, elf_facts

    try:
        digest, size = library.recorded or file_sha256(library.location)
        facts = elf_facts(library.location) if ".so" in library.name else NO_FACTS
    except OSError as error:
        raise PackError(
            f"{library.path} of the installed {library.owner} cannot be read: {error.strerror}",
            where=library.owner,
            hint=f"reinstall {library.owner}",
        ) from error
    component: dict[str, Any] = {
        "type": "file",
        "bom-ref": f"{owner}#{library.path}",
        "name": library.name,
        "hashes": sha256(digest),
        "evidence": {"occurrences": [{"location": library.path}]},
        "properties": properties(
            (
                ("owner", owner),
                ("size", str(size)),
                ("soname", facts.soname),
                ("build-id", facts.build_id),
                ("system-libraries", _names([name for name in facts.needed if name not in siblings])),
            )
        ),
    }
    if facts.version:
        component["version"] = facts.version
    needs = {siblings[name] for name in facts.needed if name in siblings and name != library.name}
    return Part(component=component, needs=needs, known="incomplete")


def _names(names: Sequence[str]) -> str:
    return " ".join(sorted(set(names)))
