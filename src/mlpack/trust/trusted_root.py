"""The trusted root of a Sigstore instance: its authorities, logs and time stampers.

It never comes from a bundle: it is a file that the policy names, or one of the two that sigstore's own wheel
carries. Nothing is fetched, and no cache in a home directory is asked: a policy means the same everywhere.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlpack.errors import FormatError, MissingExtraError, PolicyError
from mlpack.format.documents import Fields, parse_json

if TYPE_CHECKING:
    from mlpack.trust.proof.anchors import Anchors

__all__ = ["PUBLIC_GOOD", "STAGING", "TrustedRoot"]

PUBLIC_GOOD: Final = "public-good"
STAGING: Final = "staging"

_EMBEDDED: Final = {
    PUBLIC_GOOD: "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev",
    STAGING: "https%3A%2F%2Ftuf-repo-cdn.sigstage.dev",
}
_CONFIG_TYPE: Final = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_MAX_ROOT: Final = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustedRoot:
    """A trusted root as text.

    Attributes:
        text: Its JSON; a client trust config counts as the trusted root inside it.
        anchors: What it says.
        source: Where it came from.
    """

    text: str = field(repr=False)
    anchors: Anchors = field(init=False, repr=False, compare=False)
    source: str = field(default="text", compare=False)

    def __post_init__(self) -> None:
        """Read the text.

        Raises:
            PolicyError: It is not a trusted root.
        """
        try:
            text, anchors = _parse(self.text, self.source)
        except FormatError as error:
            raise PolicyError(error.message, where=error.where) from error
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "anchors", anchors)

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the text."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> TrustedRoot:
        """Read a `trusted_root.json`, or the trusted root in a client trust config.

        Raises:
            PolicyError: It cannot be read, or is none.
        """
        try:
            with Path(path).open("rb") as stream:
                data = stream.read(_MAX_ROOT + 1)
            return cls(text=data.decode("utf-8"), source=str(path))
        except OSError as error:
            raise PolicyError(f"cannot be read: {error.strerror}", where=str(path)) from error
        except UnicodeDecodeError as error:
            raise PolicyError(f"not UTF-8 at byte {error.start}", where=str(path)) from error

    @classmethod
    def embedded(cls, name: str = PUBLIC_GOOD) -> TrustedRoot:
        """Return the trusted root of the public instance, or of its staging, as sigstore's wheel carries it.

        The wheel is only looked for: nothing of it is imported.

        Raises:
            MissingExtraError: sigstore is not installed, or keeps it elsewhere.
        """
        return _embedded(name)


@cache
def _embedded(name: str) -> TrustedRoot:
    found = importlib.util.find_spec("sigstore")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / "_store" / _EMBEDDED[name] / "trusted_root.json"
        if path.is_file():
            return TrustedRoot(text=path.read_text(encoding="utf-8"), source=f"sigstore, {name}")
    raise MissingExtraError(
        "sigstore's own trusted root is not there",
        hint="pip install 'sigstore>=4.5.1,<5', or name a trusted root file",
    )


def _parse(text: str, source: str) -> tuple[str, Anchors]:
    from mlpack.trust.proof.anchors import read_anchors

    if len(text) > _MAX_ROOT:
        raise FormatError(f"more than {_MAX_ROOT} characters", where=source)
    try:
        value = parse_json(text.encode("utf-8"), where=source)
    except UnicodeEncodeError as error:
        raise FormatError("not Unicode text", where=source) from error
    top = Fields(value, source)
    if top.has("mediaType") and top.text("mediaType") == _CONFIG_TYPE:
        inner = top.mapping("trustedRoot")
        text, top = json.dumps(inner, separators=(",", ":")), Fields(inner, f"{source}.trustedRoot")
    return text, read_anchors(top)
