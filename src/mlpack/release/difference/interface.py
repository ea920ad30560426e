"""Whether callers of the older version can go on with the newer one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlpack.format.contract import CategoricalProfile, Contract, Input, Output
from mlpack.format.tensors import Dimension
from mlpack.release.difference.changes import Change, Weight

__all__ = ["interface_changes"]

_WIDER: Final = {
    ("bool", "int64"), ("int64", "float64"), ("float32", "float64"), ("bool", "float64"),
    ("int8", "int16"), ("int8", "int32"), ("int8", "int64"), ("int16", "int32"), ("int16", "int64"),
    ("int32", "int64"), ("uint8", "int16"), ("uint8", "int32"), ("uint8", "int64"), ("float16", "float32"),
}  # fmt: skip
"""Column types of which the second takes every value of the first."""

_FLAGS: Final = (
    ("nulls", "missing values"),
    ("infinities", "infinite values"),
    ("unknown", "strings that training has not seen"),
)


def interface_changes(before: Contract, after: Contract) -> Iterator[Change]:
    """Yield every change of the contract that callers can notice."""
    if before.layout != after.layout:
        yield _changed("layout", before.layout, after.layout, "breaking", "callers pass rows in another form")
    old = {item.name: item for item in before.inputs}
    new = {item.name: item for item in after.inputs}
    for name in (*old, *(name for name in new if name not in old)):
        if name not in new:
            yield _removed(name, old[name], after)
        elif name not in old:
            why = "callers do not send it yet"
            yield _changed(f"input {name}", "", _input(new[name]), "breaking", why)
        else:
            yield from _input_changes(old[name], new[name])
    if list(old) != list(new) and set(old) == set(new):
        by_place = "array" in (before.layout, after.layout)
        weight: Weight = "breaking" if by_place else "plain"
        why = "an array is read by position" if by_place else ""
        yield _changed("order of inputs", ", ".join(old), ", ".join(new), weight, why)
    yield from _dimension_changes(before, after)
    yield from _output_changes(before, after)


def _changed(what: str, before: str, after: str, weight: Weight = "plain", why: str = "") -> Change:
    return Change(area="interface", what=what, before=before, after=after, weight=weight, why=why)


def _input(item: Input) -> str:
    accepts = [words for flag, words in _FLAGS[:2] if getattr(item, flag)]
    return item.dtype + (f", with {' and '.join(accepts)}" if accepts else "")


def _removed(name: str, item: Input, after: Contract) -> Change:
    if after.layout == "frame":
        return _changed(f"input {name}", _input(item), "", "look", "callers may still send it: it is ignored")
    return _changed(
        f"input {name}", _input(item), "", "breaking", "the model reads other inputs than are sent"
    )


def _input_changes(old: Input, new: Input) -> Iterator[Change]:
    what = f"input {old.name}"
    if old.dtype != new.dtype:
        wider = (old.dtype, new.dtype) in _WIDER and old.shape is None
        weight: Weight = "look" if wider else "breaking"
        why = "takes what the older one took" if wider else "values of the older type are refused"
        yield _changed(f"{what}: type", old.dtype, new.dtype, weight, why)
    for flag, words in _FLAGS:
        if getattr(old, flag) != getattr(new, flag) and _has(flag, old) and _has(flag, new):
            tighter = bool(getattr(old, flag))
            said = ("accepted", "refused") if tighter else ("refused", "accepted")
            yield _narrowed(f"{what}: {words}", *said, tighter=tighter, why="callers may send them")
    if old.limit != new.limit:
        tighter = new.limit is not None and (old.limit is None or new.limit < old.limit)
        why = "larger values are refused"
        yield _narrowed(f"{what}: largest value", _limit(old), _limit(new), tighter=tighter, why=why)
    if old.bounds != new.bounds:
        tighter = new.bounds is not None and (
            old.bounds is None or new.bounds[0] > old.bounds[0] or new.bounds[1] < old.bounds[1]
        )
        why = "some integers are refused"
        yield _narrowed(f"{what}: integers", _bounds(old), _bounds(new), tighter=tighter, why=why)
    if (old.unit, old.zone) != (new.unit, new.zone) and old.dtype == new.dtype:
        why = "times mean something else"
        yield _changed(f"{what}: instants", _instant(old), _instant(new), "breaking", why)
    if old.shape is not None and new.shape is not None and old.shape != new.shape:
        why = "other shapes are refused"
        yield _changed(f"{what}: shape", _shape(old.shape), _shape(new.shape), "breaking", why)
    yield from _category_changes(what, old, new)


def _narrowed(what: str, before: str, after: str, *, tighter: bool, why: str) -> Change:
    return _changed(what, before, after, "breaking" if tighter else "plain", why if tighter else "")


def _limit(item: Input) -> str:
    return "any" if item.limit is None else f"{item.limit:g}"


def _has(flag: str, item: Input) -> bool:
    if flag == "unknown":
        return item.dtype == "string"
    return flag != "infinities" or item.dtype.startswith("float")


def _instant(item: Input) -> str:
    return f"{item.unit}, {'points in time' if item.zone else 'clock times'}"


def _shape(shape: tuple[int | str | None, ...]) -> str:
    return "(" + ", ".join("n" if size is None else str(size) for size in shape) + ")"


def _bounds(item: Input) -> str:
    return "any" if item.bounds is None else f"{item.bounds[0]} to {item.bounds[1]}"


def _category_changes(what: str, old: Input, new: Input) -> Iterator[Change]:
    """Yield categories that are refused now: only where the newer version refuses what it has not seen."""
    if not isinstance(old.profile, CategoricalProfile) or not isinstance(new.profile, CategoricalProfile):
        return
    gone = [name for name in old.profile.categories if name not in new.profile.categories]
    if gone and not new.unknown and not new.profile.other_share:
        yield _changed(f"{what}: categories", _some(gone), "", "breaking", "they are refused now")


def _some(names: list[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def _dimension_changes(before: Contract, after: Contract) -> Iterator[Change]:
    for name in sorted({*before.dimensions, *after.dimensions}):
        old, new = before.dimensions.get(name), after.dimensions.get(name)
        if old != new:
            narrower = old is None or new is None or not _covers(new, old)
            why = "some sizes are refused"
            said = (_dimension(old), _dimension(new))
            yield _narrowed(f"dimension {name}", *said, tighter=narrower, why=why)


def _dimension(item: Dimension | None) -> str:
    if item is None:
        return ""
    return f"from {item.minimum}" if item.maximum is None else f"{item.minimum} to {item.maximum}"


def _covers(wide: Dimension, narrow: Dimension) -> bool:
    above = wide.maximum is None or (narrow.maximum is not None and narrow.maximum <= wide.maximum)
    return wide.minimum <= narrow.minimum and above


def _output_changes(before: Contract, after: Contract) -> Iterator[Change]:
    old = {item.key: item for item in before.outputs}
    new = {item.key: item for item in after.outputs}
    for key in (*old, *(key for key in new if key not in old)):
        what = f"output {key}"
        if key not in new:
            yield _changed(what, _output(old[key]), "", "breaking", "callers ask for it")
        elif key not in old:
            yield _changed(what, "", _output(new[key]))
        else:
            one, other = old[key], new[key]
            if one.dtype != other.dtype:
                yield _changed(
                    f"{what}: type", one.dtype, other.dtype, "breaking", "callers get another type"
                )
            if one.shape != other.shape:
                said = (_shape(one.shape), _shape(other.shape))
                yield _changed(f"{what}: shape", *said, "breaking", "another shape")
            if one.classes != other.classes:
                why = "labels, or what the columns mean, are others"
                yield _changed(f"{what}: classes", _classes(one), _classes(other), "breaking", why)


def _output(item: Output) -> str:
    return f"{item.dtype} {_shape(item.shape)}"


def _classes(item: Output) -> str:
    return "none" if item.classes is None else _some([str(label) for label in item.classes])
