"""A repository with signed bundles, people who may do different things, and hands that tamper with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mlpack.delivery.artifacts import push
from mlpack.delivery.lifecycle import history, promote
from mlpack.delivery.lifecycle.journal import put_file
from mlpack.delivery.lifecycle.results import Act
from mlpack.errors import VerificationError
from mlpack.oci.descriptors import MANIFESTS, Descriptor, Stored, parse_manifest
from mlpack.oci.layout import Layout
from mlpack.oci.references import LayoutReference
from mlpack.oci.stores import Store, add_referrer
from mlpack.trust.attesting import attest
from mlpack.trust.envelope import parse_envelope, seal
from mlpack.trust.history.events import EVENT_TYPE, Event, event_id, event_statement, parse_event
from mlpack.trust.history.evidence import EVENT_ARTIFACT, EVENT_TAG
from mlpack.trust.history.rule import HistoryRule, StageRule
from mlpack.trust.keys import KeySigner, PublicKey, generate_key
from mlpack.trust.policy import Policy
from mlpack.trust.signer_rules import SignerRule
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

__all__ = [
    "PEOPLE",
    "VERSIONS",
    "Shop",
    "codes",
    "copy_all",
    "layer_of",
    "next_event",
    "open_shop",
    "put",
    "refused",
    "signature_file",
]

PEOPLE = ("release", "ci", "lead", "oncall", "security", "mallory")
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")

STAGES = (
    StageRule(name="staging", promote=("ci", "lead"), rollback=("ci", "lead")),
    StageRule(name="production", promote=("lead",), rollback=("lead", "oncall")),
)
RULE = HistoryRule(stages=STAGES, retire=("security",))


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """One layout with three versions of a bundle, and everybody's keys."""

    folder: Path
    signers: dict[str, KeySigner]
    keys: dict[str, PublicKey]

    @property
    def place(self) -> str:
        return f"oci:{self.folder}/store"

    @property
    def layout(self) -> Layout:
        return Layout(LayoutReference(path=self.folder / "store"))

    def policy(self, **changes: Any) -> Policy:  # noqa: ANN401
        """Return the policy; `changes` are of its history rule."""
        known = [SignerRule(name=name, key=self.keys[name]) for name in PEOPLE if name != "mallory"]
        rule = replace(RULE, **changes)
        return Policy(id="churn", name="churn", signers=(known[0],), attesters=tuple(known[1:]), history=rule)

    def copy(self, folder: Path) -> Shop:
        shutil.copytree(self.folder / "store", folder / "store")
        return replace(self, folder=folder)

    def events(self, store: Store | None = None) -> list[tuple[str, Event]]:
        """Return tag and event of everything that looks like an event, by number."""
        store = store or self.layout
        found = []
        for tag in store.tags():
            manifest = parse_manifest(store.manifest(tag).data, where=tag)
            if tag.startswith(EVENT_TAG) and manifest.artifact_type == EVENT_ARTIFACT:
                found.append((tag, parse_event(parse_envelope(signature_file(store, tag)).payload)))
        return sorted(found, key=lambda item: (item[1].sequence, item[0]))

    # ------------------------------------------------------------------------------------------ tampering

    def untag(self, tag: str) -> None:
        """Take a tag away, as whoever can write to the folder can."""
        path = self.folder / "store" / "index.json"
        index = json.loads(path.read_bytes())
        kept = [item for item in index["manifests"] if tag_in(item) != tag]
        assert len(kept) < len(index["manifests"])
        path.write_text(json.dumps({**index, "manifests": kept}))

    def move(self, tag: str, to: str) -> None:
        """Point a tag to what another one names."""
        stored = self.layout.manifest(to)
        self.layout.put_manifest(stored.data, stored.descriptor.media_type, tag)

    def forge(self, who: str, event: Event, store: Store | None = None) -> str:
        """Sign and store an event past every check of ours."""
        data = seal(event_statement(event), self.signers[who])
        name = event_id(data).removeprefix("event:sha256:")
        put_file(store or self.layout, data, EVENT_TYPE, EVENT_TAG + name[:32])
        return f"event:sha256:{name}"


def tag_in(item: dict[str, Any]) -> str:
    return str(item.get("annotations", {}).get("org.opencontainers.image.ref.name", ""))


def signature_file(store: Store, tag: str) -> bytes:
    return store.blob(parse_manifest(store.manifest(tag).data, where=tag).layers[0], limit=1 << 20)


def open_shop(folder: Path, make_bundle: Callable[..., Path]) -> Shop:
    """Make keys, and push three signed versions into a layout."""
    for name in PEOPLE:
        generate_key(folder / name)
    signers = {name: KeySigner.from_file(folder / f"{name}.key") for name in PEOPLE}
    keys = {name: PublicKey.from_file(folder / f"{name}.pub") for name in PEOPLE}
    for version in VERSIONS:
        bundle = make_bundle(folder, version=version)
        sign(bundle, signers["release"])
        if version == "1.1.0":
            attest(bundle, {"result": "PASSED"}, signers["ci"], type="test-result")
        push(bundle, f"oci:{folder}/store:{version}")
    return Shop(folder=folder, signers=signers, keys=keys)


def copy_all(source: Layout, target: Store) -> None:
    """Copy every tag, and what is attached to it, into another store."""
    for tag in source.tags():
        stored = source.manifest(tag)
        for entry in source.listed_referrers(stored.descriptor.digest) or ():
            _copy(source, target, source.manifest(entry.digest), "")
        _copy(source, target, stored, tag)


def _copy(source: Layout, target: Store, stored: Stored, tag: str) -> None:
    parsed = parse_manifest(stored.data, where=tag)
    assert parsed.media_type in MANIFESTS
    for descriptor in (parsed.config, *parsed.layers):
        assert descriptor is not None
        target.put_blob(source.blob(descriptor, limit=1 << 30), descriptor)
    if parsed.subject is not None and not tag:
        add_referrer(target, stored.data, parsed.subject.digest)
        return
    target.put_manifest(stored.data, stored.descriptor.media_type, tag)


def put(shop: Shop, version: str, to: str = "production", who: str = "lead", **rule: object) -> Act:
    """Promote; `rule` are changes of the policy's history rule."""
    return promote(
        f"{shop.place}:{version}",
        to=to,
        signer=shop.signers[who],
        reason="because",
        policy=shop.policy(**rule),
    )


def codes(shop: Shop, policy: Policy) -> set[str]:
    """Return what is wrong with the history."""
    return {problem.code for problem in history(shop.place, policy=policy).problems}


def refused(shop: Shop, policy: Policy, version: str = "1.1.0") -> str:
    """Return why a bundle is refused."""
    with pytest.raises(VerificationError) as caught:
        verify(f"{shop.place}:{version}", policy)
    return str(caught.value)


def layer_of(manifest: bytes) -> Descriptor:
    return parse_manifest(manifest, where="x").layers[0]


def next_event(shop: Shop, number: int = -1, **changes: Any) -> Event:  # noqa: ANN401
    """Return an event after event `number`, about another bundle."""
    events = shop.events()
    last, first = events[number][1], events[0][1]
    return replace(
        first,
        sequence=last.sequence + 1,
        previous=(event_id(signature_file(shop.layout, events[number][0])),),
        replaces=last.bundle,
        **changes,
    )
