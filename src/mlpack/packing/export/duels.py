"""From decisions between pairs of classes to one score per class, as scikit-learn counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlpack.packing.export.graph import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlpack.packing.export.graph import GraphBuilder

__all__ = ["class_pairs", "class_scores", "class_votes"]


def class_pairs(classes: int) -> list[tuple[int, int]]:
    """Return the pairs of classes in the order in which they are fitted."""
    return [(i, j) for i in range(classes) for j in range(i + 1, classes)]


def class_votes(graph: GraphBuilder, seconds: Sequence[str], classes: int) -> Tensor:
    """Return the votes `(N, classes)`, of booleans `(N, 1)` that say whether a pair's second class won."""
    one, none = graph.doubles(1.0), graph.doubles(0.0)
    votes: list[str] = [""] * classes
    for (i, j), second in zip(class_pairs(classes), seconds, strict=True):
        for place, vote in (
            (i, graph.op("Where", second, none, one)),
            (j, graph.op("Where", second, one, none)),
        ):
            votes[place] = graph.op("Add", votes[place], vote) if votes[place] else vote
    return graph.concat([Tensor(vote, "float64", 1) for vote in votes])


def class_scores(
    graph: GraphBuilder, seconds: Sequence[str], confidences: Sequence[str], classes: int
) -> Tensor:
    """Return votes plus confidences squeezed below half a vote, `(N, classes)`.

    Args:
        graph: The graph.
        seconds: Per pair, whether the second class won, booleans `(N, 1)`.
        confidences: Per pair, how sure of the second class, doubles `(N, 1)`. They are added one by one: in a
            matrix product an infinite one would spoil the classes that it is not about.
        classes: How many.
    """
    sums = [graph.doubles([[0.0]])] * classes
    for (i, j), confidence in zip(class_pairs(classes), confidences, strict=True):
        sums[i] = graph.op("Sub", sums[i], confidence)
        sums[j] = graph.op("Add", sums[j], confidence)
    whole = graph.concat([Tensor(name, "float64", 1) for name in sums]).name
    size = graph.op("Mul", graph.doubles(3.0), graph.op("Add", graph.op("Abs", whole), graph.doubles(1.0)))
    votes = class_votes(graph, seconds, classes).name
    return Tensor(graph.op("Add", votes, graph.op("Div", whole, size)), "float64", classes)
