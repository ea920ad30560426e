"""Whether the documents of one bundle tell the same story. Each of them has passed its own parser before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from mlpack.format.contract import Contract, Input, Output
from mlpack.format.evidence import Golden, Parity
from mlpack.format.manifest import Manifest, Role
from mlpack.format.names import CERTIFICATES

__all__ = ["PARTS", "golden_problems", "manifest_problems", "parity_problems", "role_problems"]

PARTS: tuple[Role, ...] = ("contract", "card", "lock", "bom", "golden", "parity")
"""Parts of which a bundle has exactly one file. Of `model` and `environment` it has at least one."""

_WORDS = ("NaN", "Infinity", "-Infinity")


def role_problems(manifest: Manifest) -> list[str]:
    """Return which parts are missing, or there more than once."""
    count = Counter(entry.role for entry in manifest.files.values())
    problems = [
        f"manifest.json.files: expected one file with role {role!r}, found {count[role]}"
        for role in PARTS
        if count[role] != 1
    ]
    if not count["environment"]:
        problems.append("manifest.json.files: expected at least one file with role 'environment'")
    return problems


def manifest_problems(manifest: Manifest, contract: Contract) -> list[str]:
    """Return where manifest and contract differ."""
    problems, methods = [], contract.methods
    if manifest.model.methods != methods:
        found = ", ".join(manifest.model.methods)[:200]
        problems.append(f"manifest.json.model.methods: {found}; the contract has {', '.join(methods)}")
    if ("tensors" in manifest.requires) != (contract.layout == "tensors"):
        problems.append(
            f"manifest.json.format.requires: tensors just where that is the layout, found {contract.layout}"
        )
    return problems


def parity_problems(manifest: Manifest, contract: Contract, parity: Parity) -> list[str]:
    """Return where the measured agreement differs from what manifest and contract say."""
    problems = []
    if tuple(item.method for item in parity.methods) != tuple(item.key for item in contract.outputs):
        problems.append("parity.json.methods: not the methods of the contract, in its order")
    weakest = max((item.certificate for item in parity.methods), key=CERTIFICATES.index, default="")
    if parity.certificate != weakest:
        problems.append(
            f"parity.json.certificate: {parity.certificate}, but the weakest method has {weakest}"
        )
    if parity.certificate != manifest.model.certificate:
        problems.append(
            f"manifest.json.model.certificate: {manifest.model.certificate}, measured: {parity.certificate}"
        )
    if parity.threads != manifest.model.threads:
        problems.append(
            f"manifest.json.model.threads: {manifest.model.threads}, measured with {parity.threads}"
        )
    return problems


def golden_problems(manifest: Manifest, contract: Contract, golden: Golden) -> list[str]:
    """Return where the reference rows do not fit the contract. No cell is quoted."""
    problems = []
    if golden.origin != manifest.golden:
        problems.append(f"manifest.json.golden: {manifest.golden}, but golden.json says {golden.origin}")
    problems += _names("inputs", golden.inputs, [item.name for item in contract.inputs])
    problems += _names("outputs", golden.outputs, [item.key for item in contract.outputs])
    if contract.layout == "tensors":
        return [*problems, *tensor_problems(contract, golden)]
    for item in contract.inputs:
        for row, cell in enumerate(golden.inputs.get(item.name, ())):
            if not _fits(item, cell):
                problems.append(
                    f"golden.json.inputs[{item.name[:80]!r}]: row {row}: expected {_expected(item)}"
                )
                break
    for output in contract.outputs:
        problems += _output_problems(output, cast("Sequence[Any]", golden.outputs.get(output.key, ())))
    return problems


def tensor_problems(contract: Contract, golden: Golden) -> list[str]:
    """Return where golden tensors do not fit the contract."""
    problems = []
    for item in contract.inputs:
        for call, tensor in enumerate(cast("Sequence[Any]", golden.inputs.get(item.name, ()))):
            if not isinstance(tensor, Mapping) or len(tensor["shape"]) != len(item.shape or ()):
                rank = len(item.shape or ())
                problems.append(f"golden.json.inputs[{item.name[:80]!r}]: call {call}: expected rank {rank}")
            elif not all(_fits(item, cell) for cell in tensor["values"]):
                problems.append(
                    f"golden.json.inputs[{item.name[:80]!r}]: call {call}: expected {_expected(item)}"
                )
    for output in contract.outputs:
        for call, tensor in enumerate(cast("Sequence[Any]", golden.outputs.get(output.key, ()))):
            if not isinstance(tensor, Mapping) or len(tensor["shape"]) != len(output.shape):
                rank = len(output.shape)
                problems.append(f"golden.json.outputs[{output.key!r}]: call {call}: expected rank {rank}")
    return problems[:20]


def _names(part: str, found: Mapping[str, object], expected: Sequence[str]) -> list[str]:
    missing = [name for name in expected if name not in found]
    more = sorted(set(found) - set(expected))
    return [f"golden.json.{part}: {name[:80]!r} is missing" for name in missing] + [
        f"golden.json.{part}: {name[:80]!r} is not in the contract" for name in more
    ]


def _number(cell: object) -> bool:
    return (isinstance(cell, (int, float)) and not isinstance(cell, bool)) or cell in _WORDS


def _whole(cell: object) -> bool:
    return isinstance(cell, int) and not isinstance(cell, bool) and -(2**63) <= cell < 2**63


_INSTANT = re.compile(r"-?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3,9})?Z?")
_INPUT_CELLS: Mapping[str, Callable[[object], bool]] = {
    "float64": _number,
    "float32": _number,
    "float16": _number,
    "int64": _whole,
    "int32": _whole,
    "int16": _whole,
    "int8": _whole,
    "uint8": _whole,
    "bool": lambda cell: isinstance(cell, bool),
    "string": lambda cell: isinstance(cell, str),
    "datetime": lambda cell: isinstance(cell, str) and _INSTANT.fullmatch(cell) is not None,
}


def _fits(item: Input, cell: object) -> bool:
    if cell is None:
        return item.nulls
    if item.dtype in ("float64", "float32", "float16") and isinstance(cell, str):
        return item.nulls if cell == "NaN" else item.infinities and cell in _WORDS
    return _INPUT_CELLS[item.dtype](cell)


def _expected(item: Input) -> str:
    accepted = [item.dtype, *(["null"] if item.nulls else []), *(["infinities"] if item.infinities else [])]
    return "what the contract accepts: " + ", ".join(accepted)


def _output_problems(output: Output, rows: Sequence[Any]) -> list[str]:
    where = f"golden.json.outputs[{output.method!r}]"
    width = output.width
    for row, answer in enumerate(rows):
        wide = isinstance(answer, list)
        if wide != (width is not None) or (wide and len(answer) != width):
            return [f"{where}: row {row}: expected {'one cell' if width is None else f'{width} cells'}"]
        if output.method == "predict" and output.classes is not None:
            if not all(_is_label(cell, output.classes) for cell in (answer if wide else [answer])):
                return [f"{where}: row {row}: expected a label of the contract"]
        elif not all(_number(cell) or isinstance(cell, bool) for cell in (answer if wide else [answer])):
            return [f"{where}: row {row}: expected numbers"]
    return []


def _is_label(cell: object, classes: Sequence[object]) -> bool:
    return any(type(label) is type(cell) and label == cell for label in classes)
