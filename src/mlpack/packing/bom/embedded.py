"""SBOMs that wheels carry about their own native code (PEP 770), boiled down to what can be relied on."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from mlpack.errors import FormatError
from mlpack.format.bom.parts import Part, properties, sha256
from mlpack.format.bom.spdx import as_licenses, spdx_expression
from mlpack.format.documents import parse_json
from mlpack.packing.environment.installed import normal_name

__all__ = ["embedded_parts"]

MAX_COMPONENTS = 1000


def embedded_parts(owner: str, name: str, item: metadata.Distribution) -> list[Part]:
    """Return the components that the SBOMs inside a distribution list, without the distribution itself.

    Name, version, package URL, SHA-256, SPDX licences, the supplier and the edges among them are taken over;
    the rest, and documents that are not CycloneDX JSON, are left where they are: in the wheel.

    Args:
        owner: bom-ref of the distribution; starts every bom-ref returned.
        name: Its normalised name.
        item: The distribution.
    """
    found: dict[str, Part] = {}
    for path in _documents(item):
        text = item.read_text(path)
        if text is None:
            continue
        try:
            document = parse_json(text.encode("utf-8"), where=path)
        except FormatError:  # a broken one says nothing about what is inside
            continue
        if isinstance(document, dict) and document.get("bomFormat") == "CycloneDX":
            found |= _merged(owner, path, name, document)
    kept = {ref: found[ref] for ref in sorted(found)[:MAX_COMPONENTS]}
    for part in kept.values():
        part.needs &= kept.keys()
    return list(kept.values())


def _documents(item: metadata.Distribution) -> list[str]:
    rows = csv.reader((item.read_text("RECORD") or "").splitlines())
    matches = (re.fullmatch(r"[^/]+\.dist-info/(sboms/[^/]+\.json)", row[0]) for row in rows if row)
    return sorted(match[1] for match in matches if match)


def _merged(owner: str, path: str, name: str, document: dict[str, Any]) -> dict[str, Part]:
    """Return the components of one document, under references that begin with those of the owner."""
    found: dict[str, Part] = {}
    references: dict[str, str] = {}
    for entry in _dicts(document.get("components")):
        url = _purl(entry.get("purl"))
        if not _text(entry, "name") or _is_self(url, name):
            continue
        part = _part(owner, path, entry, url)
        found[part.ref] = part
        references.setdefault(_text(entry, "bom-ref"), part.ref)
    references.pop("", None)
    for edge in _dicts(document.get("dependencies")):
        source = references.get(_text(edge, "ref"))
        targets = [references.get(ref) for ref in _list(edge.get("dependsOn")) if isinstance(ref, str)]
        if source is not None:
            found[source].needs |= {ref for ref in targets if ref is not None and ref != source}
    return found


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    for entry in _list(value):
        if isinstance(entry, dict):
            yield entry


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _part(owner: str, path: str, entry: dict[str, Any], url: str) -> Part:
    name, version = _text(entry, "name"), _text(entry, "version")
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"{owner}#{path}#{name}@{version}",
        "name": name,
        "properties": properties((("source", f"{owner}#{path}"),)),
    }
    supplier = entry.get("supplier")
    optional: dict[str, Any] = {
        "version": version,
        "purl": url,
        "hashes": sha256(*_sha256(entry)),
        "licenses": as_licenses(_terms(entry)),
        "supplier": {"name": _text(supplier, "name")} if isinstance(supplier, dict) else None,
    }
    if optional["supplier"] == {"name": ""}:
        optional["supplier"] = None
    component |= {key: value for key, value in optional.items() if value}
    return Part(component=component, known="incomplete")


def _purl(text: object) -> str:
    from packageurl import PackageURL

    try:
        return PackageURL.from_string(text).to_string() if isinstance(text, str) else ""
    except ValueError:
        return ""


def _sha256(entry: dict[str, Any]) -> list[str]:
    texts = [
        _text(item, "content").lower() for item in _dicts(entry.get("hashes")) if item.get("alg") == "SHA-256"
    ]
    return sorted({text for text in texts if re.fullmatch(r"[0-9a-f]{64}", text)})


def _terms(entry: dict[str, Any]) -> str | None:
    words = []
    for item in _dicts(entry.get("licenses")):
        inner = item.get("license")
        word = inner.get("id") if isinstance(inner, dict) else item.get("expression")
        words.append(f"({word})" if isinstance(word, str) else "")
    return spdx_expression(" AND ".join(words)) if words and all(words) else None


def _is_self(url: str, name: str) -> bool:
    kind, _, rest = url.removeprefix("pkg:").partition("/")
    return kind == "pypi" and normal_name(re.split(r"[@?#]", rest)[0]) == name
