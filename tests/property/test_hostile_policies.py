"""Hostile policies and attestations: nothing but PolicyError and VerificationError leaves, soon and cheaply.

The bounds: a policy has at most 1 MiB; a bundle carries at most 100 attestations of at most 4 MiB, of which
one at a time is in memory. Whatever they hold, reading them takes at most MEMORY bytes and SECONDS.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlpack.errors import PolicyError, VerificationError
from mlpack.trust.attestation import MAX_ATTESTATION, build_attestation
from mlpack.trust.components import components_of
from mlpack.trust.envelope import parse_envelope, seal
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.oms import parse_statement
from mlpack.trust.policy import Policy
from mlpack.trust.rules import Licenses, Require, Vulnerabilities
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]

MEMORY = 256 * 1024 * 1024
SECONDS = 20.0
ROUNDS = settings(max_examples=120, deadline=None, derandomize=True)
DIGEST = "bundle:sha256:" + "ab" * 32

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
values = st.recursive(
    scalars
    | st.sampled_from(["both", "1", "MIT", DIGEST, "2027-01-31", "release", "/x", "tight", "cyclonedx"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
KEYS = (
    *("schema", "id", "version", "signers", "attesters", "name", "formats", "pins", "expires", "threshold"),
    *(
        "grandfathered",
        "format_major",
        "minimum_version",
        "minimum_age",
        "evidence",
        "allow_code",
        "licenses",
    ),
    *("vulnerabilities", "revoked", "require"),
)
INNER = (
    *(
        "k",
        "of",
        "days",
        "when",
        "at",
        "parity",
        "golden",
        "allow",
        "deny",
        "unknown",
        "database",
        "maximum_age",
    ),
    *("severity", "accept", "vex", "unassessed", "bundle", "signer", "reason", "since", "type", "fields"),
)
inside = st.dictionaries(st.sampled_from(INNER), values, max_size=4)


@ROUNDS
@given(st.dictionaries(st.sampled_from(KEYS), values | inside | st.lists(inside, max_size=3), max_size=8))
def test_a_strange_policy_is_refused_by_its_own_error(document: dict[str, Any]) -> None:
    head = {"schema": "mlpack-policy/1", "id": "x", "version": "1", "pins": [DIGEST]}
    try:
        Policy.from_text(json.dumps({**head, **document}))
    except PolicyError:
        return


@ROUNDS
@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
@example("[" * 5000)
@example("{a: " * 5000)
@example("a: &x [*x]")
@example("- " * 5000)
@example("? " * 5000)
@example("[" * (1 << 20))
@example("schema: !!python/object/apply:os.system [x]")
def test_a_strange_text_is_refused_by_its_own_error(text: str) -> None:
    with pytest.raises(PolicyError):
        Policy.from_text(text)


class Signed:
    """One signed bundle, a policy with every rule that reads what others wrote, and a key that attests."""

    def __init__(self, folder: Path, make_bundle: MakeBundle) -> None:
        key, _ = generate_key(folder / "release")
        self.signer = KeySigner.from_file(key)
        self.path = make_bundle(folder)
        sign(self.path, self.signer)
        self.policy = Policy.from_key(self.signer.public_key)
        self.digest = verify(self.path, self.policy).digest

    def attested(self, data: bytes) -> None:
        """Put `data` among the attestations, and verify: it must not matter."""
        folder = self.path / "attestations"
        folder.mkdir()
        try:
            (folder / f"{hashlib.sha256(data).hexdigest()}.sigstore.json").write_bytes(data)
            verify(self.path, self.policy)
        except VerificationError:
            return
        finally:
            shutil.rmtree(folder)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle) -> Signed:
    return Signed(tmp_path_factory.mktemp("fuzz"), make_bundle)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)
ENVELOPE = ("mediaType", "verificationMaterial", "dsseEnvelope", "payload", "signatures", "payloadType")


@ROUNDS
@given(st.dictionaries(st.sampled_from(ENVELOPE), json_values, max_size=5) | json_values)
def test_a_strange_envelope(document: object) -> None:
    try:
        parse_envelope(json.dumps(document).encode())
    except VerificationError:
        return


@ROUNDS
@given(st.dictionaries(st.sampled_from(("_type", "subject", "predicateType", "predicate")), json_values))
def test_a_strange_statement(document: object) -> None:
    with pytest.raises(VerificationError):
        parse_statement(json.dumps(document).encode())


@settings(ROUNDS, max_examples=60)
@given(json_values, st.binary(max_size=50))
def test_a_strange_attestation(signed: Signed, document: Any, junk: bytes) -> None:  # noqa: ANN401
    signed.attested(junk)
    signed.attested(json.dumps(document).encode())
    signed.attested(seal(json.dumps(document).encode(), signed.signer))


VEX = (
    "metadata",
    "timestamp",
    "vulnerabilities",
    "id",
    "affects",
    "ref",
    "analysis",
    "state",
    "configuration",
)
predicates = st.recursive(
    st.none() | st.text(max_size=5) | st.sampled_from(["not_affected", "PASSED", "2026-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((*VEX, "result")), inner),
    max_leaves=15,
)


@settings(ROUNDS, max_examples=25)
@given(st.dictionaries(st.sampled_from((*VEX, "result")), predicates))
def test_a_strange_predicate_by_a_named_signer(
    signed: Signed, tmp_path_factory: pytest.TempPathFactory, predicate: dict[str, Any]
) -> None:
    from dataclasses import replace

    from mlpack.trust.rules import Evidence

    gate = Vulnerabilities(database=tmp_path_factory.getbasetemp() / "none", maximum_age=1, vex=("key",))
    needs = (Require(type="https://cyclonedx.org/bom", fields=(("/analysis/state/0", ("x",)),)),)
    strict = replace(
        signed.policy,
        evidence=Evidence(),
        require=needs,
        vulnerabilities=gate,
        licenses=Licenses(deny=("MIT",)),
    )
    policy, signed.policy = signed.policy, strict
    try:
        for kind in ("https://cyclonedx.org/bom", "https://in-toto.io/attestation/test-result/v0.1"):
            signed.attested(seal(build_attestation(signed.digest, kind, predicate), signed.signer))
    finally:
        signed.policy = policy


@ROUNDS
@given(json_values)
def test_a_strange_bom_has_components_or_none(document: object) -> None:
    bom: Any = document if isinstance(document, dict) else {"components": document}
    components_of(bom, None, {})


@pytest.mark.parametrize("shape", ["deep", "wide", "long"])
def test_the_largest_attestations_cost_what_is_stated(signed: Signed, shape: str) -> None:
    room = MAX_ATTESTATION * 3 // 4 - 2000
    inner = {
        "deep": b"[" * room,
        "wide": b'{"predicate": {' + b",".join(b'"%d":0' % n for n in range(room // 12)) + b"}}",
        "long": b'"' + b"a" * room + b'"',
    }[shape]
    data = seal(inner, signed.signer)
    assert len(data) <= MAX_ATTESTATION
    started = time.perf_counter()
    tracemalloc.start()
    signed.attested(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY
    assert time.perf_counter() - started < SECONDS
