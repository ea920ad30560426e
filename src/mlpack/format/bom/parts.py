"""Components as CycloneDX writes them in JSON, without empty members.

They are written directly: cyclonedx-python-lib has no model card, formulation or compositions, and drops them
from what it reads. Its schemas decide whether the result is right.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Part", "file_part", "package_url", "properties", "sha256"]


@dataclass(kw_only=True, slots=True)
class Part:
    """A component, what it depends on, and how much of that is known.

    Attributes:
        component: Its JSON.
        needs: bom-refs of what it depends on.
        known: `complete` where nothing is missing from `needs`, `incomplete`, or `unknown`.
    """

    component: dict[str, Any]
    needs: set[str] = field(default_factory=set)
    known: str = "complete"

    @property
    def ref(self) -> str:
        """Its bom-ref."""
        return str(self.component["bom-ref"])


def package_url(kind: str, name: str, version: str, **qualifiers: str) -> str:
    """Return a package URL; `name` may begin with a namespace. Source: the package-url specification."""
    from packageurl import PackageURL

    namespace, _, last = name.rpartition("/")
    return PackageURL(kind, namespace or None, last, version, qualifiers or None).to_string()


def sha256(*digests: str) -> list[dict[str, str]]:
    """Return hashes."""
    return [{"alg": "SHA-256", "content": digest} for digest in digests]


def properties(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Return properties called `mlpack:NAME`, without empty ones."""
    return [{"name": f"mlpack:{name}", "value": value} for name, value in pairs if value]


def file_part(path: str, digest: str, size: int, form: str = "") -> Part:
    """Return a file of the bundle."""
    return Part(
        component={
            "type": "file",
            "bom-ref": f"file:{path}",
            "name": path,
            "hashes": sha256(digest),
            "properties": properties((("size", str(size)), ("form", form))),
        }
    )
