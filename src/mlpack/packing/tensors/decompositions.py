"""Operators of torch, told in simpler ones that its exporter knows; every model's probes prove them.

Each function has the signature of the operator that it stands for. What torch promises nothing about, such as
which of equal numbers is the median, is no worse than torch here: the probes leave such answers out.
"""

# ruff: noqa: ANN401, FBT001, FBT002 - tensors while they are traced; signatures are torch's own
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["decompositions"]


def decompositions() -> dict[Any, Callable[..., Any]]:
    """Return torch operator -> function that computes the same."""
    import torch

    aten = torch.ops.aten
    return {
        aten._adaptive_avg_pool3d.default: _averages,  # noqa: SLF001  (the name that torch gives it)
        aten.adaptive_avg_pool3d.default: _averages,
        aten.adaptive_max_pool1d.default: _largest,
        aten.adaptive_max_pool2d.default: _largest,
        aten.adaptive_max_pool3d.default: _largest,
        aten.cdist.default: _distances,
        aten.copysign.Tensor: lambda x, y: torch.where(_negative(y), -x.abs(), x.abs()),
        aten.cummax.default: lambda x, dim: _running(x, dim, largest=True),
        aten.cummin.default: lambda x, dim: _running(x, dim, largest=False),
        aten.cumprod.default: _running_product,
        aten.hypot.default: _hypotenuse,
        aten.isin.Tensor_Tensor: _among,
        aten.kthvalue.default: _ranked,
        aten.linalg_inv.default: _inverse,
        aten.linalg_solve.default: _solved,
        aten.masked_select.default: _selected,
        aten.median.default: lambda x: _middle(x.flatten(), 0, keepdim=False)[0],
        aten.nanmedian.default: lambda x: _middle_present(x.flatten(), 0)[0],
        aten.nanmedian.dim: _middle_present,
        aten.rrelu.default: lambda x, low=1 / 8, high=1 / 3, *_: torch.where(x < 0, x * (low + high) / 2, x),
        aten.scaled_dot_product_attention.default: _attention,
        aten.searchsorted.Tensor: _places,
        aten.signbit.default: _negative,
    }


def _negative(x: Any) -> Any:
    return (x < 0) | (1 / x < 0) if x.dtype.is_floating_point else x < 0


# ------------------------------------------------------------------------------------------ attention


def _attention(  # noqa: PLR0917
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,  # noqa: ARG001  (nothing is dropped when a model answers)
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Return attention of any rank; a query that may see nothing gives zeros, as torch's own does."""
    import math

    import torch

    if enable_gqa:
        repeats = query.size(-3) // key.size(-3)
        key, value = key.repeat_interleave(repeats, -3), value.repeat_interleave(repeats, -3)
    width = query.size(-1)
    factor = (1 / math.sqrt(width) if isinstance(width, int) else width**-0.5) if scale is None else scale
    scores = (query @ key.transpose(-2, -1)) * factor
    if is_causal:
        row = torch.arange(query.size(-2)).unsqueeze(-1)
        scores = scores.masked_fill(torch.arange(key.size(-2)).unsqueeze(0) > row, -math.inf)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -math.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    highest = scores.amax(-1, keepdim=True)
    weights = (scores - highest.masked_fill(highest == -math.inf, 0.0)).exp()
    total = weights.sum(-1, keepdim=True)
    return (weights / total.masked_fill(total == 0, 1.0)) @ value


# -------------------------------------------------------------------------------------------- pooling


def _bins(have: Any, out: Any) -> tuple[Any, Any]:
    """Return the indices of each bin, filled up with its last one, and which are no filling."""
    import torch

    number = torch.arange(out)
    start = (number * have).div(out, rounding_mode="floor")
    end = ((number + 1) * have + (out - 1)).div(out, rounding_mode="floor")
    index = start.unsqueeze(-1) + torch.arange((have + out - 1) // out + 1)
    own = index < end.unsqueeze(-1)
    return torch.where(own, index, end.unsqueeze(-1) - 1), own


def _binned(x: Any, sizes: Sequence[Any]) -> tuple[Any, list[Any], list[Any]]:
    """Return `[..., out 1, ..., out n, members of the bin]`, the indices of bins, and which count."""
    rank = len(sizes)
    indices, own = zip(*(_bins(x.size(axis - rank), size) for axis, size in enumerate(sizes)), strict=True)
    lead = x.dim() - rank
    for axis, index in enumerate(indices):
        at = lead + 2 * axis
        x = x.index_select(at, index.flatten()).unflatten(at, index.shape)
    order = [*range(lead), *(lead + 2 * axis for axis in range(rank))]
    x = x.permute(*order, *(lead + 2 * axis + 1 for axis in range(rank)))
    return x.flatten(lead + rank), list(indices), list(own)


def _largest(x: Any, output_size: Sequence[Any]) -> Any:
    """Return the largest number of every bin, and where it stands."""
    sizes = list(output_size) if isinstance(output_size, (list, tuple)) else [output_size]
    rank = len(sizes)
    whole = [x.size(axis - rank) for axis in range(rank)]
    members, indices, _ = _binned(x, sizes)
    values, chosen = members.max(-1)
    place: Any = 0
    for axis in range(rank):
        width: Any = 1
        for other in indices[axis + 1 :]:
            width = width * other.size(1)
        whole_steps = chosen.div(width, rounding_mode="floor")
        length = indices[axis].size(1)
        within = whole_steps - whole_steps.div(length, rounding_mode="floor") * length
        shape: list[Any] = [1] * rank
        shape[axis] = sizes[axis]
        table = indices[axis].reshape(*shape, -1).expand(*within.shape, -1)
        place = place * whole[axis] + table.gather(-1, within.unsqueeze(-1)).squeeze(-1)
    return values, place


def _averages(x: Any, output_size: Sequence[Any]) -> Any:
    """Return the mean of every bin."""
    members, _, own = _binned(x, list(output_size))
    counted = own[0]
    for other in own[1:]:
        counted = counted.unsqueeze(-2).unsqueeze(-1) & other.reshape(
            *([1] * (counted.dim() - 1)), other.size(0), 1, other.size(1)
        )
        counted = counted.flatten(-2)
    return (members * counted).sum(-1) / counted.sum(-1)


# ---------------------------------------------------------------------------------- orders and running


def _earlier(count: Any) -> Any:
    """Return `[i, j]`: whether j stands no later than i."""
    import torch

    return torch.arange(count).unsqueeze(0) <= torch.arange(count).unsqueeze(1)


def _running(x: Any, dim: int, *, largest: bool) -> Any:
    """Return the largest or smallest number so far, and where it stood last; NaN stays."""
    import torch

    moved = x.movedim(dim, -1)
    if x.dtype.is_floating_point:
        worst: Any = -torch.inf if largest else torch.inf
    else:
        worst = torch.iinfo(x.dtype).min if largest else torch.iinfo(x.dtype).max
    seen = _earlier(moved.size(-1))
    rows = moved.unsqueeze(-2)
    far = rows.masked_fill(~seen, worst)
    values = far.amax(-1) if largest else far.amin(-1)
    same = (rows == values.unsqueeze(-1)) | (rows.isnan() & values.isnan().unsqueeze(-1))
    places = torch.where(same & seen, torch.arange(moved.size(-1)), -1).amax(-1)
    return values.movedim(-1, dim), places.movedim(-1, dim)


def _running_product(x: Any, dim: int, *, dtype: Any = None) -> Any:
    moved = (x if dtype is None else x.to(dtype)).movedim(dim, -1)
    far = moved.unsqueeze(-2).masked_fill(~_earlier(moved.size(-1)), 1)
    return far.prod(-1).movedim(-1, dim)


def _ranked(x: Any, k: Any, dim: int = -1, keepdim: bool = False) -> Any:
    values, places = x.sort(dim=dim, stable=True)
    found = values.select(dim, k - 1), places.select(dim, k - 1)
    return tuple(item.unsqueeze(dim) for item in found) if keepdim else found


def _middle(x: Any, dim: int, *, keepdim: bool) -> Any:
    """Return the lower median; NaN where there is one."""
    import torch

    values, places = _ranked(x, (x.size(dim) + 1) // 2, dim, keepdim)
    if x.dtype.is_floating_point:
        values = torch.where(x.isnan().any(dim, keepdim=keepdim), torch.nan, values)
    return values, places


def _middle_present(x: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the lower median of what is no NaN."""
    import torch

    count = (~x.isnan()).sum(dim, keepdim=True)
    values, places = x.masked_fill(x.isnan(), torch.inf).sort(dim=dim, stable=True)
    middle = (count - 1).clamp(min=0).div(2, rounding_mode="floor")
    found = values.gather(dim, middle).masked_fill(count == 0, torch.nan), places.gather(dim, middle)
    return found if keepdim else tuple(item.squeeze(dim) for item in found)


def _places(
    sorted_sequence: Any,
    self: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Any:
    """Return how many numbers of a sorted row stand before each; NaN comes last."""
    import torch

    row = sorted_sequence if sorter is None else sorted_sequence.gather(-1, sorter)
    row, value = row.unsqueeze(-2), self.unsqueeze(-1)
    before = ~(row > value) if right or side == "right" else ~(row >= value)
    found = before.sum(-1)
    return found.to(torch.int32) if out_int32 else found


def _selected(x: Any, mask: Any) -> Any:
    import torch

    x, mask = torch.broadcast_tensors(x, mask)
    return x[mask]


def _among(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:  # noqa: ARG001
    found = (elements.unsqueeze(-1) == test_elements.flatten()).any(-1)
    return ~found if invert else found


# -------------------------------------------------------------------------------- matrices and distances


LARGEST_MATRIX = 16
"""Rows of a matrix that is inverted: the elimination is written out row by row."""


def _inverse(a: Any) -> Any:
    """Return the inverse by elimination with pivots.

    Of a singular matrix there is none: the runtime then refuses, as torch does.
    """
    import torch

    size = a.size(-1)
    if not isinstance(size, int) or size > LARGEST_MATRIX:
        raise ValueError(f"only matrices of a fixed size up to {LARGEST_MATRIX} are inverted")
    number = torch.arange(size)
    both = torch.cat([a, torch.eye(size, dtype=a.dtype).expand(a.shape)], -1)
    singular = torch.zeros((), dtype=torch.bool)
    for k in range(size):
        chosen = both[..., k:, k].abs().argmax(-1, keepdim=True) + k
        order = torch.where(number == k, chosen, torch.where(number == chosen, k, number))
        both = both.gather(-2, order.unsqueeze(-1).expand(both.shape))
        pivot = both[..., k : k + 1, k : k + 1]
        singular = singular | (pivot == 0).any()
        row = both[..., k : k + 1, :] / pivot
        rest = both - both[..., :, k : k + 1] * row
        both = torch.where((number == k).unsqueeze(-1), row, rest)
    # A column beyond the last one, which no runtime can give, if any matrix is singular.
    return both.index_select(-1, number + size + singular * size)


def _solved(a: Any, b: Any, *, left: bool = True) -> Any:
    inverse = _inverse(a)
    if b.dim() == 1 or (b.dim() == a.dim() - 1 and list(b.shape) == list(a.shape[:-1])):
        return (inverse @ b.unsqueeze(-1)).squeeze(-1)
    return inverse @ b if left else b @ inverse


def _distances(x1: Any, x2: Any, p: float = 2.0, compute_mode: int | None = None) -> Any:  # noqa: ARG001
    apart = (x1.unsqueeze(-2) - x2.unsqueeze(-3)).abs()
    if p == 0:
        return (apart != 0).to(apart.dtype).sum(-1)
    if p == float("inf"):
        return apart.amax(-1)
    if p == 1:
        return apart.sum(-1)
    return (apart * apart).sum(-1).sqrt() if p == 2 else (apart**p).sum(-1) ** (1 / p)


def _hypotenuse(x: Any, y: Any) -> Any:
    """Return the root of the sum of squares, which themselves might be too large."""
    import torch

    a, b = x.abs(), y.abs()
    longer = torch.maximum(a, b)
    safe = longer.masked_fill((longer == 0) | longer.isinf(), 1.0)
    found = safe * ((a / safe) ** 2 + (b / safe) ** 2).sqrt()
    return found.masked_fill(longer == 0, 0.0).masked_fill(a.isinf() | b.isinf(), torch.inf)
