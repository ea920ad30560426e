"""Lengths of recurrent layers: torch.export unrolls them over time, though they take any length.

What else a model does with its sizes is what has to be vouched for. So the recurrent layers are replaced by
layers that any length goes through, and the sizes that torch.export then finds are those of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["with_stand_ins"]


def with_stand_ins(module: torch.nn.Module) -> torch.nn.Module:
    """Return a copy whose LSTM, GRU and RNN layers are replaced by ones of the same shapes."""
    import copy

    import torch

    twin = copy.deepcopy(module)
    for parent in list(twin.modules()):
        for name, child in parent.named_children():
            if isinstance(child, torch.nn.RNNBase):
                setattr(parent, name, _stand_in(child))
    return twin.eval()


def _stand_in(layer: torch.nn.RNNBase) -> torch.nn.Module:
    import torch

    sides = 2 if layer.bidirectional else 1
    width = int(getattr(layer, "proj_size", 0)) or layer.hidden_size
    cells = isinstance(layer, torch.nn.LSTM)

    class StandIn(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:  # noqa: ANN401
            """Return what has the shapes of the layer's answer, from every number that it reads."""
            given = state if isinstance(state, tuple) else () if state is None else (state,)
            extra = sum((part.sum() for part in given), torch.zeros((), dtype=x.dtype))
            row = x.mean(-1, keepdim=True) + extra
            batch = row.transpose(0, 1) if layer.batch_first and x.dim() == 3 else row
            last = batch.mean(0, keepdim=True)
            repeats = (sides * layer.num_layers, *([1] * (last.dim() - 1)))
            hidden = last.repeat(repeats)
            state_out = hidden.expand(*hidden.shape[:-1], width)
            cell = hidden.expand(*hidden.shape[:-1], layer.hidden_size)
            return row.expand(*row.shape[:-1], width * sides), (state_out, cell) if cells else state_out

    return StandIn()
