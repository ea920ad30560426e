"""Names of what is stored: `HOST/REPO:TAG`, `HOST/REPO@sha256:...`, `oci:DIR[:TAG]`. The words are skopeo's.

Source: OCI distribution specification 1.1.1, "Pulling manifests".
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from mlpack.errors import UsageError

__all__ = ["LayoutReference", "Reference", "RegistryReference", "is_loopback", "parse_reference"]

_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FORMS = "expected HOST/REPO:TAG, HOST/REPO@sha256:..., or oci:DIR[:TAG]"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryReference:
    """Something in a registry.

    Attributes:
        host: `HOST[:PORT]`, always spelled out: there is no default registry.
        repository: Path in the registry.
        tag: Empty when there is a digest.
        digest: `sha256:<hex>`, or empty.
    """

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The repository with its host."""
        return f"{self.host}/{self.repository}"

    @property
    def wanted(self) -> str:
        """The digest if there is one, or else the tag."""
        return self.digest or self.tag

    def __str__(self) -> str:
        """Return the reference as it is written."""
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.tag}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LayoutReference:
    """Something in an OCI image layout on disk.

    Attributes:
        path: The folder.
        tag: Name in its index; empty when the layout holds one thing only.
        digest: `sha256:<hex>`, or empty.
    """

    path: Path
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The layout as it is written."""
        return f"oci:{self.path}"

    @property
    def wanted(self) -> str:
        """The digest if there is one, or else the tag."""
        return self.digest or self.tag

    def __str__(self) -> str:
        """Return the reference as it is written."""
        if self.digest:
            return f"{self.name}@{self.digest}"
        return f"{self.name}:{self.tag}" if self.tag else self.name


Reference = RegistryReference | LayoutReference


def parse_reference(text: str) -> Reference:
    """Parse a reference. `HOST/REPO` alone means the tag `latest`.

    Raises:
        UsageError: It is of none of the forms.
    """
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise UsageError(
            f"after @ expected sha256: and 64 hex digits, found {digest[:80]!r}", where="reference"
        )
    if rest.startswith("oci:"):
        folder, _, tag = rest.removeprefix("oci:").partition(":")
        if not folder or (tag and not _TAG.fullmatch(tag)):
            raise UsageError(f"{_FORMS}; found {text[:200]!r}", where="reference")
        return LayoutReference(path=Path(folder), tag="" if digest else tag, digest=digest)
    host, slash, path = rest.partition("/")
    repository, colon, tag = path.partition(":")
    if (
        not slash
        or not _HOST.fullmatch(host)
        or not _REPOSITORY.fullmatch(repository)
        or len(repository) > 255
    ):
        raise UsageError(f"{_FORMS}; found {text[:200]!r}", where="reference")
    if not _names_a_host(host):
        raise UsageError(
            f"{host!r} could be a host or a folder",
            where="reference",
            hint="write the registry's host with a dot or a port; there is no default registry",
        )
    if colon and not _TAG.fullmatch(tag):
        raise UsageError(
            f"{tag[:140]!r} is not a tag: letters, digits, '.', '_' and '-', at most 128", where="reference"
        )
    return RegistryReference(
        host=host.lower(),
        repository=repository,
        tag="" if digest else tag or "latest",
        digest=digest,
    )


def _names_a_host(host: str) -> bool:
    return "." in host or ":" in host or host.lower() == "localhost"


def is_loopback(host: str) -> bool:
    """Tell whether `HOST[:PORT]` is this machine by name or address, without asking a name server."""
    name = host.lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
