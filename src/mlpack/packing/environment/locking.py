"""The lock of what serving needs, from the versions installed here, for every platform asked for.

Rules, so that the same environment gives the same bytes from any index that has the same wheels:

- Every distribution installed here is pinned to its version, local label included. What only another platform
  needs, and is not installed here, is uv's choice: the newest that fits.
- Wheels only: for CPython with the GIL and glibc (or macOS) of the platforms asked for. All of them are kept;
  source archives, URLs, times and index names are dropped.
- The range of Python versions is the longest run of minors around the running one for which every package
  allows the version and has a wheel on every platform.
- An index that holds fewer wheels of a version may therefore give a narrower lock, never a different hash.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpack.errors import FormatError, LockError, UsageError
from mlpack.format.lock import Lock, LockedFile, LockedPackage
from mlpack.packing.environment.installed import (
    check_from_index,
    distribution,
    installed_closure,
    installed_versions,
    normal_name,
)
from mlpack.packing.environment.resolver import resolve
from mlpack.packing.environment.targets import (
    MINORS,
    PLATFORMS,
    Platform,
    covers,
    environments_of,
    minors_of,
)
from mlpack.packing.environment.wheelfiles import OfferedWheel, measure_all, offered_wheel

if TYPE_CHECKING:
    from importlib import metadata

    from packaging.markers import Marker
    from packaging.tags import Tag

__all__ = ["Locked", "find_wheels", "lock_of", "lock_runtime", "pins"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Locked:
    """A lock, with what only the machine that made it knows.

    Attributes:
        lock: The lock.
        data: Its bytes, as a bundle holds them.
        offered: File name of each locked wheel -> where it was found; never written anywhere.
    """

    lock: Lock
    data: bytes
    offered: Mapping[str, OfferedWheel]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Offer:
    """One package as the resolution has it, before any choice of wheels."""

    name: str
    version: str
    marker: Marker | None
    wheels: tuple[tuple[OfferedWheel, frozenset[Tag]], ...]

    def needed(self, platform: Platform, minor: int) -> bool:
        return self.marker is None or any(self.marker.evaluate(e) for e in environments_of(platform, minor))

    def always_needed(self, platforms: Sequence[Platform], minors: Sequence[int]) -> bool:
        return self.marker is None or all(
            self.marker.evaluate(e) for p in platforms for m in minors for e in environments_of(p, m)
        )

    def has_wheel(self, platform: Platform, minor: int) -> bool:
        return any(covers(tags, platform, minor) for _, tags in self.wheels)


def lock_runtime(
    roots: Sequence[str],
    *,
    platforms: Sequence[str] = ("linux/amd64", "linux/arm64"),
    accelerators: Sequence[str] = ("cpu",),
    pythons: Sequence[str] | None = None,
    offline: bool = False,
) -> Locked:
    """Return the lock, environment/pylock.toml, of `roots` and all that they need.

    Contacts the index that uv is set up for, unless `offline`.

    Args:
        roots: Names of distributions installed here (`("numpy", "onnxruntime")`).
        platforms: Where the model will be served, as images name it.
        accelerators: What it will be served on; "cpu" so far.
        pythons: Versions of Python (`("3.11",)`) that it must be servable with; None takes the longest run of
            them around the running one.
        offline: Use uv's cache only.

    Raises:
        UsageError: A platform or an accelerator is unknown, or there is no root.
        LockError: A root is not installed, something was not installed from an index, a platform has no
            wheel, or uv is missing, offline or without a resolution.
    """
    targets = _targets(platforms, accelerators)
    names = sorted({normal_name(root) for root in roots})
    if not names:
        raise UsageError("expected at least one distribution to lock", where="roots")
    minor = sys.version_info.minor
    if sys.version_info.major != 3 or minor not in MINORS:
        raise LockError(
            f"expected CPython 3.{MINORS[0]} to 3.{MINORS[-1]}, found {sys.version_info.major}.{minor}",
            where="python",
        )
    asked = minors_of(pythons)
    closure = _installed(names, targets)
    minors = _asked_minors(closure, asked) if asked else _allowed_minors(closure, minor)
    versions = pins()
    document = resolve(
        names, constraints=versions, minors=minors, markers=[t.marker for t in targets], offline=offline
    )
    offers = [_offer(entry) for entry in document.get("packages", ())]
    for offer in offers:
        _check_version(offer, versions)
    for one in asked or (minor,):
        _check_wheels(offers, targets, one)
    minors = asked or _covered_minors(offers, targets, minors, minor)
    lock = _lock(offers, targets, minors, offline=offline)
    files = {file.name for package in lock.packages for file in package.files}
    offered = {wheel.name: wheel for offer in offers for wheel, _ in offer.wheels if wheel.name in files}
    return Locked(lock=lock, data=lock.to_bytes(), offered=offered)


def find_wheels(lock: Lock, *, offline: bool) -> dict[str, OfferedWheel]:
    """Return where the index that uv is set up for has the wheels of a lock, by file name.

    Raises:
        LockError: It has not all of the packages, cannot be reached, or `offline` and the cache lacks it.
    """
    roots = [
        f"{package.name}=={package.version}" + (f" ; {package.marker}" if package.marker else "")
        for package in lock.packages
    ]
    versions = {package.name: package.version for package in lock.packages}
    document = resolve(
        roots, constraints=versions, minors=lock.minors, markers=lock.environments, offline=offline
    )
    offers = [_offer(entry) for entry in document.get("packages", ())]
    return {wheel.name: wheel for offer in offers for wheel, _ in offer.wheels}


def _targets(platforms: Sequence[str], accelerators: Sequence[str]) -> list[Platform]:
    if unknown := sorted(set(platforms) - set(PLATFORMS)):
        raise UsageError(
            f"unknown platform {unknown[0][:80]!r}", where="platforms", hint=f"known: {', '.join(PLATFORMS)}"
        )
    if tuple(accelerators) != ("cpu",):
        raise UsageError(
            f"expected ('cpu',), found {tuple(accelerators)!r}",
            where="accelerators",
            hint="locks for other accelerators are not made yet",
        )
    if not platforms:
        raise UsageError("expected at least one platform", where="platforms")
    return [PLATFORMS[name] for name in sorted(set(platforms))]


def _installed(names: Sequence[str], targets: Sequence[Platform]) -> dict[str, metadata.Distribution]:
    for name in names:
        if distribution(name) is None:
            raise LockError(
                f"{name} is not installed in this environment, so there is no version to lock",
                where=name,
                hint=f"install {name} beside the model that was trained, then pack again",
            )
    closure = installed_closure(names, [e for t in targets for m in MINORS for e in environments_of(t, m)])
    for name, item in closure.items():
        check_from_index(name, item)
    return closure


def _allowed_minors(closure: dict[str, metadata.Distribution], running: int) -> Sequence[int]:
    """Return the run of minors around the running one that every installed package says it supports."""
    allowed = {minor for minor in MINORS if not _unsupported(closure, minor)}
    return _run_around(running, allowed | {running})


def _asked_minors(closure: dict[str, metadata.Distribution], asked: Sequence[int]) -> Sequence[int]:
    for minor in asked:
        if names := _unsupported(closure, minor):
            raise LockError(
                f"{names[0]} {closure[names[0]].version} does not support Python 3.{minor}",
                where=names[0],
                hint=f"leave 3.{minor} out of pythons, or use a version that supports it",
            )
    return asked


def _unsupported(closure: dict[str, metadata.Distribution], minor: int) -> list[str]:
    """Return the names of packages that say that they do not run on CPython 3.`minor`."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    found = []
    for name, item in closure.items():
        try:
            # get_all, because [] gives None or raises for an absent field, as the library goes that reads it.
            range_ = SpecifierSet((item.metadata.get_all("Requires-Python") or [""])[0])
        except InvalidSpecifier:  # installers ignore it too
            continue
        if not range_.contains(f"3.{minor}.99"):
            found.append(name)
    return found


def _run_around(running: int, allowed: set[int]) -> list[int]:
    low = high = running
    while low - 1 in allowed:
        low -= 1
    while high + 1 in allowed:
        high += 1
    return list(range(low, high + 1))


def pins() -> dict[str, str]:
    """Return name -> version of what is installed, as an index writes versions."""
    from packaging.version import InvalidVersion, Version

    found = {}
    for name, version in installed_versions().items():
        try:
            found[name] = str(Version(version))
        except InvalidVersion:  # no index can offer it; if it is needed, uv says so
            continue
    return found


def _offer(entry: dict[str, Any]) -> _Offer:
    from packaging.markers import Marker
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    name, version = str(entry["name"]), str(entry.get("version", ""))
    if not entry.get("wheels"):
        raise LockError(
            f"{name} {version} has no wheel on the index, only sources or nothing",
            where=name,
            hint="a lock holds wheels only: publish wheels of it, or choose a version that has some",
        )
    wheels = []
    for item in entry["wheels"]:
        wheel = offered_wheel(item, str(entry.get("index") or ""))
        try:
            tags = parse_wheel_filename(wheel.name)[3]
        except InvalidWheelFilename:  # never installable
            continue
        wheels.append((wheel, tags))
    marker = Marker(entry["marker"]) if entry.get("marker") else None
    return _Offer(name=normal_name(name), version=version, marker=marker, wheels=tuple(wheels))


def _check_version(offer: _Offer, versions: dict[str, str]) -> None:
    """Refuse another build of an installed version: `==2.13.0` also matches `2.13.0+cu128`."""
    expected = versions.get(offer.name, offer.version)
    if offer.version != expected:
        raise LockError(
            f"installed is {offer.name} {expected}, but the index offers {offer.version}, another build",
            where=offer.name,
            hint="install the one that the index offers, or set up the index of the installed one",
        )


def _check_wheels(offers: Sequence[_Offer], targets: Sequence[Platform], minor: int) -> None:
    for target in targets:
        for offer in offers:
            if offer.needed(target, minor) and not offer.has_wheel(target, minor):
                raise LockError(
                    f"{offer.name} {offer.version} has no wheel for {target.name}, CPython 3.{minor}",
                    where=offer.name,
                    hint=f"leave {target.name} out of platforms, or use a version that has one",
                )


def _covered_minors(
    offers: Sequence[_Offer], targets: Sequence[Platform], minors: Sequence[int], running: int
) -> Sequence[int]:
    covered = {
        minor
        for minor in minors
        if all(o.has_wheel(t, minor) for t in targets for o in offers if o.needed(t, minor))
    }
    return _run_around(running, covered)


def lock_of(
    document: Mapping[str, Any], targets: Sequence[Platform], minors: Sequence[int], *, offline: bool
) -> Lock:
    """Return the lock of what uv found, for these platforms and versions of Python, whatever is installed."""
    return _lock([_offer(entry) for entry in document.get("packages", ())], targets, minors, offline=offline)


def _lock(
    offers: Sequence[_Offer], targets: Sequence[Platform], minors: Sequence[int], *, offline: bool
) -> Lock:
    packages = []
    for offer in sorted(offers, key=lambda o: (o.name, o.version)):
        places = [(t, m) for t in targets for m in minors if offer.needed(t, m)]
        chosen = {w.name: w for w, tags in offer.wheels if any(covers(tags, t, m) for t, m in places)}
        if not chosen:  # only minors outside the range would need it
            continue
        files = tuple(
            LockedFile(name=name, sha256=sha256, size=size)
            for name, sha256, size in measure_all([chosen[name] for name in sorted(chosen)], offline=offline)
        )
        marker = None if offer.always_needed(targets, minors) else str(offer.marker)
        packages.append(LockedPackage(name=offer.name, version=offer.version, marker=marker, files=files))
    lock = Lock(
        requires_python=f">=3.{minors[0]},<3.{minors[-1] + 1}",
        environments=tuple(sorted(target.marker for target in targets)),
        packages=tuple(packages),
    )
    try:
        return Lock.from_bytes(lock.to_bytes())
    except FormatError as error:  # a wheel's name that no bundle may hold, for example
        raise LockError(
            f"the resolution does not fit a bundle: {error.message}", where=error.where
        ) from error
