"""The training environment is locked whole, and what cannot be is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import mlpack
from mlpack.format.lock import Lock
from mlpack.packing.environment.installed import installed_versions
from mlpack.packing.environment.targets import PLATFORMS, here
from mlpack.packing.environment.training import lock_training

pytestmark = pytest.mark.network

ROWS = np.arange(60.0).reshape(30, 2) ** 1.1


def test_everything_installed_is_locked_or_named(tmp_path: Path) -> None:
    model = LinearRegression().fit(ROWS, ROWS[:, 0])
    bundle = mlpack.pack(
        model, name="m", version="1", example=ROWS, output=tmp_path, replay=False, platforms=("linux/amd64",)
    )
    lock = Lock.from_bytes(bundle.read("environment/pylock.training.toml"))
    facts = json.loads(bundle.read("environment/training.json"))
    locked = {package.name: package.version for package in lock.packages}
    installed = installed_versions()
    assert locked.keys() | facts["unlocked"].keys() == installed.keys()
    assert not locked.keys() & facts["unlocked"].keys()
    assert all(installed[name] == version for name, version in locked.items())
    assert "mlpack-sdk" in facts["unlocked"]
    assert lock.minors == (sys.version_info.minor,)
    assert lock.environments == (PLATFORMS[here()].marker,)
    assert len(Lock.from_bytes(bundle.read("environment/pylock.toml")).packages) < 8


def test_without_an_index_it_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("mlpack.packing.environment.training.pins", lambda: {"six": "1.17.0"})
    found = lock_training(offline=True)
    assert found.data is None
    assert "offline" in found.problem
