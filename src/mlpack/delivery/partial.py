"""A part of a bundle: files as they were signed, but no bundle, and nothing loads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from mlpack.errors import UsageError
from mlpack.format.manifest import Manifest
from mlpack.trust.verdict import RuleResult
from mlpack.trust.verified import VerifiedSigner

if TYPE_CHECKING:
    from mlpack.show.facts import Facts

__all__ = ["PARTS", "Part", "PartialBundle", "families"]

Part = Literal["model", "serving", "docs", "code"]
"""What can be pulled alone: the model; contract and environment; card, BOM and evidence; code and wheels."""

PARTS: tuple[str, ...] = get_args(Part)
_FAMILIES = dict(zip(PARTS, ("weight", "weight.config", "doc", "code"), strict=True))


def families(parts: Sequence[str]) -> frozenset[str]:
    """Return the families of layers that hold these parts.

    Raises:
        UsageError: There is no such part, or none is named.
    """
    unknown = [part for part in parts if part not in _FAMILIES]
    if unknown or not parts:
        raise UsageError(f"expected some of {', '.join(PARTS)}", where="only")
    # A wheel is known by the lock, which comes with what serving needs.
    needed = {"serving", *parts} if "code" in parts else set(parts)
    return frozenset(_FAMILIES[part] for part in needed)


@dataclass(frozen=True, kw_only=True, slots=True)
class PartialBundle:
    """Some files of a bundle, each with the digest that was signed. `load` and `verify` refuse it.

    Attributes:
        path: The folder.
        digest: `bundle:sha256:<hex>` of the whole.
        manifest: What the whole is.
        only: Parts that were asked for.
        files: Paths that are there.
        signers: Whose signature of the lists counts; empty without a policy.
        rules: What became of the policy's rules; those about documents were not asked.
    """

    path: Path
    digest: str
    manifest: Manifest
    only: tuple[str, ...]
    files: tuple[str, ...]
    signers: tuple[VerifiedSigner, ...]
    rules: tuple[RuleResult, ...]

    def facts(self) -> Facts:
        """Return what there is to say about it."""
        from mlpack.show.facts import Facts, Section

        count = f"{len(self.files)} of {len(self.manifest.files) + 2}, signatures besides"
        signed = "; ".join(str(signer) for signer in self.signers) or "nobody was asked"
        return Facts(
            title=f"{self.manifest.name} {self.manifest.version}: a part, {', '.join(self.only)}",
            sections=(
                Section(
                    title="Part of a bundle, which nothing loads",
                    pairs=(
                        ("bundle", self.digest, "plain"),
                        ("signed by", signed, "good" if self.signers else "bad"),
                        ("files", count, "plain"),
                        ("folder", str(self.path), "plain"),
                    ),
                ),
            ),
        )
