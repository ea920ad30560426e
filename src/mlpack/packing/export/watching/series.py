"""A stand-in for a pandas Series: it works on real rows, and notes the host step for all it does."""

# ruff: noqa: ANN401 - it stands for a class of pandas, whose arguments are anything
from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from mlpack.format.host_operations import FUNCTIONS

if TYPE_CHECKING:
    from mlpack.packing.export.hosting import Hosting

__all__ = ["NotTraceable", "TracedSeries", "ufunc_result"]


class NotTraceable(Exception):  # noqa: N818 - not an error: the function is looked for another way
    """Something that a function does has no host step; the text says what, and what to do."""


@dataclass(eq=False, slots=True)
class TracedSeries:
    """One column under observation.

    Attributes:
        native: What pandas has here for the rows of the example.
        value: The host's name for it.
        nulls: Whether it may hold missing values for other rows.
        hosting: Where steps are noted.
    """

    native: Any
    value: str
    nulls: bool
    hosting: Hosting

    __array_priority__ = 1000

    # -- what it is

    @property
    def form(self) -> str:
        """Return text, number, boolean, date, span or other."""
        dtype = self.native.dtype
        kind = getattr(dtype, "kind", "O")
        if kind == "M" and "datetime64" in str(dtype):
            return "date"
        if kind == "m":
            return "span"
        if isinstance(dtype, np.dtype) and kind in "iuf":
            return "number"
        if isinstance(dtype, np.dtype) and kind == "b":
            return "boolean"
        if str(dtype) in ("object", "str", "string"):
            return "text"
        return "other"

    @property
    def name(self) -> Any:
        """Return the column's name."""
        return self.native.name

    @property
    def dtype(self) -> Any:
        """Return the column's type."""
        return self.native.dtype

    @property
    def index(self) -> Any:
        """Return an index that is good for nothing but to be handed back."""
        return self.native.index

    @property
    def values(self) -> TracedSeries:
        """Return the column itself."""
        return self

    def _new(
        self, native: Any, operation: str, *of: str, nulls: bool | None = None, **parameters: Any
    ) -> TracedSeries:
        value = self.hosting.step(operation, *of, **parameters)
        return TracedSeries(native, value, self.nulls if nulls is None else nulls, self.hosting)

    def _need(self, what: str, *forms: str) -> None:
        if self.form not in forms:
            raise NotTraceable(f"{what} of a column of type {self.native.dtype}")

    # -- arithmetic

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            raise NotTraceable(f"np.{ufunc.__name__}.{method} with options")
        return ufunc_result(ufunc, inputs)

    def __array_function__(self, function: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        if function is np.where and len(args) == 3 and not kwargs:
            return _where(*args)
        if function is np.clip and len(args) == 3 and not kwargs:
            return self.clip(*args[1:])
        raise NotTraceable(f"np.{function.__name__}")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise NotTraceable("taking the cells out of a column (np.asarray, a loop, a library's function)")

    def __add__(self, other: Any) -> TracedSeries:
        if self.form == "text":
            return _join(self, other)
        return ufunc_result(np.add, (self, other))

    def __radd__(self, other: Any) -> TracedSeries:
        if self.form == "text":
            return _join(other, self)
        return ufunc_result(np.add, (other, self))

    def __sub__(self, other: Any) -> TracedSeries:
        return _apart(self, other) if self.form == "date" else ufunc_result(np.subtract, (self, other))

    def __rsub__(self, other: Any) -> TracedSeries:
        return _apart(other, self) if self.form == "date" else ufunc_result(np.subtract, (other, self))

    def __mul__(self, other: Any) -> TracedSeries:
        return ufunc_result(np.multiply, (self, other))

    def __rmul__(self, other: Any) -> TracedSeries:
        return ufunc_result(np.multiply, (other, self))

    def __truediv__(self, other: Any) -> TracedSeries:
        return ufunc_result(np.true_divide, (self, other))

    def __rtruediv__(self, other: Any) -> TracedSeries:
        return ufunc_result(np.true_divide, (other, self))

    def __floordiv__(self, other: Any) -> TracedSeries:
        return self._whole(np.floor_divide, other)

    def __mod__(self, other: Any) -> TracedSeries:
        return self._whole(np.remainder, other)

    def _whole(self, ufunc: np.ufunc, other: Any) -> TracedSeries:
        if isinstance(other, TracedSeries) or not other:
            raise NotTraceable("// and % by anything but a constant that is not zero")
        return ufunc_result(ufunc, (self, other))

    def __pow__(self, other: Any) -> TracedSeries:
        return ufunc_result(np.power, (self, other))

    def __neg__(self) -> TracedSeries:
        return ufunc_result(np.negative, (self,))

    def __abs__(self) -> TracedSeries:
        return ufunc_result(np.absolute, (self,))

    abs = __abs__

    def __invert__(self) -> TracedSeries:
        self._need("~", "boolean")
        return ufunc_result(np.logical_not, (self,))

    def __and__(self, other: Any) -> TracedSeries:
        return self._logic(np.logical_and, other)

    def __or__(self, other: Any) -> TracedSeries:
        return self._logic(np.logical_or, other)

    def _logic(self, ufunc: np.ufunc, other: Any) -> TracedSeries:
        self._need("a logical operator", "boolean")
        if not isinstance(other, TracedSeries) or other.form != "boolean":
            raise NotTraceable("a logical operator with anything but a column of booleans")
        return ufunc_result(ufunc, (self, other))

    def __lt__(self, other: Any) -> TracedSeries:
        return ufunc_result(np.less, (self, other))

    def __le__(self, other: Any) -> TracedSeries:
        return ufunc_result(np.less_equal, (self, other))

    def __gt__(self, other: Any) -> TracedSeries:
        return ufunc_result(np.greater, (self, other))

    def __ge__(self, other: Any) -> TracedSeries:
        return ufunc_result(np.greater_equal, (self, other))

    def __eq__(self, other: object) -> Any:
        if self.form == "text" and isinstance(other, str):
            return self.isin([other])
        return ufunc_result(np.equal, (self, other))

    def __ne__(self, other: object) -> Any:
        if self.form == "text" and isinstance(other, str):
            return ~self.isin([other])
        return ufunc_result(np.not_equal, (self, other))

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> NoReturn:
        raise NotTraceable("a decision that depends on the rows (if, and, or, not)")

    def __len__(self) -> NoReturn:
        raise NotTraceable("the number of rows, which differs from batch to batch")

    def __iter__(self) -> NoReturn:
        raise NotTraceable("a loop over rows")

    # -- methods

    def isna(self) -> TracedSeries:
        """Return where it is missing."""
        self._need("isna", "text", "number", "date")
        return self._new(self.native.isna(), "is-missing", self.value, nulls=False)

    isnull = isna

    def notna(self) -> TracedSeries:
        """Return where it is not missing."""
        return ~self.isna()

    notnull = notna

    def fillna(self, value: Any) -> TracedSeries:
        """Return it with a constant for what is missing."""
        if self.form == "text" and isinstance(value, str):
            return self._new(
                self.native.fillna(value), "fill-text", self.value, nulls=False, **{"with": value}
            )
        self._need("fillna", "number")
        if self.native.dtype.kind != "f":
            return self
        constant = _constant(value)
        return self._new(
            self.native.fillna(value), "fill-number", self.value, nulls=False, **{"with": constant}
        )

    def astype(self, dtype: Any, **options: Any) -> TracedSeries:
        """Return it in another type."""
        if options.keys() - {"copy"}:
            raise NotTraceable(f"astype with {', '.join(options)}")
        native = self.native.astype(dtype)
        if self.form == "text" and str(native.dtype) in ("object", "str", "string") and not self.nulls:
            return TracedSeries(native, self.value, nulls=False, hosting=self.hosting)
        self._need("astype", "number", "boolean")
        kind = "string" if dtype in (str, "str") else str(native.dtype)
        if self.nulls and not kind.startswith("float"):
            raise NotTraceable(f"astype({kind}) of a column with missing values; use fillna first")
        if kind == "string" and self.native.dtype.kind == "f":
            raise NotTraceable("astype(str) of floats")
        return self._new(native, "retype", self.value, kind=kind)

    def clip(self, lower: Any = None, upper: Any = None) -> TracedSeries:
        """Return it within limits."""
        result = self
        if lower is not None:
            result = ufunc_result(np.maximum, (result, lower))
        return result if upper is None else ufunc_result(np.minimum, (result, upper))

    def between(self, left: Any, right: Any) -> TracedSeries:
        """Return whether it lies between two numbers, these included."""
        inside: TracedSeries = (self >= left) & (self <= right)
        return inside

    def isin(self, among: Any) -> TracedSeries:
        """Return whether it is one of some texts or numbers."""
        self._need("isin", "text", "number")
        known = [_plain(item) for item in among]
        return self._new(self.native.isin(list(among)), "one-of", self.value, nulls=False, among=known)

    def map(self, table: Any) -> TracedSeries:
        """Return what a dictionary has for its cells."""
        if not isinstance(table, Mapping):
            return self.apply(table)
        self._need("map", "text", "number")
        keys, values = [_plain(key) for key in table], [_plain(value) for value in table.values()]
        if type(table) is not dict or len({type(value) is str for value in values}) != 1:
            raise NotTraceable("map with anything but a plain dictionary of texts, or of numbers")
        made = self._new(self.native.map(table), "look-up", self.value, nulls=True, keys=keys, values=values)
        if made.form not in ("text", "number"):
            raise NotTraceable(f"map to values of type {made.native.dtype}")
        return made

    def apply(self, function: Callable[..., Any]) -> TracedSeries:
        """Return a function of every cell; of texts, methods of strings are known."""
        from mlpack.packing.export.string_methods import traced_methods

        if isinstance(function, np.ufunc):
            return ufunc_result(function, (self,))
        self._need("apply with a function", "text")
        if self.nulls:
            raise NotTraceable("apply to texts of which some are missing; use fillna first")
        if function is len:
            return self._new(self.native.map(len), "text-length", self.value)
        methods = traced_methods(function)
        if methods is None:
            raise NotTraceable(
                "apply with a function of one cell; use methods of the column (.dt, .str, +, np.log1p)"
            )
        return self._new(self.native.map(function), "change-text", self.value, methods=methods)

    def copy(self, **_: Any) -> TracedSeries:
        """Return the column itself: steps never change it."""
        return self

    def rename(self, name: Any) -> TracedSeries:
        """Return it under another name."""
        return TracedSeries(self.native.rename(name), self.value, self.nulls, self.hosting)

    def to_frame(self, name: Any = None) -> Any:
        """Return a table of this column alone."""
        from mlpack.packing.export.watching.frame import TracedFrame

        return TracedFrame({self.name if name is None else name: self})

    def to_numpy(self) -> TracedSeries:
        """Return the column itself."""
        return self

    @property
    def dt(self) -> Any:
        """Return the parts of instants or lengths of time."""
        from mlpack.packing.export.watching.accessors import Dates

        self._need(".dt", "date", "span")
        return Dates(self)

    @property
    def str(self) -> Any:
        """Return the methods of texts."""
        from mlpack.packing.export.watching.accessors import Texts

        self._need(".str", "text")
        return Texts(self)

    def __getattr__(self, name: Any) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotTraceable(f".{name} of a column")


_PLAIN_NAMES = {"divide": "true_divide", "fabs": "absolute", "mod": "remainder"}
"""NumPy's name of a function -> the name that host steps have for it."""


def ufunc_result(ufunc: np.ufunc, inputs: Sequence[Any]) -> TracedSeries:
    """Return a NumPy function of columns and constants."""
    name = ufunc.__name__
    columns = [item for item in inputs if isinstance(item, TracedSeries)]
    first = columns[0]
    name = _PLAIN_NAMES.get(name, name)
    if FUNCTIONS.get(name) != len(inputs):
        raise NotTraceable(f"np.{ufunc.__name__}")
    for column in columns:
        column._need(f"np.{name}", "number", "boolean")  # noqa: SLF001 - of its own module
    native = ufunc(*(item.native if isinstance(item, TracedSeries) else item for item in inputs))
    sides: dict[str, Any] = {}
    for side, item in zip(("left", "right") if len(inputs) == 2 else (), inputs, strict=False):
        if not isinstance(item, TracedSeries):
            sides[side] = _constant(item)
    value = first.hosting.step("calculate", *(column.value for column in columns), function=name, **sides)
    nulls = native.dtype.kind == "f"  # a quotient or a logarithm may be missing where no argument was
    return TracedSeries(native, value, nulls, first.hosting)


def _where(condition: Any, first: Any, second: Any) -> TracedSeries:
    if not isinstance(condition, TracedSeries) or condition.form != "boolean":
        raise NotTraceable("np.where with anything but a column of booleans")
    chosen = [item for item in (first, second) if isinstance(item, TracedSeries)]
    for item in chosen:
        item._need("np.where", "number", "boolean")  # noqa: SLF001 - of its own module
    values = [None if isinstance(item, TracedSeries) else _constant(item) for item in (first, second)]
    natives = [item.native if isinstance(item, TracedSeries) else item for item in (first, second)]
    native = type(condition.native)(np.where(condition.native, *natives), index=condition.native.index)
    value = condition.hosting.step("choose", condition.value, *(item.value for item in chosen), values=values)
    return TracedSeries(native, value, any(item.nulls for item in chosen), condition.hosting)


def _join(first: Any, second: Any) -> TracedSeries:
    columns = [item for item in (first, second) if isinstance(item, TracedSeries)]
    parts: list[str | None] = []
    for item in (first, second):
        if isinstance(item, TracedSeries):
            item._need("+", "text")  # noqa: SLF001 - of its own module
        elif not isinstance(item, str):
            raise NotTraceable(f"text + {type(item).__name__}")
        parts.append(None if isinstance(item, TracedSeries) else item)
    natives = [item.native if isinstance(item, TracedSeries) else item for item in (first, second)]
    value = columns[0].hosting.step("join-texts", *(column.value for column in columns), parts=parts)
    nulls = any(column.nulls for column in columns)
    return TracedSeries(natives[0] + natives[1], value, nulls, columns[0].hosting)


def _apart(first: Any, second: Any) -> TracedSeries:
    """Return the time between two instants, of which one may be a constant."""
    import pandas as pd

    if isinstance(first, TracedSeries) and isinstance(second, TracedSeries):
        second._need("-", "date")  # noqa: SLF001 - of its own module
        value = first.hosting.step("date-difference", first.value, second.value)
        return TracedSeries(first.native - second.native, value, first.nulls or second.nulls, first.hosting)
    column, constant, side = (
        (first, second, "right") if isinstance(first, TracedSeries) else (second, first, "left")
    )
    if not isinstance(constant, (str, dt.datetime, np.datetime64)):
        raise NotTraceable(f"a date and a {type(constant).__name__}")
    moment = pd.Timestamp(constant)
    if (moment.tzinfo is None) != (getattr(column.native.dtype, "tz", None) is None):
        raise NotTraceable("the time between an instant with a zone and one without")
    native = column.native - moment if side == "right" else moment - column.native
    plain = moment if moment.tzinfo is None else moment.tz_convert("UTC").tz_localize(None)
    value = column.hosting.step(
        "date-distance", column.value, side=side, moment=int(plain.asm8.astype(np.int64)), unit=plain.unit
    )
    return TracedSeries(native, value, column.nulls, column.hosting)


def _constant(value: Any) -> float | int | bool:
    if isinstance(value, np.generic) and value.ndim == 0:
        if value.dtype not in (np.float64, np.int64, np.bool_):
            raise NotTraceable(f"a constant of type {value.dtype}")
        value = value.item()
    if type(value) not in (int, float, bool) or not np.isfinite(value) or abs(value) > 2**63:
        raise NotTraceable(f"a constant of type {type(value).__name__}, or one that is not finite")
    return value  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    return value if type(value) is str else _constant(value)
