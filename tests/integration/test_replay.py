"""Before a bundle is written it proves itself in an environment made from its own lock, without a network."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import mlpack
from mlpack.errors import LockError
from mlpack.format.lock import Lock
from mlpack.packing.environment.locking import lock_runtime
from mlpack.packing.replaying import replay_in_clean_room

pytestmark = pytest.mark.network

ROWS = np.arange(60.0).reshape(30, 2) ** 1.1
PORT = 0


def asks_the_network(rows: np.ndarray) -> np.ndarray:
    import socket

    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as connection:
        return rows[:, 0] * len(connection.recv(1))


def imports_by_a_name_made_up(rows: np.ndarray) -> np.ndarray:
    import importlib

    return np.asarray(importlib.import_module("pan" + "das").DataFrame(rows)[0])


class Doubler:
    """A model of no library."""

    words: tuple[str, ...] = ()

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return 2.0 * rows[:, 0]

    def save(self) -> dict[str, bytes]:
        return {"nothing": b""}

    @classmethod
    def load(cls, files: dict[str, bytes]) -> Doubler:  # noqa: ARG003
        return cls()


def packed(model: object, folder: Path, *, replay: bool = True) -> mlpack.UnverifiedBundle:
    return mlpack.pack(
        model, name="m", version="1", example=ROWS, output=folder, layout="directory", replay=replay
    )


def test_the_room_holds_the_lock_alone_and_no_network(tmp_path: Path) -> None:
    bundle = packed(LinearRegression().fit(ROWS, ROWS[:, 0]), tmp_path, replay=False)
    found = replay_in_clean_room(bundle.path, lock_runtime(("numpy", *bundle.manifest.runtime)))
    assert found.methods == {"predict": "tight"}
    assert found.network == "cut off"
    assert set(found.imported) <= {"numpy", "onnxruntime", "packaging"}


def test_a_root_that_the_lock_lacks_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="module pandas, which is not in its lock") as caught:
        packed(imports_by_a_name_made_up, tmp_path)
    assert caught.value.code == "replay"
    assert not list(tmp_path.iterdir())


def test_without_a_replay_it_is_written_all_the_same(tmp_path: Path) -> None:
    assert packed(imports_by_a_name_made_up, tmp_path, replay=False).path.exists()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    import threading

    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setitem(globals(), "PORT", listener.getsockname()[1])

    def answer() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"x")

    threading.Thread(target=answer, daemon=True).start()
    return listener.close


def test_a_model_that_needs_the_network_is_refused(tmp_path: Path, server: Callable[[], None]) -> None:
    try:
        with pytest.raises(LockError, match=r"does not do as this one does|the model fails"):
            packed(asks_the_network, tmp_path)
    finally:
        server()


def test_what_a_pickle_turns_out_not_to_need_is_left_out(tmp_path: Path) -> None:
    model = Doubler()
    model.words = ("pandas", "a text that is no module")  # found in the pickle, and needed by nobody
    bundle = packed(mlpack.UnsafePickle(model), tmp_path)
    engine = {"cloudpickle", "joblib", "threadpoolctl"}
    assert engine <= set(bundle.manifest.runtime) <= engine | {"numpy"}
    lock = Lock.from_bytes(bundle.read("environment/pylock.toml"))
    assert {package.name for package in lock.packages} == {*engine, "numpy"}
    with pytest.warns(UserWarning, match="nobody vouches"):
        loaded = mlpack.load(bundle.path, policy=mlpack.UNSIGNED, unsafe_code=True)
    assert loaded.predict(ROWS)[1] == pytest.approx(2.0 * ROWS[1, 0])


def test_a_replay_is_attested_by_whoever_ran_it(tmp_path: Path) -> None:
    from mlpack._cli.main import main

    bundle = packed(LinearRegression().fit(ROWS, ROWS[:, 0]), tmp_path, replay=False)
    assert main(["keygen", str(tmp_path / "ci"), "--no-password"]) == 0
    assert main(["sign", str(bundle.path), "--key", str(tmp_path / "ci.key")]) == 0
    assert main(["attest", str(bundle.path), "--type", "replay", "--key", str(tmp_path / "ci.key")]) == 0
    attested = mlpack.inspect(bundle.path)
    assert (attested.attestations, attested.digest) == (1, bundle.digest)
    (path,) = (bundle.path / "attestations").iterdir()
    envelope = json.loads(path.read_bytes())["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement["predicateType"] == "urn:mlpack:clean-room-replay:1"
    assert statement["predicate"]["passedTests"] == ["replay/predict: tight"]
    assert statement["predicate"]["environment"]["network"] == "cut off"
    assert statement["subject"][0]["digest"]["sha256"] == bundle.digest.rpartition(":")[2]
