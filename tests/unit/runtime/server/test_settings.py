"""What platforms and machines say about how to serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpack.errors import UsageError
from mlpack.runtime.server.settings import ServerSettings, platform_settings, usable_cpus


def test_vertex_names_its_port_and_routes() -> None:
    found = platform_settings(
        {"AIP_HTTP_PORT": "7080", "PORT": "1", "AIP_HEALTH_ROUTE": "/h", "AIP_PREDICT_ROUTE": "/p:predict"}
    )

    assert found == {
        "port": 7080,
        "host": "0.0.0.0",  # noqa: S104
        "vertex_health": "/h",
        "vertex_predict": "/p:predict",
    }


def test_no_platform_says_nothing() -> None:
    assert platform_settings({}) == {}


def test_a_port_that_is_none_is_named() -> None:
    with pytest.raises(UsageError, match="PORT"):
        platform_settings({"PORT": "eighty"})


@pytest.mark.parametrize(("quota", "cpus"), [("150000 100000", 1), ("50000 100000", 1), ("max 100000", None)])
def test_a_cgroup_limits_the_processors(tmp_path: Path, quota: str, cpus: int | None) -> None:
    (tmp_path / "cpu.max").write_text(quota)

    assert usable_cpus(tmp_path) == (cpus or usable_cpus(tmp_path / "nothing"))


@pytest.mark.parametrize(
    "wrong",
    [{"port": -1}, {"port": 65536}, {"workers": 0}, {"queue": 0}, {"deadline": -1.0}, {"vertex_health": "h"}],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        ServerSettings(**wrong)  # type: ignore[arg-type]
