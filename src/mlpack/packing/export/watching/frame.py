"""A stand-in for a pandas DataFrame: a dictionary of columns under observation."""

# ruff: noqa: ANN401, D107 - it stands for a class of pandas, whose arguments are anything
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from mlpack.packing.export.watching.series import NotTraceable, TracedSeries, ufunc_result

__all__ = ["TracedFrame", "TracedPandas"]


class TracedFrame:
    """A table under observation; methods give new tables, and assignments change this one only."""

    def __init__(self, data: Any = None, columns: Any = None, index: Any = None) -> None:  # noqa: ARG002
        if data is None and columns is None:
            data = {}
        if isinstance(data, TracedFrame):
            data = dict(data.traced())
        if isinstance(data, TracedSeries):
            data = {columns[0] if columns is not None else data.name: data}
            columns = None
        if not isinstance(data, Mapping) or not all(isinstance(item, TracedSeries) for item in data.values()):
            raise NotTraceable("a DataFrame made of anything but a dictionary of columns")
        self._columns: dict[str, TracedSeries] = {str(name): column for name, column in data.items()}
        if columns is not None:
            self._columns = {str(name): self._columns[str(name)] for name in columns}

    def traced(self) -> Mapping[str, TracedSeries]:
        """Return the columns."""
        return self._columns

    @property
    def columns(self) -> Any:
        """Return the names."""
        import pandas as pd

        return pd.Index(list(self._columns))

    @property
    def index(self) -> Any:
        """Return an index that is good for nothing but to be handed back."""
        return next(iter(self._columns.values())).index

    @property
    def loc(self) -> _Located:
        """Return access by label."""
        return _Located(self)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, TracedSeries):
            raise NotTraceable("a choice of rows")
        if isinstance(key, str):
            return self._column(key)
        return TracedFrame({str(name): self._column(str(name)) for name in key})

    def _column(self, name: str) -> TracedSeries:
        if name not in self._columns:
            raise KeyError(name)
        return self._columns[name]

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(key, str) or not isinstance(value, TracedSeries):
            raise NotTraceable("an assignment of anything but one column to one name")
        self._columns[key] = value

    def __delitem__(self, key: str) -> None:
        del self._columns[key]

    def __contains__(self, key: object) -> bool:
        return key in self._columns

    def pop(self, key: str) -> TracedSeries:
        """Remove a column and return it."""
        return self._columns.pop(key)

    def assign(self, **columns: Any) -> TracedFrame:
        """Return it with further columns."""
        result = TracedFrame(self)
        for name, value in columns.items():
            result[name] = value(result) if callable(value) else value
        return result

    def drop(self, labels: Any = None, *, axis: Any = 0, columns: Any = None, **options: Any) -> TracedFrame:
        """Return it without some columns."""
        wanted = columns if columns is not None else labels if axis in (1, "columns") else None
        if wanted is None or options.keys() - {"inplace"} or options.get("inplace"):
            raise NotTraceable("drop of rows, or in place")
        gone = {wanted} if isinstance(wanted, str) else set(map(str, wanted))
        if missing := gone - self._columns.keys():
            raise KeyError(min(missing))
        return TracedFrame({name: item for name, item in self._columns.items() if name not in gone})

    def rename(self, columns: Mapping[str, str]) -> TracedFrame:
        """Return it with other names."""
        return TracedFrame({columns.get(name, name): item for name, item in self._columns.items()})

    def copy(self, **_: Any) -> TracedFrame:
        """Return a table of its own with the same columns."""
        return TracedFrame(self)

    def apply(self, function: Callable[..., Any], axis: Any = 0) -> TracedFrame:
        """Return a function of every column."""
        if axis not in (0, "index"):
            raise NotTraceable("apply along rows; use arithmetic of columns")
        return self._each(function)

    def fillna(self, value: Any) -> TracedFrame:
        """Return it with constants for what is missing."""
        if not isinstance(value, Mapping):
            return self._each(lambda column: column.fillna(value))
        return TracedFrame(
            {
                name: column.fillna(value[name]) if name in value else column
                for name, column in self._columns.items()
            }
        )

    def _each(self, function: Callable[[TracedSeries], Any]) -> TracedFrame:
        return TracedFrame({name: function(column) for name, column in self._columns.items()})

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> TracedFrame:
        if method != "__call__" or kwargs or any(isinstance(item, TracedSeries) for item in inputs):
            raise NotTraceable(f"np.{ufunc.__name__} of a table and a column, or with options")
        tables = [item for item in inputs if isinstance(item, TracedFrame)]
        names = list(tables[0].traced())
        if any(list(table.traced()) != names for table in tables):
            raise NotTraceable(f"np.{ufunc.__name__} of tables with different columns")
        return TracedFrame(
            {
                name: ufunc_result(
                    ufunc,
                    [item[name] if isinstance(item, TracedFrame) else item for item in inputs],
                )
                for name in names
            }
        )

    def __add__(self, other: Any) -> TracedFrame:
        return self._each(lambda column: column + _same(other))

    def __sub__(self, other: Any) -> TracedFrame:
        return self._each(lambda column: column - _same(other))

    def __mul__(self, other: Any) -> TracedFrame:
        return self._each(lambda column: column * _same(other))

    def __truediv__(self, other: Any) -> TracedFrame:
        return self._each(lambda column: column / _same(other))

    def __getattr__(self, name: str) -> Any:
        if name in ("astype", "clip", "abs", "isna", "isnull", "notna", "notnull"):
            return lambda *args, **kwargs: self._each(lambda column: getattr(column, name)(*args, **kwargs))
        if name in self.__dict__.get("_columns", {}):
            return self._columns[name]
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotTraceable(f".{name} of a table")

    def __len__(self) -> NoReturn:
        raise NotTraceable("the number of rows, which differs from batch to batch")

    def __iter__(self) -> Any:
        return iter(self._columns)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise NotTraceable("taking the cells out of a table (np.asarray, a library's function)")


def _same(other: Any) -> Any:
    if isinstance(other, (TracedFrame, TracedSeries)) or not isinstance(other, (int, float, np.generic)):
        raise NotTraceable("arithmetic of a table with anything but a number")
    return other


class _Located:
    """`.loc[:, names]`."""

    def __init__(self, frame: TracedFrame) -> None:
        self._frame = frame

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, tuple) or key[0] != slice(None):
            raise NotTraceable("a choice of rows")
        return self._frame[key[1]]

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(key, tuple) or key[0] != slice(None):
            raise NotTraceable("an assignment to some rows")
        self._frame[key[1]] = value


_INSTEAD = {
    "get_dummies": "its columns depend on the rows of the batch; use OneHotEncoder",
    "cut": "use KBinsDiscretizer, or comparisons of columns",
    "qcut": "its edges depend on the rows of the batch; use KBinsDiscretizer",
    "factorize": "its codes depend on the rows of the batch; use OrdinalEncoder",
}


class TracedPandas:
    """The module pandas, for a function under observation."""

    DataFrame = TracedFrame
    Series = TracedSeries

    @staticmethod
    def concat(parts: Any, axis: Any = 0, **options: Any) -> TracedFrame:
        """Return tables and columns side by side."""
        if axis not in (1, "columns") or options:
            raise NotTraceable("pd.concat of rows, or with options")
        joined: dict[str, TracedSeries] = {}
        for part in parts:
            joined |= part.traced() if isinstance(part, TracedFrame) else {str(part.name): part}
        return TracedFrame(joined)

    @staticmethod
    def to_datetime(column: Any, **options: Any) -> TracedSeries:
        """Return a column of instants as it is."""
        if not isinstance(column, TracedSeries) or column.form != "date" or options:
            raise NotTraceable(
                "pd.to_datetime of anything but instants; make them before the model sees its rows"
            )
        return column

    @staticmethod
    def isna(column: Any) -> Any:
        """Return where a column or a table is missing."""
        return column.isna()

    isnull = isna

    def __getattr__(self, name: str) -> Any:
        if name in _INSTEAD:
            raise NotTraceable(f"pd.{name}: {_INSTEAD[name]}")
        import pandas as pd

        return getattr(pd, name)
