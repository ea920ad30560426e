"""What is loaded is what was verified, whoever writes to the bundle meanwhile; nothing in it is executed."""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from onnx import TensorProto, helper

from mlpack.delivery.artifacts import push
from mlpack.errors import (
    ContentMismatchError,
    FormatError,
    MlpackError,
    PolicyViolationError,
    StorageError,
    VerificationError,
)
from mlpack.format.opening import inspect
from mlpack.format.tree import ArchiveTree, DirectoryTree
from mlpack.runtime.loading import load
from mlpack.runtime.notices import UnsignedWarning
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.policy import UNSIGNED, Policy
from mlpack.trust.signer_rules import SignerRule
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]
Layout = Literal["directory", "archive"]
MODEL = "model/model.onnx"


def threshold_model(threshold: float) -> bytes:
    """Label 1 where age is above the threshold; all thresholds give models of one length."""
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Constant", [], ["t"], value_float=threshold),
            node("Constant", [], ["axis"], value_ints=[1]),
            node("Cast", ["t"], ["double"], to=TensorProto.DOUBLE),
            node("Greater", ["age", "double"], ["above"]),
            node("Cast", ["above"], ["column"], to=TensorProto.INT64),
            node("Squeeze", ["column", "axis"], ["label"]),
        ],
        "g",
        [helper.make_tensor_value_info("age", TensorProto.DOUBLE, [None, 1])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, [None])],
    )
    opsets = [helper.make_opsetid("", 18)]
    data: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return data


GOOD, EVIL = threshold_model(1.0), threshold_model(0.25)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    private, _ = generate_key(tmp_path_factory.mktemp("key") / "release")
    return private


@pytest.fixture(params=["directory", "archive"])
def bundle(request: pytest.FixtureRequest, tmp_path: Path, make_bundle: MakeBundle, key: Path) -> Path:
    layout: Layout = request.param
    path = make_bundle(tmp_path, layout=layout, more={MODEL: ("model", GOOD)})
    sign(path, KeySigner.from_file(key))
    return path


@pytest.fixture
def policy(key: Path) -> Policy:
    return Policy.from_key(key.with_suffix(".pub"))


def swap(bundle: Path) -> None:
    """Write another model over the verified one, as whoever can write to the place would."""
    if bundle.is_dir():
        (bundle / MODEL).write_bytes(EVIL)
    else:
        data = bundle.read_bytes()
        assert data.count(GOOD) == 1
        bundle.write_bytes(data.replace(GOOD, EVIL))


def test_a_swap_between_verify_and_load_is_refused(bundle: Path, policy: Policy) -> None:
    verified = verify(bundle, policy)
    swap(bundle)
    with pytest.raises(ContentMismatchError, match="changed"):
        load(verified)


def test_a_bundle_that_is_gone_by_load_is_refused(bundle: Path, policy: Policy) -> None:
    verified = verify(bundle, policy)
    bundle.rename(bundle.with_name("elsewhere"))
    with pytest.raises(StorageError):
        load(verified)


def test_a_swap_after_load_changes_no_prediction(bundle: Path, policy: Policy) -> None:
    model = load(bundle, policy=policy)
    swap(bundle)
    assert model.predict([[0.5], [1.5]]).tolist() == [0, 1]


@pytest.mark.parametrize("tree", [DirectoryTree, ArchiveTree])
def test_a_swap_between_hashing_and_loading_is_refused(
    bundle: Path, policy: Policy, tree: type[DirectoryTree | ArchiveTree], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = tree.digest

    def swapping(self: DirectoryTree & ArchiveTree, path: str) -> str:  # type: ignore[valid-type]
        found = digest(self, path)
        if path == MODEL:
            swap(bundle)
        return found

    monkeypatch.setattr(tree, "digest", swapping)
    if bundle.is_dir() != (tree is DirectoryTree):
        load(bundle, policy=policy)
        return
    with pytest.raises(MlpackError, match="changed"):
        load(bundle, policy=policy)


def test_evidence_that_was_swapped_in_between_is_refused(
    tmp_path: Path, make_bundle: MakeBundle, policy: Policy, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_bundle(tmp_path, more={MODEL: ("model", GOOD)})
    sign(path, KeySigner.from_file(key))
    parity = path / "evidence/parity.json"
    digest = DirectoryTree.digest

    def swapping(self: DirectoryTree, name: str) -> str:
        found = digest(self, name)
        if name == "evidence/parity.json":
            parity.write_bytes(parity.read_bytes().replace(b"emitter", b"convert"))
        return found

    monkeypatch.setattr(DirectoryTree, "digest", swapping)
    with pytest.raises(VerificationError, match="changed while it was read"):
        verify(path, policy)


# -------------------------------------------------------------------------------------- code in a bundle


@pytest.fixture
def trap(tmp_path: Path, make_bundle: MakeBundle, key: Path) -> Path:
    """A bundle whose every file that Python could run leaves a mark."""
    mark = tmp_path / "ran"
    code = f"open({str(mark)!r}, 'w').close()\n".encode()
    more = {
        MODEL: ("model", GOOD),
        "code/__init__.py": ("code", code),
        "code/steps.py": ("code", code),
        "code/sitecustomize.py": ("code", code),
        "code/evil.pth": ("code", b"import os; " + code),
    }
    path = make_bundle(tmp_path, more=more)
    sign(path, KeySigner.from_file(key))
    return path


def test_a_bundle_with_code_is_refused(trap: Path, policy: Policy) -> None:
    with pytest.raises(PolicyViolationError, match="code/"):
        load(trap, policy=policy)


def test_code_is_never_executed_even_where_it_is_allowed(trap: Path, key: Path) -> None:
    from mlpack.trust.policy import SignerRule

    public = KeySigner.from_file(key).public_key
    allowing = Policy(id="p", signers=(SignerRule(name="release", key=public),), allow_code=("release",))
    before = list(sys.path)
    inspect(trap)
    assert load(trap, policy=allowing).predict([[1.5]]).tolist() == [1]
    with pytest.warns(UnsignedWarning):
        load(trap, policy=UNSIGNED)
    assert sys.path == before
    assert not (trap.parent / "ran").exists()


# ------------------------------------------------------------------------------------- one story, also here


def contradict(make_bundle: MakeBundle, folder: Path, key: Path) -> Path:
    """Sign a bundle whose parity evidence contradicts its manifest, which no honest packer makes."""
    from mlpack.format.checksums import parse_checksums
    from mlpack.trust.envelope import seal
    from mlpack.trust.oms import build_statement

    clean = make_bundle(folder / "clean")
    parity = (clean / "evidence/parity.json").read_bytes().replace(b'"threads": 1', b'"threads": 2')
    path = make_bundle(folder / "odd", more={"evidence/parity.json": ("parity", parity)})
    sums = (path / "SHA256SUMS").read_bytes()
    listed = {**parse_checksums(sums), "SHA256SUMS": hashlib.sha256(sums).hexdigest()}
    signature = seal(build_statement("churn-1.2.0", listed), KeySigner.from_file(key))
    (path / "model.sig").write_bytes(signature)
    return path


def test_a_signed_bundle_that_contradicts_itself_is_refused(
    tmp_path: Path, make_bundle: MakeBundle, key: Path, policy: Policy
) -> None:
    path = contradict(make_bundle, tmp_path, key)
    with pytest.raises(FormatError):
        inspect(path)
    with pytest.raises(ContentMismatchError, match="measured with 2"):
        verify(path, policy)


def test_a_pinned_bundle_that_contradicts_itself_is_refused(
    tmp_path: Path, make_bundle: MakeBundle, key: Path
) -> None:
    from mlpack.format.checksums import bundle_digest

    path = contradict(make_bundle, tmp_path, key)
    with pytest.raises(ContentMismatchError, match="measured with 2"):
        verify(path, Policy.from_digest(bundle_digest((path / "SHA256SUMS").read_bytes())))


def test_no_document_is_parsed_for_a_stranger(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, stranger = generate_key(tmp_path / "stranger")

    def parse(*_: object) -> None:
        raise AssertionError("documents of a bundle that nobody vouches for were parsed")

    monkeypatch.setattr("mlpack.trust.verification.read_parts", parse)
    with pytest.raises(VerificationError):
        verify(bundle, Policy.from_key(stranger))


def test_a_server_that_starts_again_is_not_asked_about_the_clock(bundle: Path, key: Path) -> None:
    signer = SignerRule(name="key", key=KeySigner.from_file(key).public_key)
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    admission = Policy(id="x", signers=(signer,), expires=past)
    with pytest.raises(PolicyViolationError, match="expired"):
        load(bundle, policy=admission)
    assert load(bundle, policy=admission, moment="start").predict([[2.0]]).tolist() == [1]
    with pytest.raises(PolicyViolationError, match="expired"):
        load(
            bundle,
            policy=Policy(id="x", signers=(signer,), expires=past, expires_when="both"),
            moment="start",
        )
    with pytest.raises(PolicyViolationError, match="another"):
        load(bundle, policy=Policy(id="x", signers=(signer,), name="another"), moment="start")


def test_a_model_is_loaded_out_of_a_layout(bundle: Path, policy: Policy, tmp_path: Path) -> None:
    push(bundle, f"oci:{tmp_path}/store:1.0")
    assert load(f"oci:{tmp_path}/store:1.0", policy=policy).predict([[2.0], [0.5]]).tolist() == [1, 0]


def test_a_layout_that_changes_after_verifying_gives_the_verified_bytes_or_nothing(
    bundle: Path, policy: Policy, tmp_path: Path, make_bundle: MakeBundle, key: Path
) -> None:
    verified = verify(push_to(tmp_path, bundle), policy)
    # The tag now names another bundle, and a signed one.
    (tmp_path / "evil").mkdir()
    evil = make_bundle(tmp_path / "evil", more={MODEL: ("model", EVIL)})
    sign(evil, KeySigner.from_file(key))
    push(evil, f"oci:{tmp_path}/store:1.0", overwrite=True)
    assert load(verified).predict([[0.5]]).tolist() == [0]
    # And now the very blob has other bytes of the same length.
    for blob in (tmp_path / "store/blobs/sha256").iterdir():
        blob.write_bytes(blob.read_bytes().replace(GOOD, EVIL))
    with pytest.raises(ContentMismatchError):
        load(verified)


def push_to(tmp_path: Path, bundle: Path) -> str:
    return push(bundle, f"oci:{tmp_path}/store:1.0").reference
