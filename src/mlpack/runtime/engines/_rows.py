"""Rows as the original took them, built from the tensors that the contract lets through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np

from mlpack.errors import FormatError, MlpackError
from mlpack.format.contract import NULL_TEXT, Contract
from mlpack.format.documents import Fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ColumnForm", "RowForm"]

Library = Literal["pandas", "polars", "numpy", "scipy", "texts"]
_WITHOUT_COLUMNS = ("numpy", "scipy", "texts")
Missing = Literal["none", "nan"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnForm:
    """One column of the original's frame.

    Attributes:
        dtype: As its library names it.
        kind: `float`, `integer`, `boolean`, `text` or `datetime`.
        missing: What stands for a missing text.
        categories: Of a categorical column, in order; None for others.
        ordered: Whether categories are ordered.
    """

    dtype: str
    kind: str
    missing: Missing = "nan"
    categories: tuple[str | int | float | bool, ...] | None = None
    ordered: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RowForm:
    """How the original takes its rows.

    Attributes:
        library: Whose frame or array they are.
        columns: In the order of the contract's inputs; for arrays empty.
        dtype: Of an array; of a sparse matrix with its class, as `csr_matrix <f8`; of texts `list`, or an
            array's or a pandas column's after the library, as `pandas str`. Empty for frames.
    """

    library: Library
    columns: tuple[ColumnForm, ...] = ()
    dtype: str = ""

    def to_document(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        if self.library in _WITHOUT_COLUMNS:
            return {"library": self.library, "dtype": self.dtype}
        return {
            "library": self.library,
            "columns": [
                {"dtype": item.dtype, "kind": item.kind, "missing": item.missing}
                | (
                    {}
                    if item.categories is None
                    else {"categories": list(item.categories), "ordered": item.ordered}
                )
                for item in self.columns
            ],
        }

    @classmethod
    def from_fields(cls, top: Fields) -> RowForm:
        """Parse it.

        Raises:
            FormatError: It breaks the format.
        """
        library = cast("Library", top.choice("library", get_args(Library)))
        if library in _WITHOUT_COLUMNS:
            form = cls(library=library, dtype=top.text("dtype"))
        else:
            form = cls(library=library, columns=tuple(_column(item) for item in top.each("columns")))
        top.done()
        return form

    def build(self, contract: Contract, feeds: Mapping[str, Any]) -> Any:  # noqa: ANN401  (a frame or an array)
        """Return the rows of some feeds in the original's form.

        Raises:
            MlpackError: The library is not there, or cannot hold such a column.
        """
        if self.library == "numpy":
            return self._array(contract, feeds, self.dtype)
        if self.library == "scipy":
            return _sparse(self.dtype, self._array(contract, feeds, self.dtype.partition(" ")[2]))
        if self.library == "texts":
            return _texts(self.dtype, feeds[contract.inputs[0].tensor][:, 0])
        if len(self.columns) != len(contract.inputs):
            raise FormatError("not the columns of the contract", where="model/native.json.rows.columns")
        columns = {
            item.name: (form, feeds[item.tensor][:, 0])
            for item, form in zip(contract.inputs, self.columns, strict=True)
        }
        return _pandas_frame(columns) if self.library == "pandas" else _polars_frame(columns)

    def _array(self, contract: Contract, feeds: Mapping[str, Any], name: str) -> NDArray[Any]:
        values: NDArray[Any] = feeds[contract.inputs[0].tensor]
        if contract.layout == "frame":
            values = np.column_stack([feeds[item.tensor] for item in contract.inputs])
        if values.dtype == object:
            values = values.copy()
            values[values == NULL_TEXT] = None
        dtype = np.dtype(name)
        if dtype.kind in "iu" and values.dtype.kind == "f":
            return values  # missing values in integers, as NumPy itself would hold them
        return values.astype(dtype)


SPARSE = tuple(
    f"{form}_{kind}"
    for form in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
    for kind in ("array", "matrix")
)
"""Classes of SciPy's sparse matrices."""


def _sparse(form: str, cells: NDArray[Any]) -> Any:  # noqa: ANN401
    import scipy.sparse

    name = form.partition(" ")[0]
    if name not in SPARSE:
        raise FormatError(f"no class of sparse matrices: {name[:40]!r}", where="model/native.json.rows.dtype")
    return getattr(scipy.sparse, name)(cells)


def _texts(form: str, values: NDArray[Any]) -> Any:  # noqa: ANN401
    cells = [None if cell == NULL_TEXT else cell for cell in values.tolist()]
    library, _, dtype = form.partition(" ")
    if library == "list":
        return cells
    if library == "numpy":
        return np.array(cells, dtype=object if dtype == "object" else None)
    if library == "pandas":
        import pandas as pd

        return pd.Series(cells, dtype=dtype)
    if library == "polars":
        import polars as pl

        return pl.Series(cells, dtype=pl.String)
    raise FormatError(f"no form of texts: {library[:40]!r}", where="model/native.json.rows.dtype")


def _column(item: Fields) -> ColumnForm:
    categories = item.items("categories") if item.holds("categories") else None
    if categories is not None and any(not isinstance(one, (str, int, float)) for one in categories):
        raise FormatError("expected strings, numbers or booleans", where=f"{item.where}.categories")
    form = ColumnForm(
        dtype=item.text("dtype"),
        kind=item.choice("kind", ("float", "integer", "boolean", "text", "datetime")),
        missing=cast("Missing", item.choice("missing", ("none", "nan"))),
        categories=None if categories is None else tuple(categories),
        ordered=item.flag("ordered") if categories is not None else False,
    )
    item.done()
    return form


def _cells(form: ColumnForm, values: NDArray[Any]) -> list[Any]:
    """Return plain values, None for what is missing."""
    cells: list[Any] = values.tolist()
    if form.kind == "text":
        return [None if cell == NULL_TEXT else cell for cell in cells]
    if values.dtype.kind != "f":
        return cells
    cells = [None if cell != cell else cell for cell in cells]  # noqa: PLR0124  (NaN)
    if form.kind == "integer":
        return [int(cell) if cell is not None and cell.is_integer() else cell for cell in cells]
    return cells


def _pandas_frame(columns: Mapping[str, tuple[ColumnForm, NDArray[Any]]]) -> Any:  # noqa: ANN401
    import pandas as pd

    return pd.DataFrame({name: _pandas_series(*column) for name, column in columns.items()})


def _pandas_series(form: ColumnForm, values: NDArray[Any]) -> Any:  # noqa: ANN401
    import pandas as pd

    make: Any = pd.array  # its overloads know dtypes by name only
    if form.categories is not None:
        return _pandas_categories(form, values)
    try:
        dtype = pd.api.types.pandas_dtype(form.dtype)
    except TypeError as error:
        raise MlpackError(
            f"pandas {pd.__version__} has no columns of {form.dtype!r}", code="engine", where="rows"
        ) from error
    if form.kind == "text":
        missing = None if form.missing == "none" else np.nan
        return pd.Series([missing if cell is None else cell for cell in _cells(form, values)], dtype=dtype)
    if form.kind == "datetime":
        zone = getattr(dtype, "tz", None)
        instants = pd.Series(values)
        return instants if zone is None else instants.dt.tz_localize("UTC").dt.tz_convert(zone)
    if isinstance(dtype, np.dtype):
        kept = values.dtype if form.kind == "integer" and values.dtype.kind == "f" else dtype
        return pd.Series(values.astype(kept))
    return pd.Series(make(_cells(form, values), dtype=dtype))


def _pandas_categories(form: ColumnForm, values: NDArray[Any]) -> Any:  # noqa: ANN401
    import pandas as pd

    known = list(form.categories or ())
    cells = _cells(form, values)
    extra = [cell for cell in dict.fromkeys(cells) if cell is not None and cell not in known]
    categories = pd.Index([*known, *extra], dtype=form.dtype)
    return pd.Series(pd.Categorical(cells, categories=categories, ordered=form.ordered))


def _polars_frame(columns: Mapping[str, tuple[ColumnForm, NDArray[Any]]]) -> Any:  # noqa: ANN401
    import polars as pl

    def series(name: str, form: ColumnForm, values: NDArray[Any]) -> Any:  # noqa: ANN401
        kind = getattr(pl, form.dtype.partition("(")[0], None)
        if not isinstance(kind, type) or not issubclass(kind, pl.DataType):
            raise MlpackError(f"polars has no columns of {form.dtype!r}", code="engine", where="rows")
        return pl.Series(name, _cells(form, values), dtype=pl.String if kind is pl.Enum else kind)

    return pl.DataFrame([series(name, *column) for name, column in columns.items()])
