"""The rules of the contract that a tensor can break: nulls, infinities, limits, ranges, categories."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlpack.format.contract import NULL_TEXT, CategoricalProfile, DType, Input, NumericProfile
from mlpack.runtime._cells import EXPECTED, MISSING
from mlpack.runtime._findings import Findings

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Check", "Ranges", "check_texts", "check_values", "compile_check"]

Ranges = Literal["warn", "refuse", "ignore"]
"""What happens to values that the original accepts but did not see in training."""

_LARGEST = {"float64": float(np.finfo(np.float64).max), "float32": float(np.finfo(np.float32).max)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One input's rules, ready to apply.

    Attributes:
        name: The caller's name for the column.
        tensor: Graph input.
        dtype: Its element type.
        nulls: Whether a missing value may pass.
        infinities: Whether an infinity may pass.
        limit: Largest absolute value that may pass; infinite when there is none.
        minimum: Smallest value seen in training; -inf when ranges are ignored.
        maximum: Largest value seen in training; inf when ranges are ignored.
        low: Values from here ...
        high: ... up to here break no rule at all; NaN lies outside.
        unit: What instants are counted in.
        zone: Whether instants are points in time and not bare clock times.
        known: Strings that break no rule; None when every string passes.
        refuse_unknown: Whether other strings are refused, rather than counted.
        refuse_ranges: Whether values outside the training range are refused, rather than counted.
    """

    name: str
    tensor: str
    dtype: DType
    nulls: bool
    infinities: bool
    limit: float
    minimum: float
    maximum: float
    low: float
    high: float
    known: frozenset[str] | None
    refuse_unknown: bool
    refuse_ranges: bool
    unit: str = ""
    zone: bool = False


def compile_check(item: Input, ranges: Ranges) -> Check:
    """Return the rules of one input."""
    limit = math.inf if item.limit is None else item.limit
    minimum, maximum = -math.inf, math.inf
    known: frozenset[str] | None = None
    match item.profile:
        case NumericProfile() as numeric if ranges != "ignore" and item.dtype not in (
            "bool",
            "string",
            "datetime",
        ):
            minimum, maximum = numeric.minimum, numeric.maximum
        case CategoricalProfile() as seen if item.dtype == "string" and seen.other_share == 0:
            if not item.unknown or ranges != "ignore":
                known = frozenset(seen.categories) - {NULL_TEXT}
        case _:
            pass
    # An infinity that may pass still takes the slow way: its tensor may be a float32 that cannot tell.
    largest = min(limit, _LARGEST.get(item.dtype, math.inf))
    return Check(
        name=item.name,
        tensor=item.tensor,
        dtype=item.dtype,
        nulls=item.nulls,
        infinities=item.infinities,
        limit=limit,
        minimum=minimum,
        maximum=maximum,
        low=max(minimum, -largest),
        high=min(maximum, largest),
        known=known,
        refuse_unknown=not item.unknown or ranges == "refuse",
        refuse_ranges=ranges == "refuse",
        unit=item.unit,
        zone=item.zone,
    )


def check_values(check: Check, values: NDArray[Any], findings: Findings) -> None:
    """Apply the rules to numbers or booleans of shape `(N,)`, N at least 1, already of the tensor's dtype."""
    if check.dtype == "datetime":
        if not check.nulls:
            _refuse(check, np.isnat(values), EXPECTED["datetime"], MISSING, findings)
    elif check.dtype != "bool":
        lowest, highest = values.min(), values.max()  # both NaN as soon as one value is
        if not (check.low <= lowest and highest <= check.high):
            _check_numbers(check, values, findings)


def _check_numbers(check: Check, values: NDArray[Any], findings: Findings) -> None:
    before = len(findings)
    expected = EXPECTED[check.dtype]
    if check.dtype != "int64":
        if not check.nulls:
            _refuse(check, np.isnan(values), expected, MISSING, findings)
        if not check.infinities and len(findings) == before:
            _refuse(check, np.isinf(values), "a finite number", "an infinity", findings)
    if len(findings) > before:
        return
    if check.limit < math.inf:
        # Not by absolute value, which the smallest integer does not have.
        beyond = ((values > check.limit) | (values < -check.limit)) & np.isfinite(values)
        _refuse(check, beyond, f"at most {check.limit:g} in size", "a larger number", findings)
    if len(findings) > before:
        return
    for outside, bound, relation in (
        (values < check.minimum, check.minimum, "below minimum"),
        (values > check.maximum, check.maximum, "above maximum"),
    ):
        if check.refuse_ranges:
            what = "at least" if relation == "below minimum" else "at most"
            _refuse(check, outside, f"{what} {bound:g}, as in training", f"a number {relation}", findings)
        elif rows := int(np.count_nonzero(outside)):
            findings.remark(check.name, relation, rows)


def _refuse(check: Check, mask: NDArray[np.bool_], expected: str, found: str, findings: Findings) -> None:
    if rows := int(np.count_nonzero(mask)):
        findings.wrong(check.name, int(mask.argmax()), expected, found, rows=rows)


def check_texts(check: Check, values: NDArray[Any], distinct: set[str], findings: Findings) -> None:
    """Apply the rules to strings of shape `(N,)`, N at least 1, whose distinct ones are known."""
    if not check.nulls and NULL_TEXT in distinct:
        _refuse(check, values == NULL_TEXT, EXPECTED["string"], MISSING, findings)
        return
    if check.known is None:
        return
    unknown = distinct - check.known - {NULL_TEXT}
    if not unknown:
        return
    mask = np.fromiter((cell in unknown for cell in values), dtype=np.bool_, count=len(values))
    if check.refuse_unknown:
        _refuse(check, mask, "one of the categories of the training data", "another string", findings)
    else:
        findings.remark(check.name, "unknown category", int(np.count_nonzero(mask)))
