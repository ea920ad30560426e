"""The drift rules of the documentation, in a real Prometheus that scrapes a real server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LinearRegression
from tests.serving import Running, serving

import mlpack

pytestmark = pytest.mark.network

ROOT = Path(__file__).parents[2]
TOOLS = Path(__file__).parent / "tools"
COLUMNS = ["height", "weight", "age"]


def made(rows: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(rows, 3)), columns=COLUMNS)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of Debian's prometheus and promtool; they are unpacked, not installed."""
    if (found := shutil.which("prometheus")) is not None:
        return Path(found).parent
    tools = tmp_path_factory.mktemp("prometheus")
    done = subprocess.run(
        [TOOLS / "unpack-debian.sh", "bookworm", tools, "prometheus"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"prometheus cannot be had: {done.stderr[-300:]}")
    return tools / "usr/bin"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    frame = made(2000, seed=0)
    model = LinearRegression().fit(frame, frame.sum(axis=1))
    bundle = mlpack.pack(
        model,
        name="sum",
        version="1.0.0",
        example=frame,
        output=tmp_path_factory.mktemp("dist"),
        replay=False,
    )
    with serving(Path(bundle.path), "--unsigned", "--workers", 2) as running:
        yield running


def documented_rules() -> dict[str, Any]:
    page = (ROOT / "docs/how-to/watch-drift.md").read_text(encoding="utf-8")
    rules: dict[str, Any] = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    return rules


def test_promtool_accepts_the_documented_rules(prometheus: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(documented_rules()))
    done = subprocess.run(
        [prometheus / "promtool", "check", "rules", tmp_path / "rules.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "6 rules found" in done.stdout


def test_promtool_accepts_our_metrics(prometheus: Path, server: Running) -> None:
    text = httpx.get(f"{server.url}/metrics", timeout=60).text
    done = subprocess.run(
        [prometheus / "promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def quickened(text: str) -> str:
    """Shorten the windows, so that a test need not take half an hour."""
    return text.replace("[30m]", "[20s]").replace("for: 10m", "for: 1s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Scraper:
    """A Prometheus that runs."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"

    def ask(self, query: str) -> dict[str, float]:
        """Return feature -> value."""
        try:
            answer = httpx.get(f"{self._url}/query", params={"query": query}, timeout=30).json()
        except httpx.TransportError:
            return {}
        return {
            item["metric"].get("feature", ""): float(item["value"][1])
            for item in answer.get("data", {}).get("result", [])
        }


@pytest.fixture
def scraper(prometheus: Path, server: Running, tmp_path: Path) -> Iterator[Scraper]:
    (tmp_path / "rules.yml").write_text(quickened(yaml.safe_dump(documented_rules())))
    (tmp_path / "prometheus.yml").write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": ["rules.yml"],
                "scrape_configs": [
                    {"job_name": "mlpack", "static_configs": [{"targets": [server.url.partition("//")[2]]}]}
                ],
            }
        )
    )
    port = free_port()
    process = subprocess.Popen(
        [
            prometheus / "prometheus",
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Scraper(port)
    finally:
        process.terminate()
        process.wait(20)


def send(server: Running, frame: pd.DataFrame) -> None:
    answer = httpx.post(f"{server.url}/predict", json={"rows": frame.to_dict(orient="records")}, timeout=60)
    assert answer.status_code == 200


def test_a_shifted_column_raises_the_alert_and_the_others_none(server: Running, scraper: Scraper) -> None:
    alert = 'ALERTS{alertname="MlpackFeatureDrift",alertstate="firing"}'
    alarmed: dict[str, float] = {}
    limit = time.monotonic() + 15
    seed = 1
    while time.monotonic() < limit:  # rows like those of training, all the while
        send(server, made(400, seed))
        seed += 1
        alarmed |= scraper.ask(alert)
        time.sleep(0.5)
    index = scraper.ask("mlpack:feature_stability_index")
    assert sorted(index) == sorted(COLUMNS)
    assert alarmed == {}

    limit = time.monotonic() + 60
    while not alarmed and time.monotonic() < limit:
        shifted = made(400, seed)
        shifted["weight"] += 0.5
        send(server, shifted)
        seed += 1
        alarmed = scraper.ask(alert)
        time.sleep(0.5)

    assert list(alarmed) == ["weight"]
