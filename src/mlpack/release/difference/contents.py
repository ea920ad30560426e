"""What changed inside: evidence, model, code, dependencies, components, licences, sizes, signature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from mlpack.format.summary import bytes_text
from mlpack.release.difference.changes import Area, Change, Weight, compared
from mlpack.release.difference.reading import Opened

__all__ = ["content_changes"]

_CERTIFICATES: Final = ("loose", "tight", "exact")
_GROWTH: Final = 1.25
"""A size that grows by more than a quarter is worth a look."""


def content_changes(a: Opened, b: Opened) -> Iterator[Change]:
    """Yield every change that is not one of the interface or of the baseline, in the order of areas."""
    yield from _parity(a, b)
    yield from _metrics(a, b)
    yield from _model(a, b)
    yield from _code(a, b)
    yield from _dependencies(a, b)
    yield from _components(a, b)
    yield from _licences(a, b)
    yield from _sizes(a, b)


def _one(
    area: Area, what: str, before: str, after: str, *, look: bool = False, why: str = ""
) -> Iterator[Change]:
    if before != after:
        weight: Weight = "look" if look else "plain"
        yield Change(area=area, what=what, before=before, after=after, weight=weight, why=why if look else "")


def _parity(a: Opened, b: Opened) -> Iterator[Change]:
    one, other = a.bundle.parity, b.bundle.parity
    for what, old, new in (
        ("certificate", one.certificate, other.certificate),
        *(
            (f"{name}: certificate", before, after)
            for name, before, after in _both(
                {item.method: item.certificate for item in one.methods},
                {item.method: item.certificate for item in other.methods},
            )
        ),
    ):
        weaker = (
            old in _CERTIFICATES
            and new in _CERTIFICATES
            and _CERTIFICATES.index(new) < _CERTIFICATES.index(old)
        )
        yield from _one("parity", what, old, new, look=weaker, why="agrees less closely")
    yield from _one("parity", "route", one.rung, other.rung)
    yield from _one("parity", "threads", str(one.threads), str(other.threads))
    worst = [{item.method: f"{item.worst:.2g}" for item in side.methods} for side in (one, other)]
    for name, old, new in _both(*worst):
        yield from _one("parity", f"{name}: worst error", old, new)
    answered = [{probe.name for probe in side.probes if probe.outcome == "answered"} for side in (one, other)]
    for name in sorted(answered[1] - answered[0]):
        why = "the packed model answers rows that the original refuses"
        yield Change(area="parity", what=f"probe {name}", before="", after="answered", weight="look", why=why)
    yield from _one(
        "parity",
        "golden rows",
        a.bundle.manifest.golden,
        b.bundle.manifest.golden,
        look=True,
        why="where they come from",
    )


def _both(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted({*one} & {*other}):
        yield name, one[name], other[name]


def _metrics(a: Opened, b: Opened) -> Iterator[Change]:
    for name in sorted({*a.metrics, *b.metrics}):
        old, new = a.metrics.get(name, ""), b.metrics.get(name, "")
        if old != new:
            yield Change(area="metrics", what=name, before=old, after=_with_delta(old, new))


def _with_delta(old: str, new: str) -> str:
    try:
        delta = float(new) - float(old)
    except ValueError:
        return new
    return f"{new} ({delta:+.4g})"


def _model(a: Opened, b: Opened) -> Iterator[Change]:
    one, other = a.bundle.manifest, b.bundle.manifest
    yield from _one("model", "name", one.name, other.name, look=True, why="another model altogether?")
    yield from _one(
        "model", "task", one.model.task, other.model.task, look=True, why="it does something else"
    )
    yield from _one("model", "original", one.model.original, other.model.original)
    yield from _one("model", "framework", " ".join(one.model.framework), " ".join(other.model.framework))
    unsafe = other.model.format == "code"
    yield from _one(
        "model", "format", one.model.format, other.model.format, look=unsafe, why="loading it runs code"
    )
    needed = sorted({*other.requires} - {*one.requires})
    yield from _one(
        "model", "readers must know", ", ".join(sorted(one.requires)), ", ".join(sorted(other.requires)),
        look=bool(needed), why=f"deployments need {', '.join(needed)}",
    )  # fmt: skip
    yield from compared("model", _named("needs", one.runtime), _named("needs", other.runtime), str)
    yield from _one(
        "model",
        "licence of the bundle",
        one.license or "not stated",
        other.license or "not stated",
        look=True,
        why="terms changed",
    )


def _named(word: str, items: Mapping[str, str]) -> dict[str, str]:
    return {f"{word} {name}": value for name, value in items.items()}


def _code(a: Opened, b: Opened) -> Iterator[Change]:
    for change in compared("code", _code_files(a), _code_files(b), lambda digest: digest[:12]):
        yield Change(
            area="code", what=change.what, before=change.before, after=change.after, weight="look",
            why="it runs when the model is loaded",
        )  # fmt: skip


def _code_files(side: Opened) -> dict[str, str]:
    return {
        path: side.bundle.checksums[path]
        for path, entry in side.bundle.manifest.files.items()
        if entry.role == "code" or path.startswith("code/")
    }


def _dependencies(a: Opened, b: Opened) -> Iterator[Change]:
    one, other = a.lock, b.lock
    yield from _one(
        "dependencies",
        "Python",
        one.requires_python,
        other.requires_python,
        look=True,
        why="deployments may run another",
    )
    for platform in sorted({*one.environments} - {*other.environments}):
        yield Change(
            area="dependencies", what="platform", before=platform, after="", weight="breaking",
            why="deployments on it cannot be rebuilt",
        )  # fmt: skip
    for platform in sorted({*other.environments} - {*one.environments}):
        yield Change(area="dependencies", what="platform", before="", after=platform)
    yield from compared("dependencies", _versions(a), _versions(b), ", ".join)
    old, new = _wheels(a), _wheels(b)
    for name in sorted({*old} & {*new}):
        if old[name] != new[name]:
            said = [f"{len(wheels)} wheels" for wheels in (old[name], new[name])]
            why = "the same version, and not the same wheels"
            yield Change(
                area="dependencies", what=name, before=said[0], after=said[1], weight="look", why=why
            )


def _versions(side: Opened) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for package in side.lock.packages:
        found.setdefault(package.name, []).append(package.version)
    return found


def _wheels(side: Opened) -> dict[str, frozenset[tuple[str, str]]]:
    return {
        f"{package.name} {package.version}": frozenset((file.name, file.sha256) for file in package.files)
        for package in side.lock.packages
    }


def _components(a: Opened, b: Opened) -> Iterator[Change]:
    yield from compared("components", _beyond_lock(a), _beyond_lock(b), ", ".join)


def _beyond_lock(side: Opened) -> dict[str, list[str]]:
    """Return components that are not locked packages: libraries inside wheels, for example."""
    locked = {(package.name, package.version) for package in side.lock.packages}
    found: dict[str, list[str]] = {}
    for item in side.components:
        if (item.name, item.version) not in locked:
            versions = found.setdefault(item.name, [])
            if (item.version or "?") not in versions:
                versions.append(item.version or "?")
    return {name: sorted(versions) for name, versions in found.items()}


def _licences(a: Opened, b: Opened) -> Iterator[Change]:
    one, other = _by_component(a), _by_component(b)
    known = {licence for licences in one.values() for licence in licences}
    for change in compared("licences", one, other, " and ".join):
        if change.what not in one and not {*other[change.what]} - known:
            continue  # a new component under a licence that was there before
        if change.what not in other:
            continue
        fresh = sorted({*other[change.what]} - known)
        yield Change(
            area="licences", what=change.what, before=change.before, after=change.after,
            weight="look" if fresh else "plain", why=f"new here: {', '.join(fresh)}" if fresh else "",
        )  # fmt: skip


def _by_component(side: Opened) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for item in side.components:
        if item.library:
            found.setdefault(item.name, set()).update(
                text or "unknown" for text in item.licenses or ("unknown",)
            )
    return {name: sorted(licences) for name, licences in found.items()}


def _sizes(a: Opened, b: Opened) -> Iterator[Change]:
    for what, old, new in (
        ("bundle", a.bundle.size, b.bundle.size),
        ("model", _model_size(a), _model_size(b)),
        ("locked wheels", _locked_size(a), _locked_size(b)),
    ):
        share = f" ({(new - old) / old:+.1%})" if old else ""
        grown = old > 0 and new > old * _GROWTH
        if old != new:
            said = bytes_text(new) + share
            why = "grew by more than a quarter"
            yield from _one("sizes", what, bytes_text(old), said, look=grown, why=why)


def _model_size(side: Opened) -> int:
    return sum(item.size for item in side.bundle.manifest.files.values() if item.role in ("model", "code"))


def _locked_size(side: Opened) -> int:
    """Return the size of one wheel of each package: what a deployment fetches, at most."""
    return sum(max(file.size for file in package.files) for package in side.lock.packages)
