"""What a bundle is made of, for the rules: the components of its BOM and the packages of its lock."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlpack.format.lock import Lock

__all__ = ["MAX_COMPONENTS", "Component", "components_of", "normal_name"]

MAX_COMPONENTS = 100_000
"""Most components that are looked at; what is beyond makes the rules `not assessed`."""

_PURL = re.compile(r"pkg:pypi/([A-Za-z0-9._-]{1,200})@([^?#@]{1,100})(?:[?#].*)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One component.

    Attributes:
        name: Its name; `pypi` ones in normal form.
        version: Its version, or empty.
        ecosystem: `PyPI`, or empty when nobody knows one.
        library: Whether it is something that licences are asked of: not a file of something else.
        refs: What a VEX statement may call it: its package URL and its BOM reference.
        licenses: Licences that apply together; an empty text stands for one that is only described.
    """

    name: str
    version: str
    ecosystem: str
    library: bool
    refs: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name and version, for people."""
        return f"{self.name[:80]} {self.version[:40]}".strip()


def components_of(
    bom: Mapping[str, Any] | None, lock: Lock | None, files: Container[str]
) -> tuple[Component, ...]:
    """Return what serves the model: the BOM's components, and locked packages that the BOM forgot.

    Args:
        bom: A CycloneDX document.
        lock: What serving needs.
        files: Paths of the bundle's own files.

    Left out are the bundle's own files, data, and what the BOM calls `excluded` and the lock does not hold:
    the training framework, which serving does not need.
    """
    locked = {(normal_name(package.name), package.version) for package in lock.packages} if lock else set()
    found: list[Component] = []
    for item in _walk(bom or {}):
        if item.get("type") in ("data", "machine-learning-model"):
            continue
        if item.get("type") == "file" and item.get("name") in files:
            continue
        component = _component(item)
        if item.get("scope") == "excluded" and (component.name, component.version) not in locked:
            continue
        found.append(component)
    known = {(item.name, item.version) for item in found if item.ecosystem}
    found += [
        Component(name=name, version=version, ecosystem="PyPI", library=True)
        for name, version in sorted(locked - known)
    ]
    return tuple(found)


def normal_name(name: str) -> str:
    """Return the one spelling of a distribution's name. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _walk(bom: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every component, nested ones too, without recursion."""
    waiting = [bom.get("components")]
    count = 0
    while waiting:
        listing = waiting.pop()
        for item in listing if isinstance(listing, list) else ():
            count += 1
            if count > MAX_COMPONENTS:
                yield {"name": f"more than {MAX_COMPONENTS} components"}
                return
            yield item if isinstance(item, dict) else {}
            waiting.append(item.get("components") if isinstance(item, dict) else None)


def _component(item: Mapping[str, Any]) -> Component:
    name, version, purl = _text(item, "name"), _text(item, "version"), _text(item, "purl")
    match = _PURL.fullmatch(purl)
    if match:
        name, version = normal_name(match.group(1)), match.group(2).replace("%2B", "+").replace("%21", "!")
    return Component(
        name=name or "(no name)",
        version=version,
        ecosystem="PyPI" if match else "",
        library=match is not None or item.get("type") != "file",
        refs=tuple(ref for ref in (purl, _text(item, "bom-ref")) if ref),
        licenses=tuple(_licenses(item.get("licenses"))),
    )


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _licenses(entries: object) -> Iterator[str]:
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            yield ""
            continue
        inside = entry.get("license")
        yield _text(entry, "expression") or (_text(inside, "id") if isinstance(inside, dict) else "")
