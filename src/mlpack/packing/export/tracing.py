"""Following a function of NumPy arrays through a table that only notes down what is done to it.

A stand-in for the table implements NumPy's protocols for universal functions and array functions, so that
the function itself builds the graph. Whatever looks at rows together, at single values or at something that
has no exact form ends the trace with a reason.
"""

# ruff: noqa: ANN401 - a stranger's function hands in anything
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Block, Columns, Kind, Tensor, Unsupported
from mlpack.packing.export.ufuncs import BINARY, UNARY
from mlpack.packing.export.volatile import refuse_volatile

if TYPE_CHECKING:
    from mlpack.packing.export.graph import GraphBuilder

__all__ = ["Traced", "trace", "trace_answer"]


def trace(
    graph: GraphBuilder, function: Callable[..., Any], arguments: dict[str, Any], columns: Columns
) -> Columns:
    """Return what a function makes of some columns.

    Raises:
        Unsupported: It does something that a graph does not reproduce.
    """
    refuse_volatile(function)
    table = Traced(graph, columns)
    try:
        result = function(table, **arguments)
    except Unsupported:
        raise
    except Exception as error:
        raise Unsupported("its function", f"cannot be followed ({type(error).__name__}: {error})") from error
    if not isinstance(result, Traced) or result.flat:
        raise Unsupported("its function", "returns something that is not a table made from its argument")
    return result.columns


def trace_answer(graph: GraphBuilder, function: Callable[..., Any], answer: Tensor) -> Tensor:
    """Return what a function makes of a model's answer, `(N,)` or `(N, k)`.

    Raises:
        Unsupported: It does something that a graph does not reproduce, or makes a table of the answer.
    """
    refuse_volatile(function)
    shape = graph.ints([-1, answer.width or 1])
    table = Tensor(graph.op("Reshape", answer.name, shape), answer.kind, answer.width or 1)
    try:
        result = function(Traced(graph, Columns.of(table), flat=answer.width is None))
    except Unsupported:
        raise
    except Exception as error:
        raise Unsupported("its function", f"cannot be followed ({type(error).__name__}: {error})") from error
    if not isinstance(result, Traced) or len(set(result.columns.kinds)) != 1:
        raise Unsupported("its function", "returns something that is not made from its argument")
    made = graph.matrix(result.columns, result.columns.kinds[0])
    return graph.flat(made) if result.flat else made


def _stop(what: str) -> NoReturn:
    raise Unsupported("its function", what)


class _Rows:
    """The number of rows, which no graph for any batch may depend on."""

    def _used(self, *_: object) -> NoReturn:
        _stop("uses the number of rows")

    __index__ = __int__ = __float__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = _used
    __truediv__ = __rtruediv__ = __floordiv__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _used
    __hash__ = None  # type: ignore[assignment]


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """A table, or one column of it, inside a graph.

    Attributes:
        graph: The graph.
        columns: What has been made so far.
        flat: Whether it is one column without a second dimension.
    """

    def __init__(self, graph: GraphBuilder, columns: Columns, *, flat: bool = False) -> None:
        """Stand for some columns."""
        self.graph = graph
        self.columns = columns
        self.flat = flat

    # -------------------------------------------------------------------------------- what it looks like

    @property
    def shape(self) -> tuple[Any, ...]:
        """Shape with something in place of the number of rows that cannot be used."""
        return (_Rows(),) if self.flat else (_Rows(), self.columns.width)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return 1 if self.flat else 2

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type, where there is one."""
        kinds = set(self.columns.kinds)
        return np.dtype(kinds.pop()) if len(kinds) == 1 else _stop("asks a mixed table for its type")

    @property
    def values(self) -> Traced:
        """The same without names."""
        return self

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        _stop("makes an array of its argument, or hands it to code that NumPy's protocols do not reach")

    def __bool__(self) -> NoReturn:  # noqa: PLE0304 - it never returns
        _stop("decides by the values of its argument")

    __float__ = __int__ = __index__ = __bool__

    def __len__(self) -> NoReturn:  # noqa: PLE0303 - it never returns
        _stop("uses the number of rows")

    def __iter__(self) -> NoReturn:
        _stop("goes through its argument row by row")

    # -------------------------------------------------------------------------------- NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", None)
        if method != "__call__" or options:
            _stop(f"uses np.{ufunc.__name__}.{method} with {', '.join(sorted(options)) or 'no options'}")
        if len(inputs) == 1 and ufunc in UNARY:
            result = _each(inputs[0], UNARY[ufunc])
        elif len(inputs) == 2 and ufunc in BINARY:
            result = _both(*inputs, BINARY[ufunc])
        elif ufunc is np.matmul:
            result = _product(*inputs)
        else:
            _stop(f"uses np.{ufunc.__name__}, which has no exact form")
        if out is not None:
            (target,) = out
            if not isinstance(target, Traced) or result.columns.kinds != target.columns.kinds:
                _stop("writes into an array of another type")
            target.columns = result.columns
            return target
        return result

    def __array_function__(self, function: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        from mlpack.packing.export.array_functions import FUNCTIONS

        if function not in FUNCTIONS:
            _stop(f"uses np.{function.__name__}, which has no exact form")
        return FUNCTIONS[function](*args, **kwargs)

    # -------------------------------------------------------------------------------- parts

    def __getitem__(self, key: Any) -> Traced:
        places, flat = self._places(key)
        return Traced(self.graph, self.graph.select(self.columns, places), flat=flat)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, Traced):
            from mlpack.packing.export.array_functions import where

            self.columns = where(key, value, self).columns
            return
        if isinstance(key, str) and key not in self.columns.names:
            new = value if isinstance(value, Traced) else self._filled(value, 1)
            block = Block(new.columns.blocks[0].tensor, (key,))
            self.columns = Columns((*self.columns.blocks, block))
            return
        places, _ = self._places(key)
        parts = [self.graph.select(self.columns, [at]).blocks[0] for at in range(self.columns.width)]
        new = value if isinstance(value, Traced) else self._filled(value, len(places))
        if new.columns.width != len(places):
            _stop("writes columns of another number")
        for number, place in enumerate(places):
            tensor = self.graph.select(new.columns, [number]).blocks[0].tensor
            if (
                self.columns.names[place] is None
            ):  # an array keeps its type, a frame's column takes the new one
                tensor = self.graph.cast(tensor, parts[place].tensor.kind)
            parts[place] = Block(tensor, parts[place].names)
        self.columns = Columns(tuple(parts))

    def _filled(self, value: Any, width: int) -> Traced:
        """Return columns that are the same in every row."""
        numbers = np.asarray(value)
        if numbers.dtype.kind not in "fiu" or numbers.ndim > 1:
            _stop("writes something that is no number into its argument")
        row = _constant(self.graph, np.broadcast_to(numbers, (1, width)))
        name = formulas.each_row(self.graph, self.columns.blocks[0].tensor.name, row.name, width)
        return Traced(self.graph, Columns.of(Tensor(name, row.kind, width)))

    def _places(self, key: Any) -> tuple[list[int], bool]:
        """Return the columns that a key means, and whether the result is flat."""
        names, width = list(self.columns.names), self.columns.width
        if isinstance(key, tuple) and len(key) == 2 and key[0] in (slice(None), Ellipsis) and not self.flat:
            return _by_position(key[1], width)
        if isinstance(key, tuple) and self.flat and key in ((slice(None), None), (Ellipsis, None)):
            return [0], False
        if isinstance(key, str) and key in names:
            return [names.index(key)], True
        if isinstance(key, list) and key and all(isinstance(at, str) and at in names for at in key):
            return [names.index(at) for at in key], False
        if (isinstance(key, slice) and key == slice(None)) or key is Ellipsis:
            return list(range(width)), self.flat
        _stop("takes single rows, or parts that are no columns")

    # -------------------------------------------------------------------------------- methods

    def copy(self, *_: Any, **__: Any) -> Traced:
        """Return another stand-in for the same columns."""
        return Traced(self.graph, self.columns, flat=self.flat)

    def to_numpy(self) -> Traced:
        """Return the table without names, in one type."""
        kinds = set(self.columns.kinds)
        if len(kinds) == 1:
            return self
        return Traced(self.graph, Columns.of(self.graph.matrix(self.columns, "float64")), flat=self.flat)

    def astype(self, dtype: Any, **_: Any) -> Traced:
        """Return the table in double, or as it is."""
        kind = np.dtype(dtype).name
        if kind == "int64" and set(self.columns.kinds) <= {"bool", "int64"}:
            return _each(self, lambda graph, tensor: graph.cast(tensor, "int64"))
        if kind != "float64" and any(found != kind for found in self.columns.kinds):
            _stop(f"converts to {kind}")
        return _each(self, lambda graph, tensor: graph.cast(tensor, "float64")) if kind == "float64" else self

    def round(self, decimals: int = 0) -> Traced:
        """Return rounded values, as NumPy does it: scaled, rounded to even, scaled back."""
        if type(decimals) is not int or not -22 <= decimals <= 22:
            _stop("rounds to something that is no number of decimals")
        if "int64" in self.columns.kinds or "bool" in self.columns.kinds:
            _stop("rounds whole numbers")
        if decimals == 0:
            return _each(self, UNARY[np.rint])
        factor = 10.0 ** abs(decimals)
        there, back = (np.multiply, np.true_divide) if decimals > 0 else (np.true_divide, np.multiply)
        return _both(_each(_both(self, factor, BINARY[there]), UNARY[np.rint]), factor, BINARY[back])

    def abs(self) -> Traced:
        """Return absolute values."""
        return _each(self, UNARY[np.absolute])

    def clip(self, lower: Any = None, upper: Any = None, **options: Any) -> Traced:
        """Return values within limits."""
        low, high = options.pop("min", lower), options.pop("max", upper)
        if options:
            _stop("clips with options")
        result = self
        result = result if low is None else _both(result, low, BINARY[np.maximum])
        return result if high is None else _both(result, high, BINARY[np.minimum])

    def fillna(self, value: Any) -> Traced:
        """Return the table with a number where something is missing."""
        from mlpack.packing.export.array_functions import where

        return where(_each(self, UNARY[np.isnan]), value, self)

    def reshape(self, *shape: Any) -> Traced:
        """Return one column with a second dimension, or none."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        if self.columns.width == 1 and wanted in ((-1, 1), (-1,)):
            return Traced(self.graph, self.columns, flat=wanted == (-1,))
        _stop("changes the shape of its argument")

    def sum(self, axis: Any = None, **options: Any) -> Traced:
        """Return the sums of rows."""
        return self._over(axis, options, "ReduceSum")

    def mean(self, axis: Any = None, **options: Any) -> Traced:
        """Return the means of rows."""
        return self._over(axis, options, "ReduceMean")

    def _over(self, axis: Any, options: dict[str, Any], operator: str) -> Traced:
        keep = bool(options.pop("keepdims", False))
        if self.flat or axis not in (1, -1, "columns") or options:
            _stop("takes rows together: the answer for a row would depend on the others")
        matrix = self.graph.matrix(self.columns, "float64")
        name = self.graph.op(operator, matrix.name, self.graph.ints([1]), keepdims=1)
        return Traced(self.graph, Columns.of(Tensor(name, "float64", 1)), flat=not keep)


def _by_position(key: Any, width: int) -> tuple[list[int], bool]:
    """Return the columns that the second index of a table means, and whether the result is flat."""
    if isinstance(key, slice):
        return list(range(*key.indices(width))), False
    if isinstance(key, (int, np.integer)):
        return [range(width)[int(key)]], True
    if isinstance(key, (list, np.ndarray)) and np.asarray(key).dtype.kind in "iu":
        return [range(width)[int(at)] for at in key], False
    _stop("takes single rows, or parts that are no columns")


def _each(x: Traced, step: Callable[[GraphBuilder, Tensor], Tensor]) -> Traced:
    blocks = []
    for block in x.columns.blocks:
        if block.tensor.kind not in ("float64", "int64", "bool"):
            _stop(f"computes on {block.tensor.kind} columns")
        blocks.append(Block(step(x.graph, block.tensor), block.names))
    return Traced(x.graph, Columns(tuple(blocks)), flat=x.flat)


Step = Callable[["GraphBuilder", Tensor, Tensor], Tensor]


def _both(left: Any, right: Any, step: Step) -> Traced:
    """Return a function of two operands, one of them at least a stand-in."""
    traced = left if isinstance(left, Traced) else right
    graph = traced.graph
    if isinstance(left, Traced) and isinstance(right, Traced):
        if left.flat != right.flat or (
            right.columns.width not in (1, left.columns.width) and left.columns.width != 1
        ):
            _stop("combines a column with a table")
        first, second = _matrix(left), _matrix(right)
        return Traced(graph, Columns.of(_sized(step(graph, first, second), first, second)), flat=left.flat)
    if isinstance(left, _Rows) or isinstance(right, _Rows):
        _stop("uses the number of rows")
    other = np.asarray(right if traced is left else left)
    if other.dtype.kind not in "fiub" or other.ndim > 2 or (traced.flat and other.ndim > 0):
        _stop("combines its argument with something that is no number")
    if other.ndim == 2 and other.shape[0] != 1:
        _stop("combines its argument with an array of rows")
    if other.ndim == 0:  # a frame's columns keep types of their own
        scalar, is_second = _constant(graph, other), traced is left

        def with_constant(_: GraphBuilder, x: Tensor) -> Tensor:
            return _sized(step(graph, x, scalar) if is_second else step(graph, scalar, x), x)

        return _each(traced, with_constant)
    mine, constant = _matrix(traced), _constant(graph, other.reshape(1, -1))
    pair = (mine, constant) if traced is left else (constant, mine)
    return Traced(graph, Columns.of(_sized(step(graph, *pair), *pair)), flat=traced.flat)


def _product(left: Any, right: Any) -> Traced:
    """Return the product of a table and a constant matrix or vector."""
    weights = None if isinstance(right, Traced) else np.asarray(right)
    if weights is None or not isinstance(left, Traced) or left.flat or weights.ndim not in (1, 2):
        _stop("multiplies matrices, of which its argument is not the first alone")
    if weights.dtype.kind not in "fiu" or len(weights) != left.columns.width:
        _stop("multiplies by a matrix that does not fit")
    graph, flat = left.graph, weights.ndim == 1
    table = graph.cast(_matrix(left), "float64")
    matrix = weights.reshape(len(weights), -1)
    name = graph.op("MatMul", table.name, graph.doubles(matrix))
    return Traced(graph, Columns.of(Tensor(name, "float64", matrix.shape[1])), flat=flat)


def _sized(result: Tensor, *operands: Tensor) -> Tensor:
    width = max(operand.width or 1 for operand in operands)
    return Tensor(result.name, result.kind, width)


def _matrix(x: Traced) -> Tensor:
    kinds = set(x.columns.kinds)
    kind: Kind = x.columns.kinds[0] if len(kinds) == 1 else "float64"
    if kind not in ("float64", "int64", "bool"):
        _stop(f"computes on {kind} columns")
    return x.graph.matrix(x.columns, kind)


def _constant(graph: GraphBuilder, value: np.ndarray) -> Tensor:
    kind: Kind = "float64" if value.dtype.kind == "f" else "bool" if value.dtype.kind == "b" else "int64"
    return Tensor(graph.const(value.astype(kind)), kind, value.shape[-1] if value.ndim else 1)


def side_by_side(parts: Sequence[Any]) -> Traced:
    """Return tables and columns beside each other."""
    if not all(isinstance(part, Traced) for part in parts):
        _stop("puts something beside its argument that is not made of it")
    tensors = [_matrix(part) for part in parts]
    kinds = {tensor.kind for tensor in tensors}
    kind: Kind = tensors[0].kind if len(kinds) == 1 else "float64"
    whole = parts[0].graph.concat([parts[0].graph.cast(tensor, kind) for tensor in tensors])
    return Traced(parts[0].graph, Columns.of(whole))
