from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from tests.authorities import new_authority

from mlpack.errors import PolicyError, SignatureInvalidError, UntrustedSignerError, VerificationError
from mlpack.trust.identities import GITHUB_ISSUER, CiRule, Claims, matches, read_claims

ROOT = new_authority()
ARC = "1.3.6.1.4.1.57264.1."
WORKFLOW = "https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main"
BUILD = {
    "repository": "https://github.com/acme/models",
    "repository_id": "4711",
    "ref": "refs/heads/main",
    "workflow": WORKFLOW,
    "trigger": "push",
    "runner": "github-hosted",
}


def claims(issuer: str = GITHUB_ISSUER, **build: str | None) -> Claims:
    merged = {key: value for key, value in {**BUILD, **build}.items() if value is not None}
    return Claims(identity=WORKFLOW, issuer=issuer, build=merged)


def utf8(text: str) -> bytes:
    raw = text.encode()
    length = bytes([len(raw)]) if len(raw) < 128 else b"\x81" + bytes([len(raw)])
    return b"\x0c" + length + raw


def extension(number: int, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{ARC}{number}"), value)


def certificate(*extensions: x509.ExtensionType, names: tuple[x509.GeneralName, ...] | None = None) -> bytes:
    names = (x509.UniformResourceIdentifier(WORKFLOW),) if names is None else names
    more = (x509.SubjectAlternativeName(names),) if names else ()
    return ROOT.issue(more=(*more, *extensions)).der


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("a@b.example", "a@b.example"),
        ("*@b.example", "anybody@b.example"),
        ("https://h/*/models", "https://h/acme/models"),
        ("https://h/a/r.yml@refs/tags/v*", "https://h/a/r.yml@refs/tags/v1.2"),
        ("a*c", "ac"),
    ],
)
def test_what_a_pattern_accepts(pattern: str, text: str) -> None:
    assert matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("https://h/*/models", "https://h/evil/x/models"),
        ("https://h/*", "https://h/a/b"),
        ("a.c", "abc"),
        ("a@b.example", "a@b.example.evil"),
        ("a@b.example", "xa@b.example"),
        ("a@b.example", "a@b.example\n"),
        ("A@b.example", "a@b.example"),
        ("[a-z]", "b"),
        ("a+", "aa"),
        ("a?", "a"),
        ("refs/tags/v*", "refs/tags/v1/../../heads/main"),
    ],
)
def test_what_a_pattern_does_not_accept(pattern: str, text: str) -> None:
    assert not matches(pattern, text)


def test_a_certificate_says_who_and_by_whom() -> None:
    said = read_claims(certificate(extension(8, utf8(GITHUB_ISSUER)), extension(20, utf8("push"))))
    assert (said.identity, said.issuer, said.build["trigger"]) == (WORKFLOW, GITHUB_ISSUER, "push")


def test_old_certificates_name_the_issuer_without_der() -> None:
    assert read_claims(certificate(extension(1, b"https://old.example"))).issuer == "https://old.example"


def test_both_fields_for_the_issuer_say_the_same() -> None:
    both = certificate(extension(1, b"https://i.example"), extension(8, utf8("https://i.example")))
    assert read_claims(both).issuer == "https://i.example"
    two = certificate(extension(1, b"https://old.example"), extension(8, utf8("https://new.example")))
    with pytest.raises(VerificationError) as caught:
        read_claims(two)
    assert caught.value.code == "issuer-ambiguous"


def test_an_address_is_an_identity() -> None:
    der = certificate(extension(8, utf8("https://i")), names=(x509.RFC822Name("a@b.example"),))
    assert read_claims(der).identity == "a@b.example"


def test_a_user_name_is_an_identity() -> None:
    name = x509.OtherName(x509.ObjectIdentifier(f"{ARC}7"), utf8("alice!b.example"))
    assert (
        read_claims(certificate(extension(8, utf8("https://i")), names=(name,))).identity == "alice!b.example"
    )


def test_long_values_are_read_whole() -> None:
    long = "https://i/" + "x" * 150
    assert read_claims(certificate(extension(8, utf8(long)))).issuer == long


def test_a_certificate_without_an_issuer_is_refused() -> None:
    with pytest.raises(UntrustedSignerError) as caught:
        read_claims(certificate())
    assert caught.value.code == "issuer-missing"


def test_two_identities_are_ambiguous() -> None:
    names = (x509.RFC822Name("a@b.example"), x509.RFC822Name("c@d.example"))
    with pytest.raises(SignatureInvalidError) as caught:
        read_claims(certificate(extension(8, utf8("https://i")), names=names))
    assert caught.value.code == "identity-ambiguous"


@pytest.mark.parametrize("name", [x509.DNSName("b.example"), x509.DirectoryName(x509.Name([]))])
def test_a_host_is_nobody(name: x509.GeneralName) -> None:
    with pytest.raises(SignatureInvalidError):
        read_claims(certificate(extension(8, utf8("https://i")), names=(name,)))


@pytest.mark.parametrize(
    "value", [b"", b"\x0c", b"\x0c\x05abc", b"\x16\x03abc", b"\x0c\x03abcd", b"\x0c\x81", b"\xff"]
)
def test_a_malformed_claim_is_an_error_of_verification(value: bytes) -> None:
    with pytest.raises(VerificationError):
        read_claims(certificate(extension(8, value)))


@pytest.mark.parametrize("data", [b"", b"junk", b"\x30\x80"])
def test_what_is_no_certificate_is_an_error_of_verification(data: bytes) -> None:
    with pytest.raises(SignatureInvalidError):
        read_claims(data)


def test_a_certificate_without_any_name_is_refused() -> None:
    with pytest.raises(VerificationError):
        read_claims(certificate(extension(8, utf8("https://i")), names=()))


# CI jobs.


def test_a_usual_job_is_allowed() -> None:
    assert CiRule().problems(claims()) == []


@pytest.mark.parametrize("trigger", ["pull_request", "pull_request_target", "pull_request_review", None])
def test_pull_requests_are_denied_by_default(trigger: str | None) -> None:
    assert "trigger" in CiRule().problems(claims(trigger=trigger))[0]


def test_a_trigger_may_be_named() -> None:
    assert CiRule(triggers=("pull_request_target",)).problems(claims(trigger="pull_request_target")) == []
    assert CiRule(triggers=("release",)).problems(claims()) != []


@pytest.mark.parametrize("runner", ["self-hosted", None])
def test_runners_of_one_s_own_are_denied_by_default(runner: str | None) -> None:
    assert "runner" in CiRule().problems(claims(runner=runner))[0]


def test_runners_of_one_s_own_may_be_allowed() -> None:
    assert CiRule(self_hosted=True).problems(claims(runner="self-hosted")) == []


def test_an_enterprise_s_issuer_is_github_too() -> None:
    assert CiRule().problems(claims(f"{GITHUB_ISSUER}/acme", trigger=None)) != []


def test_other_issuers_need_not_state_what_only_github_states() -> None:
    assert CiRule().problems(claims("https://accounts.example", trigger=None, runner=None)) == []


def test_but_what_they_state_counts() -> None:
    gitlab = claims("https://gitlab.com", trigger="merge_request_event", runner="self-hosted")
    assert len(CiRule().problems(gitlab)) == 2


@pytest.mark.parametrize(
    ("rule", "build"),
    [
        (CiRule(repository_id="4711"), {"repository_id": "4712"}),
        (CiRule(repository_id="4711"), {"repository_id": None}),
        (CiRule(ref="refs/tags/v*"), {}),
        (CiRule(ref="refs/heads/*"), {"ref": "refs/heads/a/b"}),
        (CiRule(ref="refs/heads/main"), {"ref": None}),
        (CiRule(workflow=".github/workflows/release.yml"), {"workflow": WORKFLOW.replace("release", "evil")}),
        (CiRule(workflow=".github/workflows/release.yml"), {"workflow": WORKFLOW.replace("acme", "evil")}),
        (CiRule(workflow=".github/workflows/release.yml"), {"workflow": None}),
        (CiRule(workflow=".github/workflows/release.yml"), {"repository": None}),
    ],
)
def test_every_constraint_counts(rule: CiRule, build: dict[str, Any]) -> None:
    assert len(rule.problems(claims(**build))) == 1


def test_constraints_that_hold() -> None:
    rule = CiRule(repository_id="4711", ref="refs/heads/*", workflow=".github/workflows/release.yml")
    assert rule.problems(claims()) == []


@pytest.mark.parametrize(
    "values",
    [
        {"repository_id": "acme/models"},
        {"ref": "*"},
        {"ref": ""},
        {"workflow": "a\nb"},
        {"triggers": ("Pull Request",)},
    ],
)
def test_constraints_that_could_never_hold_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        CiRule(**values)
