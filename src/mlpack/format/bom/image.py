"""The BOM of an image: the bundle's own, and the system packages that the image brings below it.

Source: Debian policy 4.7, 5.3 and 7.1; deb-control(5); package-url type `deb`; os-release(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlpack.errors import PackError
from mlpack.format.bom.document import finished
from mlpack.format.bom.parts import Part, package_url, properties, sha256
from mlpack.format.documents import parse_json

__all__ = ["ImageSubject", "build_image_bom"]

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSubject:
    """An image, as its BOM names it.

    Attributes:
        name: Repository.
        version: Tag.
        digest: `sha256:<hex>` of its manifest, or empty when the BOM is made before it.
        platform: `os/architecture`.
        base: Digest of the base image, or empty.
    """

    name: str
    version: str
    digest: str = ""
    platform: str = ""
    base: str = ""


def build_image_bom(subject: ImageSubject, bundle: bytes, *, status: str, os_release: str) -> bytes:
    """Return the BOM of an image that serves a bundle: valid CycloneDX, the same bytes for the same content.

    Args:
        subject: The image.
        bundle: `sbom/bom.cdx.json` of the bundle inside; its version of CycloneDX is kept.
        status: `/var/lib/dpkg/status` of the image, or the files of `status.d/` joined by empty lines.
        os_release: `/etc/os-release` of the image.

    Raises:
        PackError: The result would not be valid, or a digest is none.
        FormatError: The bundle's BOM is no JSON.
    """
    inner: dict[str, Any] = parse_json(bundle, where="sbom/bom.cdx.json")
    model = inner["metadata"]["component"]
    edges = {entry["ref"]: set(entry["dependsOn"]) for entry in inner["dependencies"]}
    known = {ref: item["aggregate"] for item in inner.get("compositions", []) for ref in _members(item)}
    parts = [
        Part(
            component=component,
            needs=edges.get(component["bom-ref"], set()),
            known=known.get(component["bom-ref"], "unknown"),
        )
        for component in (model, *inner["components"])
    ]
    system = _system_parts(status, _release(os_release))
    needed = {ref for part in system for ref in part.needs}
    roots = {part.ref for part in system if part.ref not in needed} or {part.ref for part in system}
    image = Part(component=_image(subject), needs={model["bom-ref"], *roots}, known="incomplete")
    kept = {"formulation": inner["formulation"]} if "formulation" in inner else {}
    return finished(image, [*parts, *system], inner["specVersion"], **kept)


def _members(composition: Mapping[str, Any]) -> list[str]:
    return [*composition.get("assemblies", []), *composition.get("dependencies", [])]


def _image(subject: ImageSubject) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "container",
        "bom-ref": f"image:{subject.name}",
        "name": subject.name,
        "version": subject.version,
    }
    if subject.digest:
        match = _DIGEST.fullmatch(subject.digest)
        if match is None:
            raise PackError("expected sha256: and 64 hex digits", where="image digest")
        component["hashes"] = sha256(match[1])
    if facts := properties((("platform", subject.platform), ("base", subject.base))):
        component["properties"] = facts
    return component


def _release(text: str) -> dict[str, str]:
    """Return the variables of os-release."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _system_parts(status: str, release: Mapping[str, str]) -> list[Part]:
    packages = [item for item in _paragraphs(status) if _is_installed(item)]
    parts = {_key(item): _system_part(item, release) for item in packages}
    provides: dict[str, str] = {}
    for item in packages:
        for name in (item["Package"], *_names(item.get("Provides", ""))):
            provides.setdefault(name, parts[_key(item)].ref)
    for item in packages:
        part = parts[_key(item)]
        for field in ("Pre-Depends", "Depends"):
            part.needs |= {ref for ref in _needed(item.get(field, ""), provides) if ref != part.ref}
    return list(parts.values())


def _key(item: Mapping[str, str]) -> tuple[str, str]:
    return item["Package"], item.get("Architecture", "")


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Yield the fields of every package; of a field over several lines the first one."""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        found: dict[str, str] = {}
        for line in paragraph.splitlines():
            name, colon, value = line.partition(":")
            if colon and not line[:1].isspace():
                found[name] = value.strip()
        if found:
            yield found


def _is_installed(item: Mapping[str, str]) -> bool:
    """Return whether it is there; files of `status.d` state no status."""
    state = item.get("Status", "install ok installed").split()
    return "Package" in item and "Version" in item and state[-1:] == ["installed"]


def _system_part(item: Mapping[str, str], release: Mapping[str, str]) -> Part:
    name, version = item["Package"], item["Version"]
    vendor = release.get("ID", "debian")
    distro = f"{vendor}-{release['VERSION_ID']}" if "VERSION_ID" in release else ""
    words = {"arch": item.get("Architecture", ""), "distro": distro}
    url = package_url(
        "deb", f"{vendor}/{name}", version, **{key: word for key, word in words.items() if word}
    )
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": url,
        "name": name,
        "version": version,
        "purl": url,
        "properties": properties((("source-package", item.get("Source", name)),)),
    }
    supplier = item.get("Maintainer", "").partition("<")[0].strip().strip('"')
    if supplier:  # whoever maintains a package of a distribution does supply it
        component["supplier"] = {"name": supplier}
    return Part(component=component)


def _names(relation: str) -> list[str]:
    """Return the package names in a relation field, alternatives included."""
    return [re.split(r"[\s:(\[<]", word.strip())[0] for word in re.split(r"[,|]", relation) if word.strip()]


def _needed(relation: str, provides: Mapping[str, str]) -> Iterator[str]:
    """Yield what is installed for each need; of alternatives the first one that is."""
    for group in relation.split(","):
        found = [provides[name] for name in _names(group) if name in provides]
        yield from found[:1]
