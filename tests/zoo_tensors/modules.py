"""PyTorch modules: layers, notebook architectures, and the ones that plain exporters answer wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["MODULES"]

MODULES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any], bool]] = {}
"""Name -> (module, example, whether other lengths are asked for)."""


def add(
    name: str, module: Callable[[], nn.Module], example: Callable[[], Any], *, lengths: bool = False
) -> None:
    """Put a case into the table."""
    MODULES[name] = (module, example, lengths)


class Fn(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def rows(*shape: int, dtype: torch.dtype = torch.float32) -> Callable[[], torch.Tensor]:
    """Return a maker of normal numbers."""
    return lambda: torch.randn(*shape).to(dtype)


def ids(high: int, *shape: int) -> Callable[[], torch.Tensor]:
    """Return a maker of integers below `high`."""
    return lambda: torch.randint(0, high, shape)


add("mlp", lambda: nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)), rows(40, 8))
add(
    "mlp, softmax",
    lambda: nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 3), nn.Softmax(-1)),
    rows(40, 8),
)
add(
    "mlp, dropout and batch norm",
    lambda: nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(), nn.SiLU(), nn.Linear(16, 1)),
    rows(40, 8),
)
add(
    "mlp, float64",
    lambda: nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3)).double(),
    rows(40, 8, dtype=torch.float64),
)
add(
    "mlp, float16",
    lambda: nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)).half(),
    rows(40, 8, dtype=torch.float16),
)
add(
    "mlp, layer norm",
    lambda: nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.ELU(), nn.Linear(16, 2)),
    rows(40, 8),
)
add("linear regression", lambda: nn.Linear(5, 1), rows(30, 5))
add("one row of example", lambda: nn.Sequential(nn.Linear(8, 4), nn.Hardswish(), nn.Linear(4, 2)), rows(1, 8))
add(
    "activations",
    lambda: nn.Sequential(
        nn.Mish(), nn.Softplus(), nn.LeakyReLU(), nn.PReLU(), nn.Hardtanh(), nn.SELU(), nn.LogSigmoid()
    ),
    rows(20, 6),
)
add(
    "conv net",
    lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 4, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    ),
    rows(6, 3, 20, 20),
)
add(
    "conv net, fixed size",
    lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 49, 10)
    ),
    rows(6, 1, 14, 14),
)
add(
    "depthwise convolution",
    lambda: nn.Sequential(nn.Conv2d(4, 4, 3, groups=4, padding=1), nn.Conv2d(4, 8, 1), nn.Hardsigmoid()),
    rows(4, 4, 9, 9),
)
add(
    "transposed convolution",
    lambda: nn.Sequential(nn.ConvTranspose2d(3, 6, 3, stride=2), nn.Tanh()),
    rows(4, 3, 7, 7),
)
add(
    "causal convolution",
    lambda: nn.Sequential(nn.ConstantPad1d((4, 0), 0.0), nn.Conv1d(3, 5, 3, dilation=2), nn.ReLU()),
    rows(4, 3, 12),
)
add(
    "group and instance norm",
    lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(4, 8), nn.InstanceNorm2d(8)),
    rows(4, 3, 10, 10),
)
add(
    "adaptive max pool",
    lambda: nn.Sequential(nn.Conv1d(3, 4, 3), nn.AdaptiveMaxPool1d(1), nn.Flatten()),
    rows(4, 3, 15),
)
add("adaptive max pool to 3", lambda: nn.AdaptiveMaxPool2d(3), rows(4, 2, 11, 13))
add(
    "pixel shuffle",
    lambda: nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.PixelShuffle(2)),
    rows(3, 3, 8, 8),
)
add(
    "interpolate, bilinear",
    lambda: Fn(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)),
    rows(3, 2, 6, 7),
)
add(
    "grid sample",
    lambda: Fn(
        lambda x: F.grid_sample(
            x,
            F.affine_grid(
                torch.eye(2, 3).unsqueeze(0).repeat(x.shape[0], 1, 1) * 0.7,
                [x.shape[0], 2, 5, 5],
                align_corners=False,
            ),
            align_corners=False,
        )
    ),
    rows(3, 2, 5, 5),
)
add("unfold", lambda: Fn(lambda x: F.unfold(x, 3).mean(1)), rows(3, 2, 8, 8))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.n = nn.BatchNorm2d(4)

    def forward(self, x):
        return F.relu(x + self.n(self.b(F.relu(self.a(x)))))


add("residual block", Block, rows(4, 4, 8, 8))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.mid = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.up, self.out = nn.ConvTranspose2d(4, 4, 2, stride=2), nn.Conv2d(8, 1, 1)

    def forward(self, x):
        a = F.relu(self.down(x))
        return self.out(torch.cat([a, self.up(F.relu(self.mid(F.max_pool2d(a, 2))))], 1))


add("u-net", UNet, rows(3, 1, 12, 12))


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.r = kind(6, 5, batch_first=True, **options)
        self.o = nn.Linear(5 * (2 if options.get("bidirectional") else 1), 2)

    def forward(self, x):
        return self.o(self.r(x)[0][:, -1])


add("lstm", lambda: Recurrent(nn.LSTM), rows(8, 9, 6), lengths=True)
add("gru, two layers", lambda: Recurrent(nn.GRU, num_layers=2), rows(8, 9, 6), lengths=True)
add("rnn, both directions", lambda: Recurrent(nn.RNN, bidirectional=True), rows(8, 9, 6), lengths=True)


class States(nn.Module):
    def __init__(self):
        super().__init__()
        self.r = nn.LSTM(6, 5, batch_first=True)

    def forward(self, x):
        y, (h, c) = self.r(x)
        return {"all": y, "last": h[-1], "cell": c[-1]}


add("lstm, all states", States, rows(8, 9, 6), lengths=True)


class TimeLoop(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.GRUCell(6, 5)

    def forward(self, x):
        h = torch.zeros(x.shape[0], 5)
        for t in range(x.shape[1]):
            h = self.c(x[:, t], h)
        return h


add("trap: loop over time", TimeLoop, rows(8, 7, 6), lengths=True)
add("trap: if batch > 2", lambda: Fn(lambda x: x * 2 if x.shape[0] > 2 else x + 1), rows(8, 4))
add(
    "trap: if length > 6",
    lambda: Fn(lambda x: x.mean(1) if x.shape[1] > 6 else x.sum(1)),
    rows(8, 9, 4),
    lengths=True,
)
add("trap: if the sum is positive", lambda: Fn(lambda x: x * 2 if x.sum() > 0 else x - 1), rows(8, 4))


def _converge(x):
    y = torch.ones_like(x)
    for _ in range(50):
        z = 0.5 * (y + x.abs() / y)
        if (z - y).abs().max() < 1e-4:
            return z
        y = z
    return y


add("trap: loop until it converges", lambda: Fn(_converge), rows(8, 4))
add("trap: integer division", lambda: Fn(lambda x: x // 3), lambda: torch.randint(-20, 20, (8, 4)))
add("trap: remainder", lambda: Fn(lambda x: x % 3 + torch.fmod(x, 4)), lambda: torch.randint(-20, 20, (8, 4)))
add(
    "trap: floor division of floats",
    lambda: Fn(lambda x: torch.div(x, 0.3, rounding_mode="floor")),
    rows(8, 4),
)


class IndexAdd(nn.Module):
    def forward(self, x, index):
        return torch.zeros(5, x.shape[1]).index_add(0, index, x)


add(
    "trap: index_add, repeated",
    IndexAdd,
    lambda: {"x": torch.randn(8, 4), "index": torch.randint(0, 5, (8,))},
)


class ScatterAdd(nn.Module):
    def forward(self, x, index):
        return torch.zeros(x.shape[0], 6).scatter_add(1, index, x)


add("scatter_add", ScatterAdd, lambda: {"x": torch.randn(8, 4), "index": torch.randint(0, 6, (8, 4))})
add("trap: batch taken as number", lambda: Fn(lambda x: x / float(x.shape[0])), rows(8, 4))
add("trap: loop over rows", lambda: Fn(lambda x: torch.stack([row.cumsum(0) for row in x])), rows(6, 4))
add("trap: random numbers", lambda: Fn(lambda x: x + torch.randn_like(x) * 0.1), rows(8, 4))


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        return x * self.calls


add("trap: counts its calls", Counter, rows(8, 4))
add("sort, stable", lambda: Fn(lambda x: torch.sort(x, dim=1, stable=True).values), rows(8, 6))
add("median", lambda: Fn(lambda x: x.median(1).values), rows(8, 7))
add("quantile", lambda: Fn(lambda x: torch.quantile(x, 0.3, dim=1)), rows(8, 7))
add("cummax", lambda: Fn(lambda x: torch.cummax(x, 1).values), rows(8, 7))
add("searchsorted", lambda: Fn(lambda x: torch.bucketize(x, torch.linspace(-2, 2, 9))), rows(8, 7))
add("cdist", lambda: Fn(lambda x: torch.cdist(x, torch.arange(12.0).reshape(3, 4) / 6)), rows(8, 4))
add("linalg.inv", lambda: Fn(lambda x: torch.linalg.inv(x @ x.mT + torch.eye(3))), rows(8, 3, 3))
add("fft", lambda: Fn(lambda x: torch.fft.rfft(x).abs()), rows(8, 16))
add("top k", lambda: Fn(lambda x: torch.topk(x, 3, dim=1)), rows(8, 7))
add("argmax", lambda: Fn(lambda x: x.argmax(1)), rows(8, 7))
add("einsum", lambda: Fn(lambda x: torch.einsum("bij,bkj->bik", x, x)), rows(4, 3, 5))
add("cumsum and flip", lambda: Fn(lambda x: x.cumsum(1).flip(1)), rows(8, 6), lengths=True)
add("where and clamp", lambda: Fn(lambda x: torch.where(x > 0, x.clamp(max=1), x.exp())), rows(8, 6))
add(
    "standardised by itself",
    lambda: Fn(lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-6)),
    rows(8, 6),
)
add("one hot", lambda: Fn(lambda x: F.one_hot(x, 7).float()), ids(7, 8, 4))
add("log-sum-exp and erf", lambda: Fn(lambda x: torch.logsumexp(torch.erf(x), 1)), rows(8, 6))
add("weight norm", lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 3)), rows(8, 6))


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.o = nn.Embedding(30, 8, padding_idx=0), nn.Linear(8, 3)

    def forward(self, tokens):
        return self.o(self.e(tokens).mean(1))


add("embedding classifier", Bag, ids(30, 16, 7), lengths=True)


class DeepFM(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.w = nn.Embedding(20, 4), nn.Embedding(20, 1)
        self.m = nn.Sequential(nn.Linear(14, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, cats, numbers):
        v = self.e(cats)
        fm = 0.5 * (v.sum(1) ** 2 - (v**2).sum(1)).sum(1, keepdim=True)
        return torch.sigmoid(
            self.w(cats).sum(1) + fm + self.m(torch.cat([v.flatten(1), numbers], 1))
        ).squeeze(1)


add(
    "deep factorisation machine",
    DeepFM,
    lambda: {"cats": torch.randint(0, 20, (16, 3)), "numbers": torch.randn(16, 2)},
)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(40, 16)
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, dropout=0.0)
        self.t, self.o = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(16, 3)

    def forward(self, tokens):
        return self.o(self.t(self.e(tokens)).mean(1))


add("transformer encoder", Encoder, ids(40, 6, 9), lengths=True)


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x, keep):
        return self.a(x, x, x, attn_mask=None, key_padding_mask=None)[0] * keep.unsqueeze(-1)


add("attention", Masked, lambda: {"x": torch.randn(4, 6, 8), "keep": torch.rand(4, 6) > 0.3}, lengths=True)


class Causal(nn.Module):
    def __init__(self):
        super().__init__()
        self.q = nn.Linear(8, 24)

    def forward(self, x):
        q, k, v = self.q(x).chunk(3, -1)
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


add("causal attention", Causal, rows(4, 6, 8), lengths=True)


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.p = nn.Embedding(40, 8), nn.Parameter(torch.randn(32, 8))

    def forward(self, tokens):
        return (self.e(tokens) + self.p[: tokens.shape[1]]).relu().sum(1)


add("learnt positions", Positions, ids(40, 6, 9), lengths=True)


class Pair(NamedTuple):
    mean: torch.Tensor
    log_variance: torch.Tensor


class Variational(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.m, self.v = nn.Linear(8, 6), nn.Linear(6, 2), nn.Linear(6, 2)

    def forward(self, x):
        h = torch.relu(self.e(x))
        return Pair(self.m(h), self.v(h))


add("variational encoder, a named tuple", Variational, rows(12, 8))


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Linear(8, 4)

    def forward(self, left, right):
        return F.cosine_similarity(self.e(left), self.e(right))


add("siamese, two inputs", Siamese, lambda: (torch.randn(12, 8), torch.randn(12, 8)))


class Wavelet(nn.Module):
    def forward(self, x):
        return x[:, ::2] - x[:, 1::2], x[:, ::2] + x[:, 1::2]


add("every other column", Wavelet, rows(6, 8), lengths=True)
add("script: with a branch", lambda: torch.jit.script(Scripted()), rows(8, 4))


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.l(x)
        if bool(y.sum() > 0):
            y = y * 2
        return y


add(
    "trace: a traced module",
    lambda: torch.jit.trace(nn.Sequential(nn.Linear(4, 3), nn.ReLU()).eval(), torch.randn(5, 4)),
    rows(8, 4),
)
