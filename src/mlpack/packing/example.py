"""The example that a caller gives: what its columns are, and how to make more rows of the same kind."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mlpack.errors import ExampleError
from mlpack.format.contract import NULL_TEXT, DType
from mlpack.packing.tables import as_table, is_sparse, like_sparse, sparse_cells
from mlpack.packing.texts import build_texts, read_texts

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Column", "Example", "read_example"]

_INT64_MAX = 2**63 - 1
"""Graph inputs of integers are int64; a larger one would wrap around."""

Kind = Literal["float", "integer", "boolean", "text", "datetime"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of an example.

    Attributes:
        name: The caller's name; for arrays `x0`, `x1`, ...
        kind: What it holds.
        source: Type as its library names it.
        values: Shape (n,): float64, int64, bool, object of str, or datetime64 (UTC where they have a zone).
            Missing floats are NaN, missing strings None, missing instants NaT;
            integers with missing values are float64.
        dtype: Element type of the graph input.
        unit: What instants are counted in.
        zone: Whether instants are points in time and not bare clock times.
        words: Words that the model knows, where it reads texts and not categories.
    """

    name: str
    kind: Kind
    source: str
    values: np.ndarray
    dtype: DType
    words: tuple[str, ...] | None = None
    unit: str = ""
    zone: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """An example in neutral columns, and the library that it came from.

    Attributes:
        library: Where it came from.
        columns: In order.
        native: The caller's own object.
        flat: Whether that is a sequence of texts rather than a table.
        labels: Names of its columns where they are whole numbers; `native` has them as texts.
    """

    library: Literal["pandas", "polars", "numpy", "scipy", "list"]
    columns: tuple[Column, ...]
    native: Any
    flat: bool = False
    labels: tuple[int, ...] | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.columns[0].values)

    def pandas_column(self, name: str) -> Any:  # noqa: ANN401  (a Series)
        """Return one column of a pandas example as it is."""
        return self.native if self.flat else self.native[name]

    def column(self, name: str) -> Column:
        """Return the column called `name`."""
        return next(column for column in self.columns if column.name == name)

    def with_words(self, words: Mapping[str, tuple[str, ...]]) -> Example:
        """Return the same example, knowing which columns hold texts."""
        columns = tuple(replace(column, words=words.get(column.name)) for column in self.columns)
        return replace(self, columns=columns)

    def build(self, values: Mapping[str, np.ndarray]) -> Any:  # noqa: ANN401  (a frame or an array)
        """Return rows as the original model takes them: same library, same column types, same order.

        Args:
            values: Column name -> neutral values as in `Column.values`, all of one length.
        """
        if self.flat:
            return build_texts(self.library, self.native, values[self.columns[0].name])
        if self.library == "scipy":
            return like_sparse(self.native, _build_array(self, values))
        if self.library == "numpy":
            return _build_array(self, values)
        if self.library == "pandas":
            import pandas as pd

            series = {
                column.name: _pandas_series(self.native[column.name], values[column.name], column)
                for column in self.columns
            }
            frame = pd.DataFrame(series)
            return frame if self.labels is None else frame.set_axis(list(self.labels), axis=1)
        import polars as pl

        return pl.DataFrame(
            [
                _polars_series(self.native[column.name], values[column.name], column, pl)
                for column in self.columns
            ]
        )


def read_example(example: object, wanted: Sequence[str] | None = None) -> Example:
    """Read a pandas or polars DataFrame, a 2-D array, or a sequence of texts.

    Args:
        example: Rows as the model was fitted on.
        wanted: Columns that the model reads, in its order; None takes all.

    Raises:
        ExampleError: It is empty, of another type, lacks a column, or holds a column of a type that cannot be
            carried.
    """
    import numpy as np

    example = as_table(example)
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(example, pandas.DataFrame):
        found = _from_pandas(example, wanted)
    elif polars is not None and isinstance(example, polars.DataFrame):
        found = _from_polars(example, wanted)
    elif (texts := read_texts(example)) is not None:
        name, library, values = texts
        column = _text_column(name, "texts", values)
        found = Example(library=library, columns=(column,), native=example, flat=True)
    elif is_sparse(example):
        found = replace(_from_array(sparse_cells(example)), library="scipy", native=example)
    elif isinstance(example, np.ndarray):
        found = _from_array(example)
    else:
        raise ExampleError(
            "expected a pandas or polars DataFrame, a 2-D NumPy array, a SciPy sparse matrix, a dict of "
            f"columns, a list of records or a sequence of texts, found {type(example).__name__}",
            where="example",
            hint="pass some rows of the training data, as the model itself takes them",
        )
    if not found.columns or not found.rows:
        raise ExampleError(
            "it is empty", where="example", hint="pass at least one row; a few hundred make good evidence"
        )
    for column in found.columns:
        if column.kind == "text" and NULL_TEXT in column.values:
            raise ExampleError(f"the text {NULL_TEXT!r} is reserved", where=f"example column {column.name!r}")
    return found


def _select(names: Sequence[object], wanted: Sequence[str] | None) -> list[str]:
    for name in names:
        if not isinstance(name, str):
            raise ExampleError(
                f"column names must be strings, found {type(name).__name__}",
                where="example",
                hint="use frame.columns = frame.columns.astype(str) and fit again",
            )
    texts = [str(name) for name in names]
    if len(set(texts)) != len(texts):
        raise ExampleError("a column name appears twice", where="example")
    if wanted is None:
        return texts
    if missing := [name for name in wanted if name not in texts]:
        raise ExampleError(
            f"columns that the model was fitted on are missing: {', '.join(missing[:20])}", where="example"
        )
    return list(wanted)


def _from_pandas(frame: Any, wanted: Sequence[str] | None) -> Example:  # noqa: ANN401
    labels = None
    if wanted is None and all(type(name) is int for name in frame.columns.tolist()):
        # scikit-learn knows such columns by their place alone; a bundle names them by their number.
        labels = tuple(frame.columns.tolist())
        frame = frame.set_axis([str(label) for label in labels], axis=1)
    names = _select(list(frame.columns), wanted)
    columns = tuple(_pandas_column(name, frame[name]) for name in names)
    return Example(library="pandas", columns=columns, native=frame, labels=labels)


def _pandas_column(name: str, series: Any) -> Column:  # noqa: ANN401
    import pandas as pd

    source = str(series.dtype)
    if (arrow := _arrow_kind(series.dtype)) == "text":
        return _text_column(
            name, source, _objects(series.astype(object).where(series.notna(), None).tolist())
        )
    if arrow:
        raise _cannot_carry(name, source, arrow)
    inner = series.cat.categories.dtype if isinstance(series.dtype, pd.CategoricalDtype) else series.dtype
    if pd.api.types.is_bool_dtype(inner):
        if series.isna().any():
            raise _cannot_carry(name, f"{source} with missing values", "use strings, or 0 and 1 as numbers")
        return Column(
            name=name, kind="boolean", source=source, values=series.to_numpy(dtype=bool), dtype="bool"
        )
    if pd.api.types.is_numeric_dtype(inner) and not pd.api.types.is_complex_dtype(inner):
        return _number_column(
            name, source, series.to_numpy(dtype="float64", na_value=float("nan")), series, inner
        )
    if pd.api.types.is_datetime64_any_dtype(inner) and inner is series.dtype:
        return datetime_column(name, series)
    if pd.api.types.is_string_dtype(inner) or inner == "object":
        missing = series.isna().to_numpy()
        values = series.astype(object).to_numpy(dtype=object, copy=True)
        markers = sorted({type(value).__name__ for value in values[missing]})
        if len(markers) > 1:  # the original may tell them apart; a bundle has one missing value
            raise ExampleError(
                f"missing cells are marked in several ways: {', '.join(markers)}",
                where=f"example column {name!r}",
                hint="use one, as in series.where(series.notna(), None), and fit again",
            )
        values[missing] = None
        return _text_column(name, source, values)
    raise _cannot_carry(name, source, "turn it into numbers or strings before the model sees it")


def _arrow_kind(dtype: Any) -> str:  # noqa: ANN401
    """Return `text` for a dictionary of texts, what to do instead of types not carried, or nothing."""
    arrow = getattr(dtype, "pyarrow_dtype", None)
    if arrow is None:
        return ""
    from pyarrow import types

    if types.is_dictionary(arrow):
        texts = types.is_string(arrow.value_type) or types.is_large_string(arrow.value_type)
        return "text" if texts else "turn its values into numbers or strings"
    if types.is_decimal(arrow):
        return 'turn it into floats, as .astype("float64"), which hold 16 digits, and fit on those'
    if types.is_temporal(arrow):
        return 'turn it into dates of pandas, as .astype("datetime64[us]")'
    return ""


def datetime_column(name: str, series: Any) -> Column:  # noqa: ANN401
    """Return a column of instants."""
    import numpy as np

    zone = getattr(series.dtype, "tz", None)
    plain = series if zone is None else series.dt.tz_convert("UTC").dt.tz_localize(None)
    values = np.asarray(plain.to_numpy())
    return Column(
        name=name,
        kind="datetime",
        source=str(series.dtype),
        values=values,
        dtype="datetime",
        unit=np.datetime_data(values.dtype)[0],
        zone=zone is not None,
    )


def datetime_series(like: Any, values: np.ndarray) -> Any:  # noqa: ANN401
    """Return instants as a column of the type of another one."""
    import pandas as pd

    zone = getattr(like.dtype, "tz", None)
    series = pd.Series(values)
    return series if zone is None else series.dt.tz_localize("UTC").dt.tz_convert(zone)


def _number_column(name: str, source: str, floats: np.ndarray, series: Any, inner: Any) -> Column:  # noqa: ANN401
    import numpy as np

    kind = getattr(inner, "kind", None) or np.dtype(inner.name.lower()).kind
    if kind == "u" and int(series.max()) > _INT64_MAX:
        raise _cannot_carry(name, f"{source} above {_INT64_MAX}", "turn it into floats")
    if kind in "iu" and not np.isnan(floats).any():
        integers = np.asarray(series.to_numpy(dtype="int64"))
        return Column(name=name, kind="integer", source=source, values=integers, dtype="int64")
    if kind in "iu":
        return Column(name=name, kind="integer", source=source, values=floats, dtype="float64")
    single = source.lower() == "float32" or source == "float[pyarrow]"
    width: DType = "float32" if single else "float64"
    return Column(name=name, kind="float", source=source, values=floats, dtype=width)


def _text_column(name: str, source: str, values: np.ndarray) -> Column:
    kinds = sorted({type(value).__name__ for value in values if value is not None and type(value) is not str})
    if kinds:
        raise _cannot_carry(
            name, f"{source} holding {', '.join(kinds[:5])}", "make every value a string, or a number"
        )
    return Column(name=name, kind="text", source=source, values=values, dtype="string")


def _cannot_carry(name: str, found: str, hint: str) -> ExampleError:
    return ExampleError(
        f"expected numbers, booleans or strings; found {found}", where=f"example column {name!r}", hint=hint
    )


def _from_polars(frame: Any, wanted: Sequence[str] | None) -> Example:  # noqa: ANN401
    import polars as pl

    columns = []
    for name in _select(frame.columns, wanted):
        series, source = frame[name], str(frame[name].dtype)
        if series.dtype == pl.Boolean and not series.null_count():
            column = Column(name=name, kind="boolean", source=source, values=series.to_numpy(), dtype="bool")
        elif series.dtype.is_integer() or series.dtype.is_float():
            column = _polars_number(name, source, series, pl)
        elif series.dtype in (pl.String, pl.Categorical) or isinstance(series.dtype, pl.Enum):
            values = _objects(series.cast(pl.String).to_list())
            column = Column(name=name, kind="text", source=source, values=values, dtype="string")
        else:
            raise _cannot_carry(name, source, "turn it into numbers or strings before the model sees it")
        columns.append(column)
    return Example(library="polars", columns=tuple(columns), native=frame)


def _polars_number(name: str, source: str, series: Any, pl: Any) -> Column:  # noqa: ANN401
    if series.dtype.is_integer() and not series.null_count():
        values = series.cast(pl.Int64).to_numpy()
        return Column(name=name, kind="integer", source=source, values=values, dtype="int64")
    values = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    kind: Kind = "integer" if series.dtype.is_integer() else "float"
    width: DType = "float32" if series.dtype == pl.Float32 else "float64"
    return Column(name=name, kind=kind, source=source, values=values, dtype=width)


def _objects(values: Sequence[object]) -> np.ndarray:
    import numpy as np

    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def _from_array(array: np.ndarray) -> Example:
    import numpy as np

    if array.dtype in (np.longdouble, np.clongdouble) and array.dtype.itemsize > 8:
        raise ExampleError(
            f"{array.dtype} does not fit into a double",
            where="example",
            hint="pass example.astype(np.float64), and fit on that",
        )
    if isinstance(array, np.ma.MaskedArray):
        raise ExampleError("a masked array", where="example", hint="pass example.filled(np.nan)")
    if array.ndim != 2:
        raise ExampleError(f"expected 2 dimensions, found {array.ndim}", where="example")
    source = str(array.dtype)
    columns = []
    for index in range(array.shape[1]):
        name, values = f"x{index}", array[:, index]
        if array.dtype.kind == "f":
            width: DType = "float32" if array.dtype == np.float32 else "float64"
            column = Column(
                name=name, kind="float", source=source, values=values.astype(np.float64), dtype=width
            )
        elif array.dtype.kind in "iu":
            if array.dtype.kind == "u" and int(values.max(initial=0)) > _INT64_MAX:
                raise _cannot_carry(name, f"{source} above {_INT64_MAX}", "turn it into floats")
            column = Column(
                name=name, kind="integer", source=source, values=values.astype(np.int64), dtype="int64"
            )
        elif array.dtype.kind == "b":
            column = Column(name=name, kind="boolean", source=source, values=values.copy(), dtype="bool")
        elif array.dtype.kind in "UO":
            texts = _objects([None if _is_missing(value) else value for value in values.tolist()])
            column = _text_column(name, source, texts)
        else:
            raise _cannot_carry(name, source, "pass an array of numbers or strings")
        columns.append(column)
    return Example(library="numpy", columns=tuple(columns), native=array)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124  (NaN)


def _build_array(example: Example, values: Mapping[str, np.ndarray]) -> np.ndarray:
    import numpy as np

    parts = [values[column.name] for column in example.columns]
    dtype = example.native.dtype
    if any(part.dtype.kind == "f" for part in parts) and dtype.kind in "iu":
        dtype = np.dtype("float64")  # a missing value in integers, as NumPy itself would hold it
    return np.column_stack(parts).astype(dtype)


def _pandas_series(like: Any, values: np.ndarray, column: Column) -> Any:  # noqa: ANN401
    import numpy as np
    import pandas as pd

    if isinstance(like.dtype, pd.CategoricalDtype):
        known = list(like.cat.categories)
        cells = [None if _is_missing(value) else value for value in values.tolist()]
        if column.kind == "integer":
            cells = [_whole(cell) for cell in cells]
        extra = [value for value in dict.fromkeys(cells) if value is not None and value not in known]
        return pd.Series(pd.Categorical(cells, categories=[*known, *extra], ordered=like.cat.ordered))
    if column.kind == "datetime":
        return datetime_series(like, values)
    if column.kind == "text":
        missing = None if like.dtype != object else _marker(like)
        cells = [missing if value is None else value for value in values.tolist()]
        return pd.Series(cells, dtype=like.dtype)
    if isinstance(like.dtype, np.dtype):
        kept = values.dtype if column.kind == "integer" and values.dtype.kind == "f" else like.dtype
        return pd.Series(values.astype(kept))
    cells = [None if _is_missing(value) else value for value in values.tolist()]
    if column.kind == "integer":
        cells = [
            None if value is None else int(value) if float(value).is_integer() else value for value in cells
        ]
    with np.errstate(invalid="ignore"):  # an infinity among integers: pandas refuses it, and warns besides
        return pd.Series(pd.array(cells, dtype=like.dtype))


def _whole(cell: Any) -> Any:  # noqa: ANN401
    """Return a number as an integer where it is one, as the categories beside it are."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _marker(series: Any) -> object:  # noqa: ANN401
    """Return what marks a missing cell of a column of objects: None, NaN or NA; NaN when none is missing."""
    return next((value for value in series[series.isna().to_numpy()]), float("nan"))


def _polars_series(like: Any, values: np.ndarray, column: Column, pl: Any) -> Any:  # noqa: ANN401
    cells: list[Any] = [None if _is_missing(value) else value for value in values.tolist()]
    if column.kind == "integer":
        cells = [
            None if value is None else int(value) if float(value).is_integer() else value for value in cells
        ]
    dtype = pl.String if isinstance(like.dtype, pl.Enum) else like.dtype
    return pl.Series(column.name, cells, dtype=dtype)
