"""Operators told in simpler ones give what torch gives, equal numbers, NaN and infinities included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mlpack.packing.tensors.decompositions import decompositions

aten = torch.ops.aten
INF, NAN = float("inf"), float("nan")


def _rows(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


ODD = torch.tensor([[1.0, NAN, 3.0, INF, -INF, 3.0, -0.0], [2.0, 2.0, -1.0, 2.0, 0.0, -5.0, -0.0]])
WHOLE = torch.tensor([[3, 1, 3, 7, -2, 7]])
IMAGE = _rows(2, 3, 11, 13)
MASK = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])
Q = _rows(2, 3, 4)

CASES: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "largest of bins": (aten.adaptive_max_pool2d.default, (IMAGE, [3, 4]), {}),
    "largest of more bins than numbers": (aten.adaptive_max_pool2d.default, (IMAGE, [15, 4]), {}),
    "largest of bins, one axis": (aten.adaptive_max_pool1d.default, (_rows(2, 3, 10), [4]), {}),
    "largest of bins, three axes": (aten.adaptive_max_pool3d.default, (_rows(2, 3, 5, 6, 7), [2, 3, 2]), {}),
    "means of bins, three axes": (aten._adaptive_avg_pool3d.default, (_rows(2, 3, 5, 6, 7), [2, 3, 2]), {}),
    "running largest": (aten.cummax.default, (ODD, 1), {}),
    "running smallest": (aten.cummin.default, (ODD, 1), {}),
    "running largest of integers": (aten.cummax.default, (WHOLE, 1), {}),
    "running largest of rows": (aten.cummax.default, (_rows(5, 4), 0), {}),
    "running product": (aten.cumprod.default, (_rows(4, 5), 1), {}),
    "third smallest": (aten.kthvalue.default, (_rows(4, 7), 3, 1), {}),
    "median of all": (aten.median.default, (_rows(4, 5),), {}),
    "median with NaN": (aten.median.default, (ODD,), {}),
    "median of what is there": (aten.nanmedian.default, (ODD,), {}),
    "places in a row": (aten.searchsorted.Tensor, (torch.tensor([-1.0, 0, 0, 2, INF]), ODD), {}),
    "places behind equals": (
        aten.searchsorted.Tensor,
        (torch.tensor([-1.0, 0, 0, 2, INF]), ODD),
        {"right": True},
    ),
    "among": (aten.isin.Tensor_Tensor, (WHOLE, torch.tensor([3, -2])), {"invert": True}),
    "selected": (aten.masked_select.default, (ODD, ODD > 0), {}),
    "distances": (aten.cdist.default, (_rows(5, 4), _rows(3, 4, seed=1)), {}),
    "distances along the axes": (aten.cdist.default, (_rows(5, 4), _rows(3, 4, seed=1), 1.0), {}),
    "largest distances": (aten.cdist.default, (_rows(5, 4), _rows(3, 4, seed=1), INF), {}),
    "hypotenuse": (aten.hypot.default, (ODD, ODD.flip(1) * 1e30), {}),
    "copied sign": (aten.copysign.Tensor, (_rows(2, 7), torch.nan_to_num(ODD)), {}),
    "sign bit": (aten.signbit.default, (torch.nan_to_num(ODD),), {}),
    "attention": (aten.scaled_dot_product_attention.default, (Q, Q, Q), {}),
    "attention, causal": (aten.scaled_dot_product_attention.default, (Q, Q, Q, None, 0.0, True), {}),
    "attention to nothing": (aten.scaled_dot_product_attention.default, (Q, Q, Q, MASK), {}),
    "inverse": (aten.linalg_inv.default, (_rows(5, 4, 4),), {}),
    "inverse that needs pivots": (aten.linalg_inv.default, (torch.eye(4).flip(0),), {}),
    "solution": (aten.linalg_solve.default, (_rows(5, 4, 4), _rows(5, 4, 2)), {}),
    "solution of one side": (aten.linalg_solve.default, (_rows(4, 4), _rows(4)), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_numbers_as_torch(name: str) -> None:
    operator, arguments, more = CASES[name]
    found, expected = decompositions()[operator](*arguments, **more), operator(*arguments, **more)
    if not isinstance(expected, tuple):
        found, expected = (found,), (expected,)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("matrix", [torch.zeros(3, 3), torch.tensor([[1.0, 2.0], [2.0, 4.0]])])
def test_a_singular_matrix_has_no_inverse_here_either(matrix: torch.Tensor) -> None:
    inverse: Callable[..., Any] = decompositions()[aten.linalg_inv.default]
    with pytest.raises(torch.linalg.LinAlgError):
        torch.linalg.inv(matrix)
    with pytest.raises((IndexError, RuntimeError)):  # an index beyond the end
        inverse(matrix)


def test_a_matrix_of_many_rows_is_not_written_out() -> None:
    with pytest.raises(ValueError, match="fixed size up to 16"):
        decompositions()[aten.linalg_inv.default](torch.eye(17))
