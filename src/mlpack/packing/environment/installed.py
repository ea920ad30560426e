"""What is installed in this environment: names, versions, dependencies and where they came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata

from mlpack.errors import LockError

__all__ = [
    "check_from_index",
    "dependencies",
    "distribution",
    "installed_closure",
    "installed_versions",
    "normal_name",
]


def normal_name(name: str) -> str:
    """Return the one spelling of a distribution's name: `Left.Pad_x` becomes `left-pad-x`.

    Source: packaging.python.org, "Names and normalization".
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_versions() -> dict[str, str]:
    """Return normalised name to version of every installed distribution, sorted by name.

    The first one on the search path wins, as it does for `import`; versions are as installed, with
    their local label.
    """
    found: dict[str, str] = {}
    for item in metadata.distributions():
        name, version = _named(item)
        if name and version:  # neither where an uninstall left half a folder behind
            found.setdefault(normal_name(name), version)
    return dict(sorted(found.items()))


def _named(item: metadata.Distribution) -> tuple[str, str]:
    """Return name and version; the long texts of the metadata are not parsed: they take most of a second."""
    text = item.read_text("METADATA") or item.read_text("PKG-INFO") or ""
    head = text.partition("\n\n")[0]
    fields = {key: value.strip() for key, value in reversed(_FIELD.findall(head))}
    return fields.get("Name", ""), fields.get("Version", "")


_FIELD = re.compile(r"^(Name|Version):(.*)$", re.MULTILINE)


def distribution(name: str) -> metadata.Distribution | None:
    """Return the installed distribution `name`, or None."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def dependencies(
    item: metadata.Distribution, environments: Iterable[Mapping[str, str]], extras: Iterable[str] = ()
) -> list[tuple[str, frozenset[str]]]:
    """Return what `item` needs in any of `environments`: normalised names with the extras asked of them.

    Args:
        item: An installed distribution.
        environments: PEP 508 marker variables.
        extras: Extras of `item` that were asked for.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    # "" is how a marker sees that no extra was asked for.
    variables = [{**env, "extra": extra} for env in environments for extra in ("", *sorted(extras))]
    found: dict[str, set[str]] = {}
    for text in item.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:  # metadata of very old packages; uv is the judge of them
            continue
        if requirement.marker is None or any(requirement.marker.evaluate(env) for env in variables):
            found.setdefault(normal_name(requirement.name), set()).update(requirement.extras)
    return [(name, frozenset(extra)) for name, extra in sorted(found.items())]


def installed_closure(
    roots: Sequence[str], environments: Sequence[Mapping[str, str]]
) -> dict[str, metadata.Distribution]:
    """Return `roots` and all that they need in `environments`, as far as it is installed here.

    Args:
        roots: Normalised names.
        environments: PEP 508 marker variables of the targets.

    Returns:
        Normalised name to distribution, sorted by name.
    """
    found: dict[str, metadata.Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(root, frozenset()) for root in roots]
    while waiting:
        key = waiting.pop()
        if key in seen:
            continue
        seen.add(key)
        item = distribution(key[0])
        if item is not None:
            found[key[0]] = item
            waiting += dependencies(item, environments, key[1])
    return dict(sorted(found.items()))


def check_from_index(name: str, item: metadata.Distribution) -> None:
    """Refuse a distribution that did not come from an index: nobody else could get the same bytes.

    Raises:
        LockError: It is an editable, local, version-control or direct-URL install.

    Source: PEP 610, direct_url.json.
    """
    text = item.read_text("direct_url.json")
    if text is None:
        return
    try:
        origin = json.loads(text)
    except ValueError:
        origin = {}
    if not isinstance(origin, dict):
        origin = {}
    if (origin.get("dir_info") or {}).get("editable"):
        how = "is installed in editable mode"
    elif origin.get("vcs_info"):
        how = "is installed from version control"
    elif str(origin.get("url", "")).startswith("file:"):
        how = "is installed from a local file or folder"
    else:
        how = "is installed from a direct URL"
    raise LockError(
        f"{name} {item.version} {how}, so no index can be trusted to hold the same bytes",
        where=name,
        hint=f"publish a wheel of {name} to an index and install it from there, or leave it out of the model",
    )
