"""Replaying a bundle's golden rows: does this machine's runtime answer as the original did?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from mlpack.errors import FormatError, InputError, ParityError
from mlpack.format.contract import Input, Output
from mlpack.format.evidence import Cell, Golden, MethodParity, Parity, decode_number
from mlpack.runtime.comparison import Difference, compare, tolerance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.runtime.predictor import Predictor

__all__ = ["golden_inputs", "golden_output", "replay_golden"]


def replay_golden(predictor: Predictor, golden: Golden, parity: Parity, *, exact: bool) -> None:
    """Ask the predictor the golden rows and compare its answers with the recorded ones.

    Args:
        predictor: The model as loaded here.
        golden: Rows and the original's answers.
        parity: Certificate and scale of every method.
        exact: Whether `exact` means identical bits here. It can only where the threads are those that parity
            was measured with; elsewhere it is held to `tight`.

    Raises:
        ParityError: An answer differs by more than its certificate allows; every such method is named.
        FormatError: The golden rows do not fit the contract.
    """
    measured = {item.method: item for item in parity.methods}
    for output in predictor.outputs:
        if output.key not in measured or output.key not in golden.outputs:
            raise FormatError(f"no evidence for {output.key}", where="evidence")
    if predictor.layout == "tensors":
        from mlpack.runtime._golden_tensors import tensor_differences

        found = tensor_differences(predictor, golden, {key: item.spread for key, item in measured.items()})
        _settle(predictor.engine, [(key, _judge(item, measured[key], exact=exact)) for key, item in found])
        return
    rows = golden_inputs(predictor.inputs, golden)
    problems: list[tuple[str, str]] = []
    for output in predictor.outputs:
        expected = golden_output(output, golden.outputs[output.method])
        try:
            actual = getattr(predictor, output.method)(rows)
        except InputError as error:
            raise FormatError(f"a golden row breaks the contract: {error}", where="golden.json") from error
        evidence = measured[output.method]
        judged = _judge(compare(expected, actual, spread=evidence.spread), evidence, exact=exact)
        problems.append((output.method, judged))
    _settle(predictor.engine, problems)


def _settle(engine: str, judged: Sequence[tuple[str, str]]) -> None:
    """Raise what does not hold, by method."""
    if problems := [f"{method}: {problem}" for method, problem in judged if problem]:
        raise ParityError(
            f"{engine} on this machine does not reproduce the golden rows",
            where="evidence/golden.json",
            problems=tuple(problems),
            hint="use the versions that the bundle's lock names, or pack the model again",
        )


def _judge(found: Difference, measured: MethodParity, *, exact: bool) -> str:
    certificate = "tight" if measured.certificate == "exact" and not exact else measured.certificate
    if found.within(certificate, measured.precision):
        return ""
    # The packer saw native ties fall the other way, and said so: as many may do that here.
    if not found.mismatch and 0 < found.labels <= measured.ties:
        return ""
    if found.mismatch:
        return found.mismatch
    rows = ", ".join(map(str, found.rows))
    if found.labels:
        return f"{found.labels} label(s) differ, rows {rows}"
    allowed = (
        "identical bits" if certificate == "exact" else f"{tolerance(certificate, measured.precision):.0e}"
    )
    return f"worst error {found.worst:.3g}, {certificate!r} asks for {allowed}; worst rows {rows}"


def golden_inputs(inputs: Sequence[Input], golden: Golden) -> dict[str, Any]:
    """Return the golden rows as a dict of columns.

    Raises:
        FormatError: A column is missing, or a cell is not of its type.
    """
    columns: dict[str, Any] = {}
    for item in inputs:
        if item.name not in golden.inputs:
            raise FormatError("expected, but missing", where=f"golden.json.inputs[{item.name[:80]!r}]")
        cells = golden.inputs[item.name]
        numeric = item.dtype in ("float64", "float32")
        columns[item.name] = [decode_number(cast("Cell", cell)) for cell in cells] if numeric else list(cells)
    return columns


def golden_output(output: Output, cells: Sequence[Any]) -> NDArray[Any]:
    """Return the original's answers of one method, of the shape and dtype that the contract gives.

    Raises:
        FormatError: They do not fit.
    """
    import numpy as np

    from mlpack.runtime._outputs import native_dtype

    dtype = native_dtype(output)
    where = f"golden.json.outputs[{output.method!r}]"
    shape = (len(cells),) if output.width is None else (len(cells), output.width)
    rows = [row if isinstance(row, list) else [row] for row in cells]
    if len(shape) > 1 and any(len(row) != shape[1] for row in rows):
        raise FormatError(f"expected {shape[1]} columns", where=where)
    flat = [cell for row in rows for cell in row]
    values = np.empty(len(flat), dtype=object)
    values[:] = [decode_number(cell) for cell in flat] if dtype.kind == "f" else flat
    try:
        return values.astype(dtype).reshape(shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"expected values of {dtype}", where=where) from error
