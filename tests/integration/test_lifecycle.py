"""The lifecycle on a real registry: it compares and swaps nothing, lists no referrers, collects garbage."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.authorities import new_authority
from tests.lifecycles import Shop, copy_all, open_shop
from tests.local_sigstore import WHO, LocalSigstore
from tests.registries import serve

from mlpack.delivery.lifecycle import (
    checkpoint,
    copy_history,
    fetch_history,
    history,
    list_bundles,
    promote,
    retire,
    rollback,
)
from mlpack.delivery.lifecycle.results import Act
from mlpack.errors import HistoryError, PolicyViolationError, UsageError
from mlpack.oci.references import RegistryReference
from mlpack.oci.registry import Registry
from mlpack.trust.certificate_signer import CertificateSigner, KmsSigner
from mlpack.trust.certificates import Roots
from mlpack.trust.history.rule import CheckpointRule, HistoryRule, StageRule
from mlpack.trust.keys import KeySigner, PublicKey, Sealer, Signer, generate_key
from mlpack.trust.signer_rules import SignerRule
from mlpack.trust.sigstore_signing import SigstoreSigner
from mlpack.trust.trusted_root import TrustedRoot
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
    # Two who sign the same words within the same second made one event, in two copies.
    assert written <= {copy for record in found.chain.records if record.counts for copy in record.copies}
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


def test_a_history_goes_to_a_layout_on_a_disk_and_from_there_to_another_registry(
    stock: Stock, shop: Shop, tmp_path: Path
) -> None:
    place, _ = stock("origin")
    log = put(place, shop, "1.0.0").chain.log
    put(place, shop, "1.1.0", log=log)
    policy = shop.policy(log=log, in_force="production", checkpoint=CheckpointRule(by=("ci",)))
    checkpoint(place, days=7, signer=shop.signers["ci"], policy=policy)
    assert copy_history(place, f"oci:{tmp_path}/disk") == 3
    assert verify(shop.folder / "churn-1.1.0", policy, history=f"oci:{tmp_path}/disk").version == "1.1.0"
    checkpoint(place, days=30, signer=shop.signers["ci"], policy=policy)
    far, _ = stock("far")
    assert copy_history(place, far) == 3
    newest = history(far, policy=policy).checkpoint
    assert copy_history(f"oci:{tmp_path}/disk", far) == 2  # the older checkpoint stays on the disk
    assert history(far, policy=policy).checkpoint == newest
    assert {item.code for item in history(far, policy=policy).problems} == {"history-moved-tag"}
    act = promote(
        f"{far}:1.1.0", to="production", signer=shop.signers["lead"], reason="mirror", policy=policy
    )
    assert act.record is None  # only the tag was missing
    assert not history(far, policy=policy).problems
    with pytest.raises(UsageError, match="the same repository twice"):
        copy_history(place, place)


def test_every_kind_of_signer_can_act(
    shop: Shop, sigstore: LocalSigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mine = shop.copy(tmp_path)
    root = new_authority()
    leaf = root.issue("releaser")
    leaf.write_key(tmp_path / "leaf.key")
    generate_key(tmp_path / "service")
    service = KmsSigner.from_uri(f"file2:{tmp_path}/service.key", PublicKey.from_file("service.pub"))
    signers: dict[str, tuple[Signer | Sealer, SignerRule]] = {
        "service": (service, SignerRule(name="service", key=service.public_key)),
        "certificate": (
            CertificateSigner(KeySigner(leaf.key), [leaf.der, root.der]),
            SignerRule(name="certificate", roots=Roots(pem=root.pem.decode()), subject="releaser"),
        ),
        "job": (
            SigstoreSigner(sigstore.token(), sigstore.config()),
            SignerRule(
                name="job",
                identity=WHO,
                issuer=sigstore.url,
                trusted_root=TrustedRoot.from_file(sigstore.root),
            ),
        ),
    }
    stage = StageRule(name="production", promote=tuple(signers))
    base = shop.policy()
    policy = replace(
        base,
        attesters=tuple(rule for _, rule in signers.values()),
        history=HistoryRule(stages=(stage,), in_force="production"),
    )
    for version, (name, (signer, _)) in zip(("1.0.0", "1.1.0", "1.2.0"), signers.items(), strict=True):
        act = promote(f"{mine.place}:{version}", to="production", signer=signer, reason=name, policy=policy)
        assert act.record is not None
        assert act.record.signer is not None
        assert act.record.signer.name == name
    found = history(mine.place, policy=policy)
    assert not found.problems
    assert "(trusted)" in str(found.facts().sections[-1].table)
