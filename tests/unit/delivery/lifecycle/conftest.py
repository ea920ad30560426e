"""A layout with three versions, untouched or with a history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.lifecycles import Shop, open_shop, put

from mlpack.trust.policy import Policy

MakeBundle = Callable[..., Path]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle) -> Shop:
    return open_shop(tmp_path_factory.mktemp("shop"), make_bundle)


@pytest.fixture
def shop(original: Shop, tmp_path: Path) -> Shop:
    return original.copy(tmp_path)


@pytest.fixture(scope="module")
def begun(original: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, str]:
    """Return a shop where 1.0.0 was followed by 1.1.0 in production, and its log."""
    shop = original.copy(tmp_path_factory.mktemp("begun"))
    put(shop, "1.0.0")
    return shop, put(shop, "1.1.0").chain.log


@pytest.fixture
def running(begun: tuple[Shop, str], tmp_path: Path) -> tuple[Shop, Policy]:
    shop, log = begun
    return shop.copy(tmp_path), shop.policy(log=log, in_force="production")
