from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from mlpack.errors import FormatError, SigningError, StorageError, TargetExistsError, UsageError
from mlpack.format.opening import inspect
from mlpack.trust.envelope import parse_envelope
from mlpack.trust.keys import KeySigner, PublicKey
from mlpack.trust.oms import parse_statement
from mlpack.trust.policy import Policy
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]
Layout = Literal["archive", "directory"]
LAYOUTS = ("archive", "directory")


def snapshot(path: Path) -> dict[str, bytes]:
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_signing_adds_one_file_and_keeps_the_digest(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, layout: Layout
) -> None:
    path = make_bundle(tmp_path, layout=layout)
    before = inspect(path)
    signed = sign(path, signer)
    assert (signed.signed, signed.digest, signed.checksums) == (True, before.digest, before.checksums)
    assert signed == inspect(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name], "nothing is left beside it"


def test_the_statement_covers_every_listed_file_and_the_list(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner
) -> None:
    path = make_bundle(tmp_path)
    signed = sign(path, signer)
    statement = parse_statement(parse_envelope((path / "model.sig").read_bytes()).payload)
    assert statement.subject == "churn-1.2.0"
    assert statement.resources == {
        **signed.checksums,
        "SHA256SUMS": signed.digest.removeprefix("bundle:sha256:"),
    }


def test_a_bundle_that_was_opened_can_be_signed(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, public: PublicKey
) -> None:
    signed = sign(inspect(make_bundle(tmp_path)), signer)
    assert verify(signed, Policy.from_key(public)).digest == signed.digest


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_signature_is_not_replaced_by_accident(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, other: KeySigner, layout: Layout
) -> None:
    path = make_bundle(tmp_path, layout=layout)
    sign(path, signer)
    before = snapshot(path)
    with pytest.raises(TargetExistsError, match="signed already"):
        sign(path, other)
    assert snapshot(path) == before


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_signature_is_replaced_on_request(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, other: KeySigner, layout: Layout
) -> None:
    path = make_bundle(tmp_path, layout=layout)
    sign(path, signer)
    assert sign(path, other, overwrite=True) == inspect(path)
    assert verify(path, Policy.from_key(other.public_key)).signer is not None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_output_leaves_the_original_alone(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, public: PublicKey, layout: Layout
) -> None:
    path = make_bundle(tmp_path, layout=layout)
    before = snapshot(path)
    signed = sign(path, signer, output=tmp_path / "out" / path.name)
    assert snapshot(path) == before
    assert signed.path == tmp_path / "out" / path.name
    assert verify(signed, Policy.from_key(public)).digest == signed.digest


def test_an_existing_output_is_refused(tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner) -> None:
    path = make_bundle(tmp_path, layout="archive")
    (tmp_path / "out.mlpack").write_text("precious")
    with pytest.raises(TargetExistsError):
        sign(path, signer, output=tmp_path / "out.mlpack")
    assert (tmp_path / "out.mlpack").read_text() == "precious"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_bundle_that_is_not_intact_is_not_signed(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, layout: Layout
) -> None:
    path = make_bundle(tmp_path, layout=layout)
    target = path if path.is_file() else path / "model/model.onnx"
    target.write_bytes(target.read_bytes().replace(b"really", b"REALLY"))
    before = snapshot(path)
    with pytest.raises(FormatError, match=r"model/model\.onnx"):
        sign(path, signer)
    assert snapshot(path) == before


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_signer_that_fails_leaves_the_bundle_as_it_was(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, layout: Layout
) -> None:
    class Refusing:
        public_key = signer.public_key

        def sign(self, _: bytes) -> bytes:
            raise SigningError("the key service says no")

    path = make_bundle(tmp_path, layout=layout)
    before = snapshot(path)
    with pytest.raises(SigningError):
        sign(path, Refusing())
    assert snapshot(path) == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_link_to_an_archive_stays_a_link(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner
) -> None:
    path = make_bundle(tmp_path / "store", layout="archive")
    link = tmp_path / "current.mlpack"
    link.symlink_to(path)
    sign(link, signer)
    assert link.is_symlink()
    assert inspect(path).signed


def test_a_missing_bundle_is_a_storage_error(tmp_path: Path, signer: KeySigner) -> None:
    with pytest.raises(StorageError):
        sign(tmp_path / "none.mlpack", signer)


def test_something_else_is_a_usage_error(signer: KeySigner) -> None:
    with pytest.raises(UsageError, match="int"):
        sign(7, signer)  # type: ignore[arg-type]


def test_the_signature_names_the_key_as_oms_does(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, public: PublicKey
) -> None:
    path = make_bundle(tmp_path)
    sign(path, signer)
    document = json.loads((path / "model.sig").read_bytes())
    assert document["verificationMaterial"]["publicKey"]["hint"] == public.hint
