"""Names of tensors in a graph: close to the caller's, plain and unique."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

__all__ = ["graph_names", "rename"]


def graph_names(inputs: Sequence[str], parts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the graph's names of inputs and of the parts of the answer ("" for the only one)."""
    taken: set[str] = set()
    return [_fresh(name, taken) for name in inputs], [_fresh(name or "output", taken) for name in parts]


def _fresh(name: str, taken: set[str]) -> str:
    stem = re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("_")[:60] or "tensor"
    found, count = stem, 1
    while found in taken:
        count += 1
        found = f"{stem}_{count}"
    taken.add(found)
    return found


def rename(proto: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Give the inputs and outputs of a graph other names, in order.

    Inner values that happen to have one of the new names give way. An output that is an input, or is there
    twice, becomes a copy of its own.
    """
    from onnx import helper

    graph = proto.graph
    new = {item.name: name for item, name in zip(graph.input, inputs, strict=True)}
    own = set(inputs) | set(outputs)
    for node in graph.node:
        for name in node.output:
            if name in own:
                new.setdefault(name, f"inner/{name}")
    for constant in graph.initializer:
        if constant.name in own and constant.name not in new:
            new[constant.name] = f"inner/{constant.name}"
    _apply(graph, new)
    for item, name in zip(graph.input, inputs, strict=True):
        item.name = name
    for item, name in zip(graph.output, outputs, strict=True):
        source = new.get(item.name, item.name)
        graph.node.append(helper.make_node("Identity", [source], [name]))
        item.name = name


def _apply(graph: onnx.GraphProto, new: dict[str, str]) -> None:
    """Rename values in every node, in subgraphs too, where these have no value of that name themselves."""
    for constant in graph.initializer:
        constant.name = new.get(constant.name, constant.name)
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = new.get(name, name)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                inner = attribute.g
                hidden = {item.name for item in inner.input} | {
                    name for item in inner.node for name in item.output
                }
                hidden |= {item.name for item in inner.initializer}
                outer = {old: name for old, name in new.items() if old not in hidden}
                _apply(inner, outer)
                for item in inner.output:
                    item.name = outer.get(item.name, item.name)
