"""contract.json: what goes into a model, what comes out, and what the training data looked like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from mlpack.errors import FormatError, UnsupportedVersionError
from mlpack.format.documents import Fields, canonical_json, parse_json
from mlpack.format.tensors import (
    Dimension,
    Size,
    dimensions_from_json,
    dimensions_to_json,
    shape_from_json,
)

__all__ = [
    "CONTRACT_VERSION",
    "MAX_CATEGORIES",
    "NULL_TEXT",
    "CategoricalProfile",
    "Contract",
    "DType",
    "Input",
    "Label",
    "Layout",
    "Method",
    "NumericProfile",
    "Output",
]

CONTRACT_VERSION = "1.0"
"""Version of this document. The rules for changing it stand in docs/reference/bundle-format.md."""

NULL_TEXT = "<mlpack:null>"
"""What a missing string becomes in a graph: ONNX strings have no null. Callers may not send it."""

DType = Literal[
    "float64", "float32", "int64", "bool", "string", "datetime", "float16", "int32", "int16", "int8", "uint8"
]
"""Element type of a graph input. Columns have one of the first six; instants are read by host steps only."""

UNITS = ("s", "ms", "us", "ns")
"""Units of instants, as NumPy names them."""

_COLUMN_TYPES: tuple[DType, ...] = get_args(DType)[:6]
_FLOATS: tuple[DType, ...] = ("float64", "float32", "float16")
_INTEGERS: tuple[DType, ...] = ("int64", "int32", "int16", "int8", "uint8")

Layout = Literal["frame", "array", "tensors"]
"""frame: one graph input `[N, 1]` per column. array: one graph input `[N, k]` for all of them. tensors: one
graph input per argument of the original, each of its own shape."""

Method = Literal[
    "predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples"
]
"""A method of the original model that the bundle offers."""

MAX_CATEGORIES = 1000
"""Most categories that a profile lists."""

Label = str | int | float | bool
"""A class label as JSON holds it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericProfile:
    """How a numeric column of the example was distributed: the baseline for ranges and drift.

    Attributes:
        minimum: Smallest finite value.
        maximum: Largest finite value.
        edges: Fixed bin edges, ascending; bin i holds `edges[i] <= x < edges[i + 1]`, the last one its upper
            edge too. Values outside belong to the first or last bin.
        shares: Share of the finite values in each bin, one fewer than `edges`; sums to 1.
        null_share: Share of rows that were missing, 0 to 1.
    """

    minimum: float
    maximum: float
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    null_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoricalProfile:
    """How a string or boolean column of the example was distributed.

    Attributes:
        categories: Values seen, sorted; at most 1,000.
        shares: Share of the rows that are not missing, one per category.
        other_share: Share of the values that are not listed; above 0 the list is not complete and
            nothing can be called unknown.
        null_share: Share of rows that were missing, 0 to 1.
    """

    categories: tuple[str, ...]
    shares: tuple[float, ...]
    other_share: float
    null_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One column (or one position of an array) that the model reads.

    Attributes:
        name: The caller's name for it; for arrays `x0`, `x1`, ... in order.
        tensor: Graph input that carries it; for arrays the same for all.
        dtype: Element type of that graph input.
        source: Type in the example, as its library names it (`category`, `Int64`, `float64`).
        nulls: Whether the original accepts a missing value here.
        infinities: Whether the original accepts infinite values here; numbers only.
        unknown: Whether the original accepts strings that it was not fitted on; strings only.
        limit: Largest absolute value that the original accepts, when it refuses finite ones above; numbers
            only.
        unit: What instants are counted in; instants only.
        zone: Whether instants are points in time, of which some zone shows the clock, and not bare clock
            times; instants only.
        profile: What the example looked like.
        shape: Sizes and names of dimensions; only, and always, in the layout `tensors`.
        bounds: Smallest and largest integer that the original accepts in a tensor; None for all.
    """

    name: str
    tensor: str
    dtype: DType
    source: str
    nulls: bool = False
    infinities: bool = False
    unknown: bool = True
    limit: float | None = None
    unit: str = ""
    zone: bool = False
    profile: NumericProfile | CategoricalProfile | None = None
    shape: tuple[int | str, ...] | None = None
    bounds: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """What one method returns.

    Attributes:
        method: Method of the original model.
        tensor: Graph output that holds it, in exactly the shape below.
        dtype: NumPy dtype of what the original returns (`float64`, `int64`, `bool`, `<U9`, `object`).
        shape: Shape with None for the row count, always first: `(None,)` or `(None, k)`. In the layout
            `tensors`: sizes, names of dimensions, and None for what follows from the values.
        classes: Labels in class order. For `predict` the graph output is then the int64 index into them;
            for the other methods they name the columns.
        name: Which part of a method's answer this is, when the answer has several, each with its name;
            only in the layout `tensors`.
    """

    method: Method
    tensor: str
    dtype: str
    shape: tuple[Size, ...]
    classes: tuple[Label, ...] | None = None
    name: str | None = None

    @property
    def key(self) -> str:
        """What evidence calls it: `predict`, or `predict.logits` for one part of several."""
        return self.method if self.name is None else f"{self.method}.{self.name}"

    @property
    def width(self) -> int | None:
        """Number of columns of a table of rows; None when each row has one value."""
        size = self.shape[1] if len(self.shape) > 1 else None
        return size if isinstance(size, int) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """The one contract of a bundle.

    Attributes:
        layout: How inputs map to graph inputs.
        inputs: In the order of the example; for arrays in column order.
        outputs: One per method, or per part of its answer.
        dimensions: Name -> sizes that are allowed; only in the layout `tensors`.
    """

    layout: Layout
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods offered, in order."""
        return tuple(dict.fromkeys(output.method for output in self.outputs))

    def output(self, key: str) -> Output:
        """Return the output of a method, or the part of its answer, that has this key.

        Raises:
            KeyError: The bundle does not offer it.
        """
        for output in self.outputs:
            if output.key == key:
                return output
        raise KeyError(key)

    def to_bytes(self) -> bytes:
        """Return contract.json."""
        document: dict[str, Any] = {
            "version": CONTRACT_VERSION,
            "layout": self.layout,
            "null_text": NULL_TEXT,
            "inputs": [_input_to_json(item) for item in self.inputs],
            "outputs": [_output_to_json(item) for item in self.outputs],
        }
        if self.layout == "tensors":
            document["dimensions"] = dimensions_to_json(self.dimensions)
        return canonical_json(document)

    @classmethod
    def from_bytes(cls, data: bytes) -> Contract:
        """Parse contract.json.

        Raises:
            UnsupportedVersionError: Another version of the contract.
            FormatError: The document breaks the format.
        """
        top = Fields(parse_json(data, where="contract.json"), "contract.json")
        if (version := top.text("version")) != CONTRACT_VERSION:
            raise UnsupportedVersionError(
                f"this reader knows contract version {CONTRACT_VERSION}, found {version[:40]!r}",
                where="contract.json.version",
                hint="use a newer mlpack to read this bundle",
            )
        if top.text("null_text") != NULL_TEXT:
            raise FormatError(f"expected {NULL_TEXT!r}", where="contract.json.null_text")
        layout = cast("Layout", top.choice("layout", get_args(Layout)))
        tensors = layout == "tensors"
        contract = cls(
            layout=layout,
            inputs=tuple(_input_from_json(item, tensors=tensors) for item in top.each("inputs")),
            outputs=tuple(_output_from_json(item, tensors=tensors) for item in top.each("outputs")),
            dimensions=dimensions_from_json(top) if tensors else {},
        )
        top.done()
        _check_consistency(contract)
        return contract


def _input_to_json(item: Input) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": item.name,
        "tensor": item.tensor,
        "dtype": item.dtype,
        "source": item.source,
        "nulls": item.nulls,
    }
    if item.dtype in _FLOATS:
        document["infinities"] = item.infinities
    if item.dtype == "string":
        document["unknown"] = item.unknown
    if item.dtype == "datetime":
        document["unit"] = item.unit
        document["zone"] = item.zone
    if item.limit is not None:
        document["limit"] = item.limit
    if item.shape is not None:
        document["shape"] = list(item.shape)
    if item.bounds is not None:
        document["bounds"] = list(item.bounds)
    match item.profile:
        case NumericProfile() as numeric:
            document["numeric"] = {
                "minimum": numeric.minimum,
                "maximum": numeric.maximum,
                "edges": list(numeric.edges),
                "shares": list(numeric.shares),
                "null_share": numeric.null_share,
            }
        case CategoricalProfile() as categorical:
            document["categorical"] = {
                "categories": list(categorical.categories),
                "shares": list(categorical.shares),
                "other_share": categorical.other_share,
                "null_share": categorical.null_share,
            }
        case None:
            pass
    return document


def _input_from_json(item: Fields, *, tensors: bool) -> Input:
    dtype = cast("DType", item.choice("dtype", get_args(DType) if tensors else _COLUMN_TYPES))
    number = dtype in _FLOATS or dtype in _INTEGERS
    bounded = tensors and dtype in _INTEGERS and item.holds("bounds")
    result = Input(
        name=item.text("name"),
        tensor=_not_empty(item, "tensor"),
        dtype=dtype,
        source=item.text("source"),
        nulls=item.flag("nulls"),
        infinities=item.flag("infinities") if dtype in _FLOATS else False,
        unknown=item.flag("unknown") if dtype == "string" else True,
        limit=item.number("limit") if number and item.holds("limit") else None,
        unit=item.choice("unit", UNITS) if dtype == "datetime" else "",
        zone=item.flag("zone") if dtype == "datetime" else False,
        profile=_numeric(item) if number or dtype == "datetime" else _categorical(item),
        shape=cast("tuple[int | str, ...]", shape_from_json(item, open_sizes=False)) if tensors else None,
        bounds=_bounds(item) if bounded else None,
    )
    item.done()  # also refuses what the dtype has no use for
    if result.limit is not None and result.limit <= 0:
        raise FormatError("expected a number above 0", where=f"{item.where}.limit")
    return result


def _bounds(item: Fields) -> tuple[int, int]:
    values = item.items("bounds")
    if len(values) != 2 or any(type(value) is not int for value in values) or values[0] > values[1]:
        raise FormatError("expected the smallest and the largest integer", where=f"{item.where}.bounds")
    return values[0], values[1]


def _not_empty(fields: Fields, key: str) -> str:
    if not (value := fields.text(key)):
        raise FormatError("must not be empty", where=f"{fields.where}.{key}")
    return value


def _numeric(item: Fields) -> NumericProfile | None:
    if not item.holds("numeric"):
        return None
    fields = item.fields("numeric")
    profile = NumericProfile(
        minimum=fields.number("minimum"),
        maximum=fields.number("maximum"),
        edges=_numbers(fields, "edges"),
        shares=_shares(fields, "shares"),
        null_share=_share(fields, "null_share"),
    )
    fields.done()
    if not profile.shares or len(profile.edges) != len(profile.shares) + 1:
        raise FormatError("expected at least two edges, one more than shares", where=f"{fields.where}.edges")
    if list(profile.edges) != sorted(profile.edges):
        raise FormatError("expected ascending edges", where=f"{fields.where}.edges")
    if profile.minimum > profile.maximum:
        raise FormatError("above the maximum", where=f"{fields.where}.minimum")
    return profile


def _categorical(item: Fields) -> CategoricalProfile | None:
    if not item.holds("categorical"):
        return None
    fields = item.fields("categorical")
    profile = CategoricalProfile(
        categories=fields.texts("categories"),
        shares=_shares(fields, "shares"),
        other_share=_share(fields, "other_share"),
        null_share=_share(fields, "null_share"),
    )
    fields.done()
    names = list(profile.categories)
    if len(names) > MAX_CATEGORIES or names != sorted(set(names)):
        raise FormatError(
            f"expected at most {MAX_CATEGORIES}, sorted, none twice", where=f"{fields.where}.categories"
        )
    if len(profile.categories) != len(profile.shares):
        raise FormatError("expected one share per category", where=f"{fields.where}.shares")
    return profile


def _share(fields: Fields, key: str) -> float:
    value = fields.number(key)
    if not 0 <= value <= 1:
        raise FormatError("expected a share from 0 to 1", where=f"{fields.where}.{key}")
    return value


def _shares(fields: Fields, key: str) -> tuple[float, ...]:
    values = _numbers(fields, key)
    if any(not 0 <= value <= 1 for value in values):
        raise FormatError("expected shares from 0 to 1", where=f"{fields.where}.{key}")
    return values


def _numbers(fields: Fields, key: str) -> tuple[float, ...]:
    values = fields.items(key)
    for value in values:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise FormatError("expected an array of numbers", where=f"{fields.where}.{key}")
    return tuple(float(value) for value in values)


def _output_to_json(item: Output) -> dict[str, Any]:
    document: dict[str, Any] = {
        "method": item.method,
        "tensor": item.tensor,
        "dtype": item.dtype,
        "shape": list(item.shape),
    }
    if item.classes is not None:
        document["classes"] = list(item.classes)
    if item.name is not None:
        document["name"] = item.name
    return document


def _output_from_json(item: Fields, *, tensors: bool) -> Output:
    shape = shape_from_json(item, open_sizes=True) if tensors else _rows_shape(item)
    classes = _classes(item) if item.holds("classes") else None
    columns = shape[-1] if len(shape) > 1 else None
    labels = columns == 1 and item.any("method") == "predict"  # CatBoost gives labels as a column
    if classes is not None and isinstance(columns, int) and len(classes) != columns and not labels:
        raise FormatError(f"expected one class for each of {columns} columns", where=f"{item.where}.classes")
    result = Output(
        method=cast("Method", item.choice("method", get_args(Method))),
        tensor=_not_empty(item, "tensor"),
        dtype=_not_empty(item, "dtype"),
        shape=shape,
        classes=classes,
        name=_not_empty(item, "name") if tensors and item.holds("name") else None,
    )
    item.done()
    return result


def _rows_shape(item: Fields) -> tuple[Size, ...]:
    shape = item.items("shape")
    columns = shape[1:]
    if shape[:1] != [None] or len(columns) > 1 or any(type(k) is not int or k < 1 for k in columns):
        raise FormatError("expected [null] or [null, k]", where=f"{item.where}.shape")
    return tuple(shape)


def _classes(item: Fields) -> tuple[Label, ...]:
    labels = item.items("classes")
    if any(not isinstance(label, (str, int, float, bool)) for label in labels):
        raise FormatError("expected strings, numbers or booleans", where=f"{item.where}.classes")
    if not labels or len({(type(label), label) for label in labels}) != len(labels):
        raise FormatError("expected at least one label and none twice", where=f"{item.where}.classes")
    return tuple(labels)


def _check_consistency(contract: Contract) -> None:
    names = [item.name for item in contract.inputs]
    if not names or len(set(names)) != len(names):
        raise FormatError("expected at least one input and no name twice", where="contract.json.inputs")
    tensors = {item.tensor for item in contract.inputs}
    if contract.layout == "array":
        if len(tensors) != 1 or len({item.dtype for item in contract.inputs}) != 1:
            raise FormatError("an array has one tensor and one dtype", where="contract.json.inputs")
    elif len(tensors) != len(names):
        raise FormatError("expected one tensor per column, or per input", where="contract.json.inputs")
    keys = [item.key for item in contract.outputs]
    if not keys or len(set(keys)) != len(keys):
        raise FormatError("expected at least one output and no method twice", where="contract.json.outputs")
    whole = {item.method for item in contract.outputs if item.name is None}
    if whole & {item.method for item in contract.outputs if item.name is not None}:
        raise FormatError("a method answers as a whole and in parts", where="contract.json.outputs")
    if {item.tensor for item in contract.outputs} & tensors:
        raise FormatError("an output shares its tensor with an input", where="contract.json.outputs")
    _check_dimensions(contract)


def _check_dimensions(contract: Contract) -> None:
    """Refuse names of dimensions that have no range, and ranges that no input has."""
    used = {size for item in contract.inputs for size in item.shape or () if isinstance(size, str)}
    if used != set(contract.dimensions):
        raise FormatError("expected exactly those that inputs name", where="contract.json.dimensions")
    for item in contract.outputs:
        if any(isinstance(size, str) and size not in used for size in item.shape):
            raise FormatError("names a dimension of no input", where=f"contract.json.outputs: {item.key}")
