"""SBOMs that wheels carry about their own native code (PEP 770), boiled down to what can be relied on."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Any

from mlpack.errors import FormatError
from mlpack.format.documents import parse_json
from mlpack.packing.bom.licenses import as_license, spdx_expression
from mlpack.packing.environment.installed import normal_name

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from packageurl import PackageURL

__all__ = ["embedded_components"]

MAX_COMPONENTS = 1000


def embedded_components(owner: str, name: str, item: metadata.Distribution) -> list[Component]:
    """Return the components that the SBOMs inside a distribution list, without the distribution itself.

    Name, version, package URL, SHA-256 and SPDX licences are taken over; the rest, and documents that are not
    CycloneDX JSON, are left where they are: in the wheel.

    Args:
        owner: bom-ref of the distribution; starts every bom-ref returned.
        name: Its normalised name.
        item: The distribution.
    """
    found = {}
    for path in _documents(item):
        text = item.read_text(path)
        if text is None:
            continue
        try:
            document = parse_json(text.encode("utf-8"), where=path)
        except FormatError:  # a broken one says nothing about what is inside
            continue
        for entry in _entries(document):
            component = _component(owner, path, entry)
            if component is not None and not _is_self(component, name):
                found[str(component.bom_ref.value)] = component
    return [found[ref] for ref in sorted(found)][:MAX_COMPONENTS]


def _documents(item: metadata.Distribution) -> list[str]:
    rows = csv.reader((item.read_text("RECORD") or "").splitlines())
    matches = (re.fullmatch(r"[^/]+\.dist-info/(sboms/[^/]+\.json)", row[0]) for row in rows if row)
    return sorted(match[1] for match in matches if match)


def _entries(document: object) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict) and document.get("bomFormat") == "CycloneDX":
        listed = document.get("components")
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry["name"]:
                yield entry


def _component(owner: str, path: str, entry: dict[str, Any]) -> Component | None:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType

    version = entry.get("version")
    version = version if isinstance(version, str) and version else None
    terms = _terms(entry)
    return Component(
        name=entry["name"],
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{owner}#{path}#{entry['name']}@{version or ''}",
        purl=_purl(entry.get("purl")),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=text) for text in _sha256(entry)],
        licenses=[as_license(terms)] if terms else (),
        properties=[Property(name="mlpack:source", value=f"{owner}#{path}")],
    )


def _purl(text: object) -> PackageURL | None:
    from packageurl import PackageURL

    try:
        return PackageURL.from_string(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _sha256(entry: dict[str, Any]) -> list[str]:
    listed = entry.get("hashes")
    texts = [
        str(item.get("content", "")).lower()
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict) and item.get("alg") == "SHA-256"
    ]
    return sorted({text for text in texts if re.fullmatch(r"[0-9a-f]{64}", text)})


def _terms(entry: dict[str, Any]) -> str | None:
    listed = entry.get("licenses")
    words = []
    for item in listed if isinstance(listed, list) else ():
        inner = item.get("license") if isinstance(item, dict) else None
        word = (
            inner.get("id")
            if isinstance(inner, dict)
            else item.get("expression")
            if isinstance(item, dict)
            else 0
        )
        words.append(f"({word})" if isinstance(word, str) else "")
    return spdx_expression(" AND ".join(words)) if words and all(words) else None


def _is_self(component: Component, name: str) -> bool:
    purl = component.purl
    return purl is not None and purl.type == "pypi" and normal_name(purl.name) == name
