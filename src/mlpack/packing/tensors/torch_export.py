"""A module of plain tensors to ONNX: torch.export first, tracing only where that vouches for it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpack.format.stored import StoredFile
from mlpack.format.tensors import Dimension
from mlpack.packing.tensors.decompositions import decompositions
from mlpack.packing.tensors.recurrent import with_stand_ins
from mlpack.packing.tensors.study import Arrays
from mlpack.packing.tensors.translations import translations
from mlpack.packing.tensors.weights import LARGE

if TYPE_CHECKING:
    import onnx
    import torch

    from mlpack.packing.tensors.flat import FlatModule

__all__ = ["RECURRENT", "ROUTES", "Exported", "NoExportError", "export"]

RECURRENT = "torch-trace-recurrent"
"""Tried first where there are recurrent layers: traced, with the sizes that hold beside them."""

ROUTES = ("torch-export", "torch-trace", "torch-export-batch", "torch-trace-batch")
"""In order: every axis that may differ, translated or traced; then the batch alone."""

OPSET = 20


class NoExportError(Exception):
    """There is no graph by this route; `final` says that none of the others can give one."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        """Keep one line."""
        super().__init__(" ".join(reason.split())[:400])
        self.final = final


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A graph and what torch.export says about its sizes.

    Attributes:
        graph: Canonical ONNX bytes.
        stored: Bundle path -> file with its large constants.
        inputs: Graph inputs, in order.
        outputs: Graph outputs, in order.
        axes: Symbol -> where it stands.
        ranges: Symbol -> sizes for which the graph was vouched for.
        frozen: (input, axis) that have one size only.
    """

    graph: bytes
    stored: Mapping[str, StoredFile]
    inputs: Sequence[str]
    outputs: Sequence[str]
    axes: Mapping[str, Sequence[tuple[str, int]]]
    ranges: Mapping[str, Dimension]
    frozen: Sequence[tuple[str, int]]


def export(flat: FlatModule, base: Arrays, *, route: str, folder: Path) -> Exported:
    """Return the graph of one route; what is large of it is left in the folder.

    Raises:
        NoExportError: There is none.
    """
    import torch

    module = flat.as_module()
    tensors = tuple(torch.from_numpy(base[name].copy()) for name in flat.names)
    if isinstance(flat.module, torch.jit.ScriptModule):
        return _scripted(flat, tensors, base, route, folder)
    vouching = module
    if route == RECURRENT:
        vouching = type(flat)(
            with_stand_ins(flat.module), flat.names, flat.positional, calling=flat.calling
        ).as_module()
    program = _program(vouching, tensors, every_axis=not route.endswith("batch"))
    if program.graph_signature.buffers_to_mutate:
        raise NoExportError("the model changes its own buffers when it is called", final=True)
    axes, ranges, frozen = _sizes(program, flat.names)
    if route.startswith("torch-export"):
        proto = _translated(simplified(program), _written(flat, folder))
    else:
        proto = _traced(module, tensors, flat.names, axes, _written(flat, folder))
    return _exported(proto, flat, folder, axes=axes, ranges=ranges, frozen=frozen)


def _written(flat: FlatModule, folder: Path) -> Path | None:
    """Return where a large graph is written, which no message can hold; None for the others."""
    return folder / "exported" / "model.onnx" if flat.size >= LARGE else None


def _program(
    module: torch.nn.Module, tensors: tuple[torch.Tensor, ...], *, every_axis: bool
) -> torch.export.ExportedProgram:
    import torch
    from torch.export import Dim

    spec = tuple(
        tuple(Dim.AUTO if every_axis or axis == 0 else Dim.STATIC for axis in range(tensor.ndim))
        for tensor in tensors
    )
    try:
        return torch.export.export(module, tensors, dynamic_shapes=(spec,), strict=False)
    except Exception as error:
        text = str(error).strip().splitlines() or [type(error).__name__]
        # Which of its many classes says that the model's path hangs on its numbers is not documented.
        depends = "data-dependent" in str(error) or "GuardOnDataDependent" in type(error).__name__
        reason = "its control flow depends on the values of its input" if depends else text[0]
        raise NoExportError(f"torch.export: {reason}", final=depends) from error


def simplified(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """Return the program without the operators that we tell in simpler ones.

    Raises:
        NoExportError: One of them is called as none of ours can be.
    """
    table = decompositions()
    used = {node.target for node in program.graph.nodes if node.op == "call_function"} & set(table)
    if not used:
        return program
    try:
        return program.run_decompositions({target: table[target] for target in used})
    except Exception as error:
        text = str(error).strip().splitlines() or [type(error).__name__]
        raise NoExportError(f"{', '.join(sorted(map(str, used)))}: {text[0]}") from error


def _sizes(
    program: torch.export.ExportedProgram, names: Sequence[str]
) -> tuple[dict[str, list[tuple[str, int]]], dict[str, Dimension], list[tuple[str, int]]]:
    user = list(program.graph_signature.user_inputs)
    placeholders = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    bounds = {str(symbol): value for symbol, value in program.range_constraints.items()}
    axes: dict[str, list[tuple[str, int]]] = {}
    frozen: list[tuple[str, int]] = []
    for name, placeholder in zip(names, user, strict=True):
        for axis, size in enumerate(placeholders[str(placeholder)].meta["val"].shape):
            if isinstance(size, int) or str(size).isdigit():
                frozen.append((name, axis))
            elif str(size) in bounds:
                axes.setdefault(str(size), []).append((name, axis))
            else:
                raise NoExportError(f"axis {axis} of {name} has a size that is computed: {size}")
    return axes, {symbol: _range(bounds[symbol]) for symbol in axes}, frozen


def _range(bounds: Any) -> Dimension:  # noqa: ANN401  (torch's ValueRanges)
    upper = str(bounds.upper)
    return Dimension(
        minimum=max(int(bounds.lower), 1),
        maximum=int(upper) if upper.isdigit() and int(upper) < 2**31 else None,
    )


def _translated(program: torch.export.ExportedProgram, file: Path | None) -> onnx.ModelProto:
    import onnx
    import torch

    try:
        made = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            external_data=False,
            custom_translation_table=translations(),
        )
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        cause = error.__cause__
        said = (
            f"{type(cause).__name__}: {cause}" if cause is not None else (lines or [type(error).__name__])[0]
        )
        raise NoExportError(f"torch.onnx: {said}") from error
    if made is None:
        raise NoExportError("torch.onnx returned nothing")
    if file is None:
        proto: onnx.ModelProto = made.model_proto
        return proto
    file.parent.mkdir()
    made.save(file, external_data=True)
    return onnx.load_model(file, load_external_data=False)


def _traced(
    module: torch.nn.Module,
    tensors: tuple[torch.Tensor, ...],
    names: Sequence[str],
    axes: Mapping[str, Sequence[tuple[str, int]]],
    file: Path | None,
) -> onnx.ModelProto:
    """Return the tracing exporter's graph, dynamic where torch.export said that the program holds."""
    import onnx
    import torch

    dynamic: dict[str, dict[int, str]] = {}
    for symbol, places in axes.items():
        for name, axis in places:
            dynamic.setdefault(f"in_{names.index(name)}", {})[axis] = symbol
    buffer = io.BytesIO()
    if file is not None:
        file.parent.mkdir()
    try:
        torch.onnx.export(
            module,
            tensors,
            buffer if file is None else file,
            dynamo=False,
            external_data=True,
            opset_version=OPSET,
            input_names=[f"in_{index}" for index in range(len(names))],
            dynamic_axes=dynamic,
            do_constant_folding=True,
        )
    except Exception as error:
        text = str(error).strip().splitlines() or [type(error).__name__]
        raise NoExportError(f"torch.onnx, tracing: {text[0]}") from error
    if file is not None:
        return onnx.load_model(file, load_external_data=False)
    return onnx.load_model_from_string(buffer.getvalue())


def _scripted(
    flat: FlatModule, tensors: tuple[torch.Tensor, ...], base: Arrays, route: str, folder: Path
) -> Exported:
    """Export TorchScript, whose control flow goes into the graph as written; only the batch may differ."""
    if route != "torch-trace":
        raise NoExportError("torch.export takes no TorchScript")
    if flat.positional < len(flat.names):
        raise NoExportError(
            "TorchScript is packed with inputs by position: a tuple, or one tensor", final=True
        )
    rows = {"batch": [(name, 0) for name, value in base.items() if value.ndim]}
    proto = _traced(flat.module, tensors, flat.names, rows, _written(flat, folder))
    frozen = [(name, axis) for name, value in base.items() for axis in range(1, value.ndim)]
    return _exported(proto, flat, folder, axes=rows, ranges={"batch": Dimension(minimum=1)}, frozen=frozen)


def _exported(
    proto: onnx.ModelProto,
    flat: FlatModule,
    folder: Path,
    *,
    axes: Mapping[str, Sequence[tuple[str, int]]],
    ranges: Mapping[str, Dimension],
    frozen: Sequence[tuple[str, int]],
) -> Exported:
    """Return canonical bytes under our own names, with an input for every argument, used or not.

    Raises:
        NoExportError: The graph has other inputs or outputs than the original, or no canonical form.
    """
    from onnx import inliner

    from mlpack.packing.export.canonical import canonical_bytes
    from mlpack.packing.tensors.naming import graph_names, rename
    from mlpack.packing.tensors.weights import constant_bytes, large_canonical

    if proto.functions:
        proto = inliner.inline_local_functions(proto)
    inputs, outputs = graph_names(flat.names, flat.parts)
    if len(proto.graph.input) != len(inputs) or len(proto.graph.output) != len(outputs):
        raise NoExportError("the graph has other inputs or outputs than the model")
    rename(proto, inputs, outputs)
    try:
        if constant_bytes(proto) >= LARGE:
            graph, stored = large_canonical(proto, folder / "exported", folder)
        else:
            graph, stored = canonical_bytes(proto), {}
    except ValueError as error:
        raise NoExportError(f"the graph has no canonical form: {error}") from error
    return Exported(
        graph=graph,
        stored=stored,
        inputs=inputs,
        outputs=outputs,
        axes=axes,
        ranges=ranges,
        frozen=frozen,
    )
