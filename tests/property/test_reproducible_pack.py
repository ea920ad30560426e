"""The law of identity: the same fitted model in the same environment gives the same bytes anywhere."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlpack.packing.environment.installed import installed_versions
from mlpack.packing.environment.locking import pins
from mlpack.packing.environment.resolver import resolve
from mlpack.packing.environment.targets import MINORS, PLATFORMS
from mlpack.packing.environment.training import _ask, lock_training

pytestmark = pytest.mark.network

PROGRAM = """
import os, pickle, sys
os.umask(int(sys.argv[3], 8))
import mlpack
model, example = pickle.loads(open(sys.argv[1], 'rb').read())
mlpack.pack(model, name='same', version='1.0.0', example=example, output=sys.argv[2], replay=False)
"""


def frame_pipeline() -> tuple[object, object]:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "size": rng.normal(10, 3, 300),
            "count": rng.integers(0, 9, 300),
            "city": rng.choice(["Łódź", "Oslo", "Zürich"], 300),
        }
    )
    frame.loc[:20, "size"] = np.nan
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["size", "count"]),
        (OneHotEncoder(handle_unknown="ignore"), ["city"]),
    )
    target = rng.choice(["yes", "no"], 300)
    return make_pipeline(columns, LogisticRegression()).fit(frame, target), frame


def threaded_forest() -> tuple[object, object]:
    rows, target = load_diabetes(return_X_y=True)
    forest = RandomForestClassifier(n_estimators=20, random_state=0, n_jobs=2)
    return forest.fit(rows, target > 140), rows


def converted_network() -> tuple[object, object]:
    rows, target = load_diabetes(return_X_y=True)
    network = MLPRegressor(hidden_layer_sizes=(4,), alpha=10, max_iter=9000, solver="lbfgs", random_state=0)
    return make_pipeline(StandardScaler(), network).fit(rows, target / 100), rows


MODELS = {
    "pipeline over a frame": frame_pipeline,
    "forest with threads": threaded_forest,
    "network by the public converter": converted_network,
}


def pack_elsewhere(folder: Path, pickled: Path, *, umask: str, user: int | None, **environment: str) -> bytes:
    """Pack in a process that differs in all that must not matter, and return the archive."""
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    # Another user may have no home and no right to read ours; the capability lets it read, not be us.
    become = ["setpriv", f"--reuid={user}", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    subprocess.run(
        [*(become if user else []), sys.executable, "-c", PROGRAM, str(pickled), str(folder / "out"), umask],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), **environment},
        check=True,
        timeout=300,
    )
    return (folder / "out" / "same-1.0.0.mlpack").read_bytes()


@pytest.mark.parametrize("case", MODELS)
def test_packing_again_under_other_circumstances_gives_the_same_bytes(case: str, tmp_path: Path) -> None:
    pickled = tmp_path / "model.pickle"
    pickled.write_bytes(pickle.dumps(MODELS[case]()))
    tmp_path.chmod(0o755)
    other = 65534 if os.geteuid() == 0 else None
    first = pack_elsewhere(
        tmp_path / "a", pickled, umask="022", user=None, PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C"
    )
    second = pack_elsewhere(
        tmp_path / "another folder",
        pickled,
        umask="077",
        user=other,
        PYTHONHASHSEED="2",
        TZ="Pacific/Auckland",
        LC_ALL="C.UTF-8",
        USER="somebody",
        OMP_NUM_THREADS="2",
    )
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(second).hexdigest()


def training_document() -> dict[str, Any]:
    """Return every distribution of this environment that an index has, with its wheels."""
    lock = lock_training(offline=False)
    assert lock.data is not None
    wanted = {name: version for name, version in pins().items() if name not in lock.unlocked}
    return _ask(wanted, offline=False)


def _file_name(url: str) -> str:
    return url.rpartition("/")[2]


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """Serve a plain static index with the files of the configured one, without sizes or times."""
    markers = [PLATFORMS[name].marker for name in ("linux/amd64", "linux/arm64")]
    document = resolve(
        ("numpy", "onnxruntime"),
        constraints=installed_versions(),
        minors=MINORS,
        markers=markers,
        offline=False,
    )
    packages = document["packages"] + training_document()["packages"]
    links: dict[str, dict[str, str]] = {}
    for package in packages:
        page = links.setdefault(package["name"], {})
        for wheel in package["wheels"]:
            name = _file_name(wheel["url"])
            page[name] = f'<a href="{wheel["url"]}#sha256={wheel["hashes"]["sha256"]}">{name}</a>'
    for project, page in links.items():
        place = tmp_path / "simple" / project / "index.html"
        place.parent.mkdir(parents=True)
        place.write_text(f"<!DOCTYPE html><html><body>{''.join(page.values())}</body></html>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    server.shutdown()
    server.server_close()


def test_another_index_mirror_gives_the_same_bytes(tmp_path: Path, mirror: str) -> None:
    pickled = tmp_path / "model.pickle"
    pickled.write_bytes(pickle.dumps(frame_pipeline()))
    first = pack_elsewhere(tmp_path / "a", pickled, umask="022", user=None)
    second = pack_elsewhere(
        tmp_path / "b",
        pickled,
        umask="022",
        user=None,
        UV_DEFAULT_INDEX=mirror,
        UV_CACHE_DIR=str(tmp_path / "c"),
    )
    assert first == second
