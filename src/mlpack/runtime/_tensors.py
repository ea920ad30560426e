"""Named tensors as callers have them, to the feeds of a graph, and its answers back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mlpack.errors import FormatError, InputError, MlpackError
from mlpack.format.contract import Contract, Input, Method, Output
from mlpack.runtime._columns import loaded
from mlpack.runtime._findings import shown
from mlpack.runtime._outputs import native_dtype
from mlpack.runtime.session import engine_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.runtime.session import Session

__all__ = ["ELEMENTS", "TensorIntake", "TensorMethod", "tensor_method"]

TensorMethod = Callable[[object], "NDArray[Any] | dict[str, NDArray[Any]]"]

ELEMENTS: Mapping[str, str] = {
    "float64": "tensor(double)",
    "float32": "tensor(float)",
    "float16": "tensor(float16)",
    "int64": "tensor(int64)",
    "int32": "tensor(int32)",
    "int16": "tensor(int16)",
    "int8": "tensor(int8)",
    "uint8": "tensor(uint8)",
    "bool": "tensor(bool)",
    "string": "tensor(string)",
    "datetime": "tensor(int64)",
}
"""Element type in a contract -> as onnxruntime names it."""

_ACCEPTED = "pass a dict of arrays by name, one array for one input, or a tuple in the order of the inputs"


class TensorIntake:
    """Turns tensors into feeds and enforces the contract on the way."""

    def __init__(self, contract: Contract) -> None:
        """Work out once what every call needs."""
        self._inputs = contract.inputs
        self._names = tuple(item.name for item in contract.inputs)
        self._dimensions = contract.dimensions

    def read(self, X: object) -> tuple[dict[str, NDArray[Any]] | None, None]:  # noqa: N803
        """Return the feeds, or None where a size is 0; the second is for remarks, of which there are none.

        Raises:
            InputError: The tensors break the contract.
        """
        feeds, sizes = self.bind(X)
        return (None if 0 in sizes.values() else feeds), None

    def bind(self, X: object) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:  # noqa: N803
        """Return the feeds and the size of every dimension.

        Raises:
            InputError: The tensors break the contract.
        """
        sizes: dict[str, int] = {}
        feeds: dict[str, NDArray[Any]] = {}
        for item, value in zip(self._inputs, self._values(X), strict=True):
            array = _array(item, value)
            self._check_shape(item, array.shape, sizes)
            _check_values(item, array)
            feeds[item.tensor] = array
        return feeds, sizes

    def _values(self, X: object) -> Sequence[object]:  # noqa: N803
        if isinstance(X, Mapping):
            missing = [name for name in self._names if name not in X]
            unknown = [name for name in X if name not in self._names]
            if missing or unknown:
                problems = [f"input {shown(name)}: expected, but missing" for name in missing]
                problems += [f"input {shown(name)}: the model has no such input" for name in unknown]
                raise InputError(
                    f"expected {', '.join(self._names)}", where="inputs", problems=tuple(problems[:20])
                )
            return [X[name] for name in self._names]
        if len(self._names) == 1:
            single = isinstance(X, tuple) and len(X) == 1
            return [cast("tuple[object]", X)[0] if single else X]
        if isinstance(X, (tuple, list)) and len(X) == len(self._names):
            return X
        found = f"{len(X)} values" if isinstance(X, (tuple, list)) else type(X).__name__
        raise InputError(
            f"expected {len(self._names)} inputs ({', '.join(self._names)}), found {found}",
            where="inputs",
            hint=_ACCEPTED,
        )

    def _check_shape(self, item: Input, shape: tuple[int, ...], sizes: dict[str, int]) -> None:
        expected = item.shape or ()
        where = f"input {shown(item.name)}"
        if len(shape) != len(expected):
            raise InputError(
                f"expected {len(expected)} dimensions, found {len(shape)}",
                where=where,
                hint=f"its shape is {_shape_text(expected)}",
            )
        for axis, (size, found) in enumerate(zip(expected, shape, strict=True)):
            if isinstance(size, int):
                if size != found:
                    raise InputError(f"expected {size} along axis {axis}, found {found}", where=where)
                continue
            if sizes.setdefault(size, found) != found:
                raise InputError(
                    f"expected {sizes[size]} along axis {axis}, as elsewhere for {size}, found {found}",
                    where=where,
                )
            allowed = self._dimensions[size]
            if not allowed.allows(found):
                most = "" if allowed.maximum is None else f" and at most {allowed.maximum}"
                raise InputError(
                    f"expected at least {allowed.minimum}{most} along axis {axis} ({size}), found {found}",
                    where=where,
                )


def _shape_text(shape: Sequence[int | str]) -> str:
    return "(" + ", ".join(str(size) for size in shape) + ("," if len(shape) == 1 else "") + ")"


def _array(item: Input, value: object) -> NDArray[Any]:
    """Return a value as a contiguous array of the input's element type."""
    where = f"input {shown(item.name)}"
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # a torch tensor, perhaps on another device
        value = value.detach().cpu()
    if isinstance(value, loaded("numpy.ma", "MaskedArray")):
        raise InputError("expected plain values, found a masked array", where=where)
    wanted = np.dtype(object if item.dtype == "string" else item.dtype)
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"expected an array, found {type(value).__name__}", where=where, hint=_ACCEPTED
        ) from error
    if item.dtype == "string":
        return _strings(array, where)
    if array.dtype != wanted:
        plain = isinstance(value, (list, tuple, int, float, bool))
        array = _from_lists(array, wanted, where) if plain else _wrong_type(array, wanted, where)
    return np.ascontiguousarray(array).reshape(array.shape)  # the former makes a scalar a vector


def _wrong_type(array: NDArray[Any], wanted: np.dtype[Any], where: str) -> NDArray[Any]:
    """Refuse another element type: the original does, or computes something else with it."""
    raise InputError(
        f"expected {wanted}, found {array.dtype}", where=where, hint=f'cast it: .astype("{wanted}")'
    )


def _from_lists(array: NDArray[Any], wanted: np.dtype[Any], where: str) -> NDArray[Any]:
    """Return numbers from Python lists, which have no element type of their own, where nothing is lost."""
    kinds = {"f": "biuf", "i": "iu", "u": "iu", "b": "b"}
    if array.dtype.kind not in kinds[wanted.kind]:
        raise InputError(f"expected values of {wanted}, found {array.dtype}", where=where)
    with np.errstate(over="ignore"):
        cast_array = array.astype(wanted)
    if wanted.kind in "iu" and not np.array_equal(cast_array, array):
        raise InputError(f"a value does not fit {wanted}", where=where)
    return cast_array


def _strings(array: NDArray[Any], where: str) -> NDArray[Any]:
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.dtype != object or not all(isinstance(cell, str) for cell in array.flat):
        raise InputError(f"expected strings, found {array.dtype}", where=where)
    return array


def _check_values(item: Input, array: NDArray[Any]) -> None:
    where = f"input {shown(item.name)}"
    if array.dtype.kind == "f" and not (item.nulls and item.infinities):
        finite = np.isfinite(array)
        if finite.all():
            return
        if not item.nulls and np.isnan(array).any():
            raise InputError("expected numbers, found NaN", where=_at(where, np.isnan(array)))
        if not item.infinities and np.isinf(array).any():
            raise InputError("expected finite numbers, found an infinity", where=_at(where, np.isinf(array)))
    elif item.bounds is not None and array.size:
        low, high = item.bounds
        outside = (array < low) | (array > high)
        if outside.any():
            raise InputError(f"expected {low} to {high}, found a number outside", where=_at(where, outside))


def _at(where: str, mask: NDArray[np.bool_]) -> str:
    """Return the place of the first element that a mask marks."""
    place = np.unravel_index(int(mask.argmax()), mask.shape)
    return f"{where}, element [{', '.join(str(int(index)) for index in place)}]"


def tensor_method(method: Method, contract: Contract, session: Session, intake: TensorIntake) -> TensorMethod:
    """Return one method as a closure: an array, or a dict of arrays where the original returns several.

    Raises:
        FormatError: Contract and graph do not fit each other.
    """
    outputs = [output for output in contract.outputs if output.method == method]
    types = {item.name: item.type for item in session.get_outputs()}
    finishes = [_finish(output, types[output.tensor]) for output in outputs]
    names = [output.tensor for output in outputs]
    errors = engine_errors(session)

    def answer(X: object) -> NDArray[Any] | dict[str, NDArray[Any]]:  # noqa: N803
        feeds, sizes = intake.bind(X)
        if 0 in sizes.values():
            parts = [_nothing(output, sizes) for output in outputs]
        else:
            try:
                found = session.run(names, feeds)
            except errors as error:
                raise MlpackError(
                    f"onnxruntime failed on these tensors ({type(error).__name__})",
                    code="engine",
                    where=method,
                    hint="the original may refuse these shapes too",
                ) from error
            parts = [finish(part) for finish, part in zip(finishes, found, strict=True)]
        if outputs[0].name is None:
            return parts[0]
        return {str(output.name): part for output, part in zip(outputs, parts, strict=True)}

    answer.__name__ = method
    answer.__qualname__ = f"Predictor.{method}"
    answer.__doc__ = f"Return what the original's `{method}` returns for these tensors."
    return answer


def _finish(output: Output, tensor_type: str) -> Callable[[Any], NDArray[Any]]:
    dtype = native_dtype(output)
    expected = ELEMENTS["string" if dtype.kind in "OU" else dtype.name]
    if tensor_type != expected:
        raise FormatError(
            f"the graph gives {tensor_type}, expected {expected}",
            where=f"contract.json.outputs: {output.key}",
        )
    return np.asarray


def _nothing(output: Output, sizes: Mapping[str, int]) -> NDArray[Any]:
    """Return the answer for no rows, whose shape follows from the sizes of the dimensions."""
    shape = [sizes[size] if isinstance(size, str) else (size or 0) for size in output.shape]
    return np.zeros(shape, dtype=native_dtype(output))
