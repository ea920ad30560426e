from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import (
    ContentMismatchError,
    PolicyError,
    PolicyViolationError,
    SignatureInvalidError,
    StorageError,
    UntrustedSignerError,
    UsageError,
    VerificationError,
)
from mlpack.format.checksums import parse_checksums, serialise_checksums
from mlpack.format.opening import inspect
from mlpack.format.tree import DirectoryTree
from mlpack.trust.envelope import seal
from mlpack.trust.keys import KeySigner, PublicKey
from mlpack.trust.oms import build_statement
from mlpack.trust.policy import UNSIGNED, Policy, SignerRule
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


@pytest.fixture
def bundle(tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner) -> Path:
    path = make_bundle(tmp_path)
    sign(path, signer)
    return path


@pytest.fixture
def archive(tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner) -> Path:
    path = make_bundle(tmp_path, layout="archive")
    sign(path, signer)
    return path


@pytest.fixture(scope="session")
def policy(public: PublicKey) -> Policy:
    return Policy.from_key(public)


def resign(path: Path, signer: KeySigner, change: Callable[[dict[str, Any]], object]) -> None:
    """Sign a statement that was changed by someone who holds the key."""
    opened = inspect(path)
    digests = {**opened.checksums, "SHA256SUMS": opened.digest.removeprefix("bundle:sha256:")}
    document = json.loads(build_statement(opened.manifest.folder, digests))
    change(document)
    raw = "".join(item["digest"] for item in document["predicate"]["resources"])
    document["subject"][0]["digest"]["sha256"] = hashlib.sha256(bytes.fromhex(raw)).hexdigest()
    (path / "model.sig").write_bytes(seal(json.dumps(document).encode(), signer))


def relist(path: Path) -> None:
    """Make SHA256SUMS fit the files again, as an attacker would."""
    listed = parse_checksums((path / "SHA256SUMS").read_bytes())
    found = {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in listed}
    (path / "SHA256SUMS").write_bytes(serialise_checksums(found))


# --- what holds


@pytest.mark.parametrize("form", ["bundle", "archive"])
def test_a_signed_bundle_verifies(
    form: str, request: pytest.FixtureRequest, policy: Policy, public: PublicKey
) -> None:
    path: Path = request.getfixturevalue(form)
    verified = verify(path, policy)
    assert (verified.path, verified.digest) == (path, inspect(path).digest)
    assert (verified.name, verified.version) == ("churn", "1.2.0")
    assert dict(verified.files) == dict(inspect(path).checksums)
    assert verified.signer is not None
    assert (verified.signer.name, verified.signer.fingerprint) == ("key", public.fingerprint)


def test_directory_and_archive_have_one_digest(bundle: Path, archive: Path, policy: Policy) -> None:
    assert verify(bundle, policy).digest == verify(archive, policy).digest


def test_the_result_cannot_be_changed(bundle: Path, policy: Policy) -> None:
    verified = verify(bundle, policy)
    with pytest.raises(dataclasses.FrozenInstanceError):
        verified.digest = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        verified.files["x"] = "y"  # type: ignore[index]


def test_the_path_survives_a_change_of_folder(
    bundle: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundle.parent)
    verified = verify(bundle.name, policy)
    monkeypatch.chdir("/")
    assert verified.read("README.md")


def test_the_folder_may_be_renamed(bundle: Path, policy: Policy) -> None:
    assert verify(bundle.rename(bundle.parent / "elsewhere"), policy).name == "churn"


def test_facts_say_what_to_pin_who_signed_under_what_and_from_where(
    bundle: Path, policy: Policy, public: PublicKey
) -> None:
    verified = verify(bundle, policy)
    pairs = {label: value for label, value, _ in verified.facts().sections[0].pairs}
    assert pairs["bundle (pin this)"] == verified.digest
    assert pairs["signer"] == f"key ({public.fingerprint}), no trusted time"
    assert pairs["policy"] == f"one key 1, from {policy.source}"
    assert pairs["policy digest"] == f"policy:sha256:{policy.sha256}"
    assert pairs["source"] == f"{bundle} (transport only)"


# --- step 1, the policy


def test_without_a_policy_nothing_is_verified(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    with pytest.raises(PolicyError, match="no policy"):
        verify(bundle)


def test_unsigned_is_not_a_policy_to_verify_with(bundle: Path) -> None:
    with pytest.raises(PolicyError, match="UNSIGNED"):
        verify(bundle, UNSIGNED)


def test_a_policy_inside_the_bundle_is_never_found(
    bundle: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(bundle)
    (bundle / "policy.yaml").write_text(
        json.dumps(
            {
                "schema": "mlpack-policy/1",
                "id": "x",
                "version": "1",
                "signers": [{"name": "k", "key": public.pem}],
            }
        )
    )
    with pytest.raises(PolicyError, match="no policy"):
        verify(bundle)


def test_an_expired_policy_refuses(bundle: Path, public: PublicKey) -> None:
    expired = Policy(
        id="old",
        signers=(SignerRule(name="release", key=public),),
        expires=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    )
    with pytest.raises(PolicyViolationError, match="expired at 2020"):
        verify(bundle, expired)


def test_a_missing_bundle_is_a_storage_error(tmp_path: Path, policy: Policy) -> None:
    with pytest.raises(StorageError):
        verify(tmp_path / "none", policy)


def test_another_type_is_a_usage_error(policy: Policy) -> None:
    with pytest.raises(UsageError):
        verify(7, policy)  # type: ignore[arg-type]


# --- step 2, the container


def test_a_symbolic_link_is_refused(bundle: Path, policy: Policy) -> None:
    (bundle / "README.md").rename(bundle.parent / "README.md")
    (bundle / "README.md").symlink_to(bundle.parent / "README.md")
    with pytest.raises(ContentMismatchError, match=r"README\.md.*link"):
        verify(bundle, policy)


def test_a_named_pipe_is_refused_and_does_not_hang(bundle: Path, policy: Policy) -> None:
    os.mkfifo(bundle / "model" / "pipe")
    with pytest.raises(ContentMismatchError, match="model/pipe"):
        verify(bundle, policy)


@pytest.mark.parametrize("leftover", [".git/config", ".gitattributes", ".github/x", ".gitignore"])
def test_what_oms_ignores_is_refused_by_name(bundle: Path, policy: Policy, leftover: str) -> None:
    (bundle / leftover).parent.mkdir(exist_ok=True)
    (bundle / leftover).write_text("x")
    with pytest.raises(ContentMismatchError, match=leftover.split("/", maxsplit=1)[0]):
        verify(bundle, policy)


def test_names_cannot_forge_lines_or_colours(bundle: Path, policy: Policy) -> None:
    (bundle / "x\n\x1b[32mverified").write_text("x")
    with pytest.raises(ContentMismatchError) as caught:
        verify(bundle, policy)
    assert "\x1b" not in str(caught.value)
    assert all("\n" not in problem for problem in caught.value.problems)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 5000])
def test_a_truncated_archive_is_refused(archive: Path, policy: Policy, size: int) -> None:
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(ContentMismatchError):
        verify(archive, policy)


def test_bytes_after_an_archive_are_refused(archive: Path, policy: Policy) -> None:
    archive.write_bytes(archive.read_bytes() + bytes(512))
    with pytest.raises(ContentMismatchError):
        verify(archive, policy)


# --- steps 3 and 4, the signature


def test_an_unsigned_bundle_is_refused(bundle: Path, policy: Policy) -> None:
    (bundle / "model.sig").unlink()
    with pytest.raises(SignatureInvalidError, match="not signed"):
        verify(bundle, policy)


def test_a_garbled_signature_is_refused(bundle: Path, policy: Policy) -> None:
    (bundle / "model.sig").write_bytes(b"{}")
    with pytest.raises(SignatureInvalidError, match=r"model\.sig"):
        verify(bundle, policy)


def test_another_signer_is_refused(bundle: Path, other: KeySigner) -> None:
    with pytest.raises(UntrustedSignerError, match="does not name"):
        verify(bundle, Policy.from_key(other.public_key))


def test_the_signature_of_another_bundle_is_refused(
    bundle: Path, tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, policy: Policy
) -> None:
    second = make_bundle(tmp_path, version="1.3.0")
    sign(second, signer)
    shutil.copy(second / "model.sig", bundle / "model.sig")
    with pytest.raises(ContentMismatchError, match="SHA256SUMS: changed after it was signed"):
        verify(bundle, policy)


def test_a_hint_cannot_make_a_foreign_key_trusted(
    bundle: Path, other: KeySigner, public: PublicKey, policy: Policy
) -> None:
    resign(bundle, other, lambda _: None)
    text = (bundle / "model.sig").read_text()
    (bundle / "model.sig").write_text(text.replace(other.public_key.hint, public.hint))
    with pytest.raises(SignatureInvalidError, match="does not match"):
        verify(bundle, policy)


def test_without_a_hint_every_key_of_the_policy_is_tried(
    bundle: Path, public: PublicKey, other: KeySigner
) -> None:
    text = (bundle / "model.sig").read_text()
    (bundle / "model.sig").write_text(text.replace(public.hint, ""))
    rules = (SignerRule(name="first", key=other.public_key), SignerRule(name="second", key=public))
    verified = verify(bundle, Policy(id="prod", signers=rules))
    assert verified.signer is not None
    assert verified.signer.name == "second"
    with pytest.raises(UntrustedSignerError):
        verify(bundle, Policy.from_key(other.public_key))


def test_the_signer_is_called_as_the_policy_calls_the_key(
    bundle: Path, public: PublicKey, other: KeySigner
) -> None:
    rules = (SignerRule(name="first", key=other.public_key), SignerRule(name="second", key=public))
    verified = verify(bundle, Policy(id="prod", signers=rules))
    assert verified.signer is not None
    assert verified.signer.name == "second"


# --- step 5, the statement


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(predicateType="https://sigstore.dev/cosign/sign/v1"),
        lambda d: d["predicate"]["serialization"]["ignore_paths"].append("model"),
        lambda d: d["predicate"]["serialization"].update(allow_symlinks=True),
    ],
)
def test_a_validly_signed_statement_of_another_kind_is_refused(
    bundle: Path, signer: KeySigner, policy: Policy, change: Callable[[dict[str, Any]], object]
) -> None:
    resign(bundle, signer, change)
    with pytest.raises(SignatureInvalidError, match="statement"):
        verify(bundle, policy)


# --- steps 6 and 7, the lists and the bytes


def test_a_statement_that_leaves_a_file_out_is_refused(
    bundle: Path, signer: KeySigner, policy: Policy
) -> None:
    resign(bundle, signer, lambda d: d["predicate"]["resources"].pop())
    with pytest.raises(ContentMismatchError, match="added after the bundle was signed"):
        verify(bundle, policy)


def test_a_statement_without_the_list_is_refused(bundle: Path, signer: KeySigner, policy: Policy) -> None:
    def leave_out(document: dict[str, Any]) -> None:
        resources = document["predicate"]["resources"]
        resources[:] = [item for item in resources if item["name"] != "SHA256SUMS"]

    resign(bundle, signer, leave_out)
    with pytest.raises(ContentMismatchError, match="SHA256SUMS: not signed"):
        verify(bundle, policy)


def test_a_statement_with_another_subject_is_refused(bundle: Path, signer: KeySigner, policy: Policy) -> None:
    resign(bundle, signer, lambda d: d["subject"][0].update(name="churn-9.9.9"))
    with pytest.raises(ContentMismatchError, match=r"churn-9\.9\.9"):
        verify(bundle, policy)


def test_a_list_made_to_fit_changed_bytes_is_refused(bundle: Path, policy: Policy) -> None:
    (bundle / "README.md").write_text("# better\n")
    relist(bundle)
    with pytest.raises(ContentMismatchError) as caught:
        verify(bundle, policy)
    assert "SHA256SUMS: changed after it was signed" in caught.value.problems
    assert "README.md: changed after it was signed" in caught.value.problems


def test_every_problem_is_named_at_once(bundle: Path, policy: Policy) -> None:
    (bundle / "README.md").write_text("changed")
    (bundle / "model" / "extra.bin").write_text("added")
    (bundle / "contract.json").unlink()
    (bundle / "evidence" / "parity.json").rename(bundle / "evidence" / "renamed.json")
    with pytest.raises(ContentMismatchError) as caught:
        verify(bundle, policy)
    text = str(caught.value)
    names = ("README.md", "model/extra.bin", "contract.json", "evidence/parity.json", "evidence/renamed.json")
    assert [name for name in names if name not in text] == []


def test_an_unusable_list_hides_no_changed_file(bundle: Path, policy: Policy) -> None:
    (bundle / "SHA256SUMS").write_text("not a list\n")
    (bundle / "README.md").write_text("changed")
    (bundle / "contract.json").unlink()
    with pytest.raises(ContentMismatchError) as caught:
        verify(bundle, policy)
    assert "README.md: changed after it was signed" in caught.value.problems
    assert "contract.json: signed, but removed since" in caught.value.problems


def test_a_failed_signature_hides_no_changed_file(bundle: Path, policy: Policy) -> None:
    (bundle / "model.sig").write_bytes(b"{}")
    (bundle / "README.md").write_text("changed")
    with pytest.raises(SignatureInvalidError, match=r"README\.md"):
        verify(bundle, policy)


def test_swapped_files_are_refused(bundle: Path, policy: Policy) -> None:
    first, second = bundle / "README.md", bundle / "contract.json"
    first_bytes = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(first_bytes)
    with pytest.raises(ContentMismatchError, match=r"README\.md"):
        verify(bundle, policy)


def test_a_file_in_an_unsigned_folder_is_refused(bundle: Path, policy: Policy) -> None:
    (bundle / "wheels").mkdir()
    (bundle / "wheels" / "evil-1-py3-none-any.whl").write_text("x")
    (bundle / "attestations").mkdir()
    (bundle / "attestations" / ("0" * 64 + ".sigstore.json")).write_text("{}")
    with pytest.raises(VerificationError) as caught:
        verify(bundle, policy)
    assert "wheels/evil" in str(caught.value) or "lock" in str(caught.value)
    assert "attestations/" in str(caught.value)


# --- step 8, the manifest


def test_the_manifest_is_the_one_that_was_hashed(
    bundle: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer who swaps the manifest between hashing and parsing gets nowhere."""
    real = DirectoryTree.read

    def swapping(tree: DirectoryTree, path: str, limit: int) -> bytes:
        data = real(tree, path, limit)
        return data.replace(b'"churn"', b'"evil1"') if path == "manifest.json" else data

    monkeypatch.setattr(DirectoryTree, "read", swapping)
    with pytest.raises(ContentMismatchError, match=r"manifest\.json"):
        verify(bundle, policy)


# --- step 9, the policy's other rules


def test_another_model_of_the_team_is_refused(bundle: Path, public: PublicKey) -> None:
    with pytest.raises(PolicyViolationError, match=r"'churn'.*'fraud'"):
        verify(bundle, Policy.from_key(public, name="fraud"))
    assert verify(bundle, Policy.from_key(public, name="churn")).name == "churn"


def test_a_format_that_the_policy_does_not_allow_is_refused(bundle: Path, public: PublicKey) -> None:
    rules = (SignerRule(name="release", key=public),)
    with pytest.raises(PolicyViolationError, match="onnx"):
        verify(bundle, Policy(id="prod", signers=rules, formats=("data-only",)))


def test_code_is_refused_by_default(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, policy: Policy
) -> None:
    path = make_bundle(tmp_path, model=("model/model.bin", "code"))
    sign(path, signer)
    with pytest.raises(PolicyViolationError, match="'code'"):
        verify(path, policy)


def test_a_pin_accepts_its_bundle_unsigned(tmp_path: Path, make_bundle: MakeBundle) -> None:
    path = make_bundle(tmp_path)
    verified = verify(path, Policy.from_digest(inspect(path).digest))
    assert verified.signer is None
    assert "pins digests" in str(verified.facts())


def test_a_pin_refuses_every_other_bundle(bundle: Path) -> None:
    with pytest.raises(PolicyViolationError, match="pins"):
        verify(bundle, Policy.from_digest("bundle:sha256:" + "0" * 64))


def test_a_pin_refuses_changed_bytes(bundle: Path) -> None:
    policy = Policy.from_digest(inspect(bundle).digest)
    (bundle / "README.md").write_text("changed")
    with pytest.raises(ContentMismatchError, match=r"README\.md"):
        verify(bundle, policy)


def test_signer_and_pin_must_both_hold(bundle: Path, public: PublicKey, other: KeySigner) -> None:
    digest = inspect(bundle).digest
    right, wrong = SignerRule(name="a", key=public), SignerRule(name="b", key=other.public_key)
    assert verify(bundle, Policy(id="p", signers=(right,), pins=(digest,))).digest == digest
    with pytest.raises(UntrustedSignerError):
        verify(bundle, Policy(id="p", signers=(wrong,), pins=(digest,)))
    with pytest.raises(PolicyViolationError):
        verify(bundle, Policy(id="p", signers=(right,), pins=("bundle:sha256:" + "0" * 64,)))


# --- after verification


@pytest.mark.parametrize("form", ["bundle", "archive"])
def test_reading_returns_the_verified_bytes(
    form: str, request: pytest.FixtureRequest, policy: Policy
) -> None:
    verified = verify(request.getfixturevalue(form), policy)
    assert verified.read("README.md") == b"# churn\n"


@pytest.mark.parametrize("content", [b"# churN\n", b"", b"longer than before"])
def test_reading_refuses_bytes_that_changed_since(bundle: Path, policy: Policy, content: bytes) -> None:
    verified = verify(bundle, policy)
    (bundle / "README.md").write_bytes(content)
    with pytest.raises(ContentMismatchError, match=r"README\.md"):
        verified.read("README.md")


def test_reading_a_file_that_vanished_is_refused(bundle: Path, policy: Policy) -> None:
    verified = verify(bundle, policy)
    (bundle / "README.md").unlink()
    with pytest.raises(ContentMismatchError, match=r"README\.md"):
        verified.read("README.md")


def test_only_verified_files_can_be_read(bundle: Path, policy: Policy) -> None:
    verified = verify(bundle, policy)
    for path in ("../secret", "model.sig", "/etc/hostname"):
        with pytest.raises(UsageError):
            verified.read(path)


def test_verifying_imports_no_array_and_no_model_library(bundle: Path, key_folder: Path) -> None:
    script = (
        "import sys, mlpack\n"
        f"mlpack.verify({str(bundle)!r}, mlpack.Policy.from_key({str(key_folder / 'release.pub')!r}))\n"
        "bad = {'numpy', 'onnx', 'onnxruntime', 'sklearn', 'pandas', 'socket', 'ssl', 'urllib.request'}\n"
        "print(sorted(bad & set(sys.modules)))\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


class Parsed(Exception):  # noqa: N818  (nothing failed: it marks that a line was reached)
    """The documents of a bundle were parsed."""


def test_the_documents_of_a_stranger_are_not_parsed(
    bundle: Path, policy: Policy, other: KeySigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(*_: object) -> None:
        raise Parsed

    monkeypatch.setattr("mlpack.trust.verification.read_parts", parse)
    with pytest.raises(Parsed):
        verify(bundle, policy)
    with pytest.raises(UntrustedSignerError):
        verify(bundle, Policy.from_key(other.public_key))
    (bundle / "model.sig").unlink()
    with pytest.raises(SignatureInvalidError):
        verify(bundle, policy)


def test_changed_documents_are_not_parsed(
    bundle: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(*_: object) -> None:
        raise Parsed

    monkeypatch.setattr("mlpack.trust.verification.read_parts", parse)
    (bundle / "contract.json").write_bytes(b"{}")
    with pytest.raises(ContentMismatchError):
        verify(bundle, policy)
