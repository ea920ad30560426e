"""The lifecycle on a real registry: it compares and swaps nothing, lists no referrers, collects garbage."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.lifecycles import Shop, copy_all, open_shop
from tests.registries import serve

from mlpack.delivery.lifecycle import checkpoint, history, list_bundles, promote, retire, rollback
from mlpack.delivery.lifecycle.auditing import fetch_history
from mlpack.delivery.lifecycle.results import Act
from mlpack.errors import HistoryError, PolicyViolationError
from mlpack.oci.references import RegistryReference
from mlpack.oci.registry import Registry
from mlpack.trust.history.rule import CheckpointRule
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[str]:
    found, process = serve(folder, {})
    yield found
    process.kill()
    process.wait()


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle) -> Shop:
    return open_shop(tmp_path_factory.mktemp("shop"), make_bundle)


Stock = Callable[[str], tuple[str, Registry]]


@pytest.fixture
def stock(host: str, shop: Shop) -> Iterator[Stock]:
    """Return a function that makes a repository with the shop's bundles, and a client of it."""
    with contextlib.ExitStack() as stack:

        def make(name: str) -> tuple[str, Registry]:
            place = RegistryReference(host=host, repository=f"team/{name}", tag="1.0.0")
            store = stack.enter_context(Registry(place, write=True))
            copy_all(shop.layout, store)
            return place.name, store

        yield make


def put(place: str, shop: Shop, version: str, **rule: object) -> Act:
    return promote(
        f"{place}:{version}",
        to="production",
        signer=shop.signers["lead"],
        reason="better",
        policy=shop.policy(**rule),
    )


def delete(host: str, repository: str, digest: str) -> None:
    answer = httpx.delete(f"http://{host}/v2/team/{repository}/manifests/{digest}")
    assert answer.status_code == 202


def test_the_whole_life_of_a_model(stock: Stock, shop: Shop) -> None:
    place, store = stock("life")
    log = put(place, shop, "1.0.0").chain.log
    put(place, shop, "1.1.0", log=log)
    policy = shop.policy(log=log, in_force="production")
    act = rollback(place, stage="production", signer=shop.signers["oncall"], reason="alarms", policy=policy)
    assert act.in_force is not None
    assert act.in_force.event.version == "1.0.0"
    assert store.manifest("production").data == store.manifest("1.0.0").data
    retire(f"{place}:1.1.0", signer=shop.signers["security"], reason="leak", policy=policy)
    found = history(place, policy=policy)
    assert not found.problems
    actions = [record.event.action for record in found.chain.records]
    assert actions == ["promote", "promote", "rollback", "retire"]
    rows = list_bundles(place, policy=policy).facts().sections[0].table
    assert rows is not None
    assert [(row[0], row[-1]) for row in rows.rows] == [
        ("1.0.0, production", "in force in production"),
        ("1.1.0", "retired: leak"),
        ("1.2.0", "never promoted"),
    ]
    evidence = fetch_history(place)
    assert verify(shop.folder / "churn-1.0.0", policy, history=evidence).version == "1.0.0"
    with pytest.raises(PolicyViolationError, match="retired by security"):
        verify(shop.folder / "churn-1.1.0", policy, history=evidence)


def test_attacks_with_the_right_to_push_and_delete(host: str, stock: Stock, shop: Shop) -> None:
    place, store = stock("attacked")
    log = put(place, shop, "1.0.0").chain.log
    put(place, shop, "1.1.0", log=log)
    policy = shop.policy(log=log, in_force="production", checkpoint=CheckpointRule(by=("ci",)))
    checkpoint(place, days=7, signer=shop.signers["ci"], policy=policy)
    assert not history(place, policy=policy).problems
    older, newer = store.manifest("1.0.0"), shop.events(store)[1][0]
    store.put_manifest(older.data, older.descriptor.media_type, "production")
    assert {item.code for item in history(place, policy=policy).problems} == {"history-moved-tag"}
    delete(host, "attacked", store.manifest(newer).descriptor.digest)
    assert {item.code for item in history(place, policy=policy).problems} == {"history-truncated"}
    with pytest.raises(PolicyViolationError, match="history-truncated"):
        verify(shop.folder / "churn-1.0.0", policy, history=fetch_history(place))
    with pytest.raises(HistoryError, match="history-truncated"):
        put(place, shop, "1.2.0", log=log, checkpoint=CheckpointRule(by=("ci",)))


def test_eight_at_once_lose_nothing_and_agree(stock: Stock, shop: Shop) -> None:
    place, store = stock("race")
    log = put(place, shop, "1.0.0").chain.log
    acts: list[Act] = []
    start = threading.Barrier(8)

    def act(version: str) -> None:
        start.wait()
        acts.append(put(place, shop, version, log=log))

    threads = [threading.Thread(target=act, args=(("1.1.0", "1.2.0")[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(acts) == 8
    found = history(place, policy=shop.policy(log=log))
    assert not found.problems
    state = found.chain.stages["production"]
    assert not state.forked
    assert state.record is not None
    written = {act.record.id for act in acts if act.record is not None}
    assert written <= {record.id for record in found.chain.records if record.counts}
    assert store.manifest("production").data == store.manifest(state.record.event.version).data


def test_garbage_collection_leaves_the_history_whole(folder: Path, stock: Stock, shop: Shop) -> None:
    place, _ = stock("garbage")
    log = put(place, shop, "1.0.0").chain.log
    put(place, shop, "1.1.0", log=log)
    policy = shop.policy(log=log, checkpoint=CheckpointRule(by=("ci",)))
    for _ in range(2):
        checkpoint(place, days=7, signer=shop.signers["ci"], policy=policy)
    before = history(place, policy=policy).document()
    command = ["docker-registry", "garbage-collect", "--delete-untagged", str(folder / "config.yml")]
    subprocess.run(command, check=True, capture_output=True)
    assert history(place, policy=policy).document() == before
    assert before["reliable"] is True
