"""Values of a graph under construction: tensors, and tables of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Block", "Columns", "Kind", "Tensor", "Unsupported"]

Kind = Literal["float64", "float32", "int64", "int32", "bool", "string", "datetime"]
"""Element type of a tensor, as NumPy names it; instants stay with the host and never enter a graph."""


class Unsupported(Exception):  # noqa: N818 - not an error: one rung of the ladder steps aside
    """A step that an emitter does not reproduce exactly; becomes the refusal of that rung."""

    def __init__(self, step: str, reason: str) -> None:
        """Keep the step's words and why it cannot be emitted."""
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value of the graph: its name, element type, and width (None: shape `(N,)`, k: `(N, k)`)."""

    name: str
    kind: Kind
    width: int | None


@dataclass(frozen=True, slots=True)
class Block:
    """Some neighbouring columns that share one `[N, k]` tensor; names are None once they are lost."""

    tensor: Tensor
    names: tuple[str | None, ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.names)


@dataclass(frozen=True, slots=True)
class Columns:
    """An ordered table inside the graph: blocks side by side, possibly of several element types.

    Attributes:
        blocks: In order.
        flat: Whether the original gets a sequence instead of a table, as from `ColumnTransformer` for a
            column that is given by its name alone.
    """

    blocks: tuple[Block, ...]
    flat: bool = False

    @property
    def names(self) -> tuple[str | None, ...]:
        """Return the name of every column."""
        return tuple(name for block in self.blocks for name in block.names)

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return sum(block.width for block in self.blocks)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the element type of every column."""
        return tuple(block.tensor.kind for block in self.blocks for _ in block.names)

    @property
    def numeric(self) -> bool:
        """Whether no column holds strings or instants."""
        return not {"string", "datetime"} & set(self.kinds)

    @property
    def float_kind(self) -> Literal["float64", "float32"]:
        """Return the type in which scikit-learn computes on these columns.

        float32 stays float32 (booleans beside it do not widen it), everything else becomes float64.
        """
        kinds = set(self.kinds)
        return "float32" if "float32" in kinds and kinds <= {"float32", "bool"} else "float64"

    @staticmethod
    def of(tensor: Tensor) -> Columns:
        """Return the nameless columns of one `[N, k]` tensor."""
        return Columns((Block(tensor, (None,) * (tensor.width or 0)),))
