"""Rules about when something was signed, by stamps of RFC 3161 authorities: one of now, one of the past."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.authorities import Authority, new_authority
from tests.local_sigstore import WHO, LocalSigstore

from mlpack.errors import VerificationError
from mlpack.format.opening import inspect
from mlpack.trust.certificate_signer import CertificateSigner
from mlpack.trust.certificates import Roots
from mlpack.trust.keys import KeySigner
from mlpack.trust.policy import Policy
from mlpack.trust.rules import MinimumAge, Revocation
from mlpack.trust.signer_rules import SignerRule
from mlpack.trust.signing import sign
from mlpack.trust.sigstore_signing import SigstoreSigner
from mlpack.trust.trusted_root import TrustedRoot
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
AGES = {"past": "past/timestamp", "fresh": "api/v1/timestamp", "unstamped": ""}
"""Three days old, new, and of an age that nobody states."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class World:
    """Bundles of every age, signed with one certificate, and the policy that knows its authority."""

    bundles: dict[str, Path]
    policy: Policy
    serial: str

    def verdict(self, age: str, **changes: Any) -> str:  # noqa: ANN401  (fields of a policy)
        """Return an empty text, or everything that is wrong with a bundle."""
        try:
            verify(self.bundles[age], dataclasses.replace(self.policy, **changes))
        except VerificationError as error:
            return f"{error.code}: {' '.join(error.problems)}"
        return ""

    def signer(self, **changes: Any) -> dict[str, tuple[SignerRule, ...]]:  # noqa: ANN401  (fields of a rule)
        return {"signers": (dataclasses.replace(self.policy.signers[0], **changes),)}


@pytest.fixture(scope="module")
def world(
    sigstore: LocalSigstore, tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle
) -> World:
    authority: Authority = new_authority()
    leaf = authority.issue(start=NOW - 10 * DAY)
    bundles = {}
    for age, route in AGES.items():
        bundles[age] = make_bundle(tmp_path_factory.mktemp(age))
        url = f"{sigstore.url}/{route}" if route else None
        sign(bundles[age], CertificateSigner(KeySigner(leaf.key), [leaf.der], timestamp_url=url))
    rule = SignerRule(
        name="release",
        roots=Roots(pem=authority.pem.decode()),
        subject="release",
        trusted_root=TrustedRoot.from_file(sigstore.folder / "trusted_root.past.json"),
    )
    return World(
        bundles=bundles,
        policy=Policy(id="prod", signers=(rule,)),
        serial=f"{leaf.certificate.serial_number:x}",
    )


def test_the_verdict_tells_the_time_of_the_stamp(world: World) -> None:
    signer = verify(world.bundles["past"], world.policy).signer
    assert signer is not None
    assert signer.time is not None
    assert abs(NOW - 3 * DAY - signer.time) < DAY / 24


@pytest.mark.parametrize(
    ("age", "days", "expected"),
    [
        ("past", 1, ""),
        ("past", 2, ""),
        ("past", 4, "at least 4 day(s) ago"),
        ("fresh", 1, "at least 1 day(s) ago"),
        ("unstamped", 1, "no-trusted-time"),
    ],
)
def test_a_minimum_age_is_counted_from_the_stamp(world: World, age: str, days: int, expected: str) -> None:
    found = world.verdict(age, minimum_age=MinimumAge(days=days))
    assert expected in found
    assert bool(expected) == bool(found)


@pytest.mark.parametrize("kind", ["signer", "serial", "bundle", "file"])
@pytest.mark.parametrize(
    ("age", "since", "refused"),
    [
        ("past", NOW - 2 * DAY, ""),
        ("past", NOW - 4 * DAY, "stolen"),
        ("past", None, "stolen"),
        ("fresh", NOW - 2 * DAY, "stolen"),
        ("fresh", NOW + DAY, ""),
        ("unstamped", NOW + DAY, "no-trusted-time"),
    ],
)
def test_a_revocation_spares_what_was_stamped_before(
    world: World,
    kind: Literal["signer", "serial", "bundle", "file"],
    age: str,
    since: dt.datetime | None,
    refused: str,
) -> None:
    model = hashlib.sha256((world.bundles[age] / "model/model.onnx").read_bytes()).hexdigest()
    value = {
        "signer": "release",
        "serial": world.serial,
        "bundle": inspect(world.bundles[age]).digest,
        "file": f"file:sha256:{model}",
    }[kind]
    found = world.verdict(age, revoked=(Revocation(kind=kind, value=value, reason="stolen", since=since),))
    assert refused in found
    assert bool(refused) == bool(found)


def test_the_serial_of_another_certificate_revokes_nobody(world: World) -> None:
    other = f"{int(world.serial, 16) ^ 1:x}"
    assert world.verdict("fresh", revoked=(Revocation(kind="serial", value=other, reason="stolen"),)) == ""


@pytest.mark.parametrize(
    ("age", "bound", "days", "code"),
    [
        ("past", "accept_signed_before", 2, ""),
        ("past", "accept_signed_before", 4, "signed-too-late"),
        ("fresh", "accept_signed_before", 2, "signed-too-late"),
        ("past", "accept_signed_after", 2, "signed-too-early"),
        ("past", "accept_signed_after", 4, ""),
        ("fresh", "accept_signed_after", 2, ""),
        ("unstamped", "accept_signed_after", 2, "no-trusted-time"),
    ],
)
def test_a_signer_is_accepted_for_a_time(world: World, age: str, bound: str, days: int, code: str) -> None:
    found = world.verdict(age, **world.signer(**{bound: NOW - days * DAY}))
    assert found.partition(":")[0] == code


def test_a_stamper_that_the_root_does_not_name_states_no_time(world: World, sigstore: LocalSigstore) -> None:
    unaware = world.signer(trusted_root=TrustedRoot.from_file(sigstore.root))
    assert world.verdict("past", **unaware).startswith("timestamp-invalid")
    assert world.verdict("fresh", **unaware) == ""


def test_a_keyless_signature_of_now_is_too_young(
    sigstore: LocalSigstore, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(tmp_path)
    sign(bundle, SigstoreSigner(sigstore.token(), sigstore.config()))
    policy = Policy.from_identity(WHO, sigstore.url, trusted_root=TrustedRoot.from_file(sigstore.root))
    verify(bundle, policy)
    with pytest.raises(VerificationError, match="at least 1 day"):
        verify(bundle, dataclasses.replace(policy, minimum_age=MinimumAge(days=1)))
