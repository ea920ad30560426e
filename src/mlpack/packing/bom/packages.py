"""Components for the locked packages and for the native code inside their wheels."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from typing import TYPE_CHECKING

from mlpack.errors import PackError
from mlpack.format.lock import Lock, LockedPackage
from mlpack.packing.bom.embedded import embedded_components
from mlpack.packing.bom.licenses import as_license, declared_license
from mlpack.packing.environment.installed import dependencies, distribution
from mlpack.packing.environment.natives import NativeLibrary, file_sha256, native_libraries
from mlpack.packing.environment.targets import PLATFORMS, environments_of

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

__all__ = ["Part", "framework_part", "package_parts"]


class Part:
    """A component and the bom-refs of what it depends on."""

    __slots__ = ("component", "needs")

    def __init__(self, component: Component, needs: Iterable[str] = ()) -> None:
        """Keep both."""
        self.component = component
        self.needs = set(needs)


def reference(name: str, version: str) -> str:
    """Return the bom-ref of a Python package, which is its package URL too."""
    from packageurl import PackageURL

    return PackageURL("pypi", None, name, version).to_string()


def package_parts(lock: Lock) -> list[Part]:
    """Return components for every locked package and for the native code inside its wheels.

    Licences, edges and native code come from what is installed here; a locked package that is not installed
    here (another platform's) has its wheels and hashes only, and says so.

    Raises:
        PackError: A file of an installed wheel cannot be read.
    """
    locked: dict[str, list[str]] = {}
    for package in lock.packages:
        locked.setdefault(package.name, []).append(reference(package.name, package.version))
    environments = [
        env
        for platform in PLATFORMS.values()
        if platform.marker in lock.environments
        for minor in lock.minors
        for env in environments_of(platform, minor)
    ]
    parts = []
    for package in lock.packages:
        item = distribution(package.name)
        known = item if item is not None and item.version == package.version else None
        part = _package_part(package, known)
        parts.append(part)
        if known is not None:
            for name, _ in dependencies(known, environments):
                part.needs.update(locked.get(name, ()))
            inside = _native_parts(part, package.name, known)
            part.needs.update(_ref(other) for other in inside)
            parts += inside
    return parts


def framework_part(name: str, version: str) -> Part:
    """Return the library that trained the model: named, but outside of what is served."""
    from cyclonedx.model.component import Component, ComponentScope, ComponentType
    from packageurl import PackageURL

    item = distribution(name)
    terms = declared_license(item) if item is not None and item.version == version else None
    return Part(
        Component(
            name=name,
            version=version,
            type=ComponentType.FRAMEWORK,
            bom_ref=reference(name, version),
            purl=PackageURL("pypi", None, name, version),
            scope=ComponentScope.EXCLUDED,
            licenses=[as_license(terms)] if terms else (),
        )
    )


def _ref(part: Part) -> str:
    return str(part.component.bom_ref.value)


def _package_part(package: LockedPackage, item: metadata.Distribution | None) -> Part:
    from cyclonedx.model import (
        ExternalReference,
        ExternalReferenceType,
        HashAlgorithm,
        HashType,
        Property,
        XsUri,
    )
    from cyclonedx.model.component import Component, ComponentScope, ComponentType
    from packageurl import PackageURL

    terms = declared_license(item) if item is not None else None
    stated = item.metadata.get_all("Summary") if item is not None else None
    summary = (stated or [""])[0].strip()
    return Part(
        Component(
            name=package.name,
            version=package.version,
            description=summary or None,
            type=ComponentType.LIBRARY,
            bom_ref=reference(package.name, package.version),
            purl=PackageURL("pypi", None, package.name, package.version),
            scope=ComponentScope.REQUIRED,
            licenses=[as_license(terms)] if terms else (),
            external_references=[
                ExternalReference(
                    type=ExternalReferenceType.DISTRIBUTION,
                    url=XsUri(file.path),
                    hashes=[HashType(alg=HashAlgorithm.SHA_256, content=file.sha256)],
                )
                for file in package.files
            ],
            properties=[Property(name="mlpack:metadata", value="not installed where packed")]
            if item is None
            else (),
        )
    )


def _native_parts(owner: Part, name: str, item: metadata.Distribution) -> list[Part]:
    parts = [_native_part(_ref(owner), library) for library in native_libraries(name, item)]
    return parts + [Part(component) for component in embedded_components(_ref(owner), name, item)]


def _native_part(owner: str, library: NativeLibrary) -> Part:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence

    try:
        sha256, size = file_sha256(library.location)
    except OSError as error:
        raise PackError(
            f"{library.path} of the installed {library.owner} cannot be read: {error.strerror}",
            where=library.owner,
            hint=f"reinstall {library.owner}",
        ) from error
    return Part(
        Component(
            name=library.name,
            type=ComponentType.FILE,
            bom_ref=f"{owner}#{library.path}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)],
            evidence=ComponentEvidence(occurrences=[Occurrence(location=library.path)]),
            properties=[
                Property(name="mlpack:owner", value=owner),
                Property(name="mlpack:size", value=str(size)),
            ],
        )
    )
