"""Golden tensors: back from JSON, and asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.errors import FormatError, InputError
from mlpack.format.evidence import Golden, decode_number
from mlpack.runtime._outputs import native_dtype
from mlpack.runtime.comparison import Difference, compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.runtime.predictor import Predictor

__all__ = ["golden_tensor", "tensor_differences"]


def tensor_differences(
    predictor: Predictor, golden: Golden, spreads: Mapping[str, float]
) -> Sequence[tuple[str, Difference]]:
    """Return, for every golden call and output, its key and how the answer differs from the recorded one.

    Raises:
        FormatError: A golden call breaks the contract.
    """
    found: list[tuple[str, Difference]] = []
    methods = dict.fromkeys(output.method for output in predictor.outputs)
    for call in range(golden.rows):
        feeds = {
            item.name: golden_tensor(golden.inputs[item.name][call], item.dtype) for item in predictor.inputs
        }
        answers: dict[str, NDArray[Any]] = {}
        for method in methods:
            try:
                answer = getattr(predictor, method)(feeds)
            except InputError as error:
                raise FormatError(
                    f"a golden call breaks the contract: {error}", where="golden.json"
                ) from error
            parts = answer.items() if isinstance(answer, dict) else ((None, answer),)
            answers.update({method if name is None else f"{method}.{name}": part for name, part in parts})
        for output in predictor.outputs:
            expected = golden_tensor(golden.outputs[output.key][call], native_dtype(output).name)
            found.append((output.key, compare(expected, answers[output.key], spread=spreads[output.key])))
    return found


def golden_tensor(tensor: Any, dtype: str) -> NDArray[Any]:  # noqa: ANN401  (a parsed JSON value)
    """Return one tensor of golden.json.

    Raises:
        FormatError: Its values are not of the type.
    """
    wanted = np.dtype(object if dtype in ("string", "object") or dtype.startswith("str") else dtype)
    cells = tensor["values"]
    values = np.empty(len(cells), dtype=object)
    values[:] = [decode_number(cell) for cell in cells] if wanted.kind == "f" else cells
    try:
        return values.astype(wanted).reshape(tensor["shape"])
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"expected values of {dtype}", where="golden.json") from error
