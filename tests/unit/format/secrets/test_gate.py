"""The gate: what is refused, what an override lets through, and where that is recorded."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlpack.errors import SecretError, UsageError
from mlpack.format.opening import inspect
from mlpack.format.secrets.gate import ALLOWED, allowed_by, check_override, gate_bundle, gate_files
from mlpack.format.writer import assemble, write_bundle
from mlpack.trust.attesting import attest, countersign
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.signing import sign

MakeBundle = Callable[..., Path]
AWS = ("AKIA" + "Z7QHT2MNBVCXLKJ4").encode()
GOLDEN = Path(__file__).parents[3] / "conformance" / "golden"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> KeySigner:
    key, _ = generate_key(tmp_path_factory.mktemp("keys") / "release", password=None)
    return KeySigner.from_file(key)


def test_a_finding_is_refused_by_name() -> None:
    with pytest.raises(SecretError, match=r"aws-access-key:code/a\.py \(line 1\)") as caught:
        gate_files({"code/a.py": AWS}, ())
    assert "unsafe_allow" in caught.value.hint
    assert AWS.decode() not in str(caught.value)


def test_an_override_lets_that_one_through() -> None:
    gate_files({"code/a.py": AWS}, ("aws-access-key:code/a.py",))
    with pytest.raises(SecretError):
        gate_files({"code/a.py": AWS, "code/b.py": AWS}, ("aws-access-key:code/a.py",))


def test_an_override_for_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing of that kind"):
        gate_files({"code/a.py": b"x"}, ("aws-access-key:code/a.py",))


@pytest.mark.parametrize(
    "given", ["aws-access-key:a", ["a.py"], ["anything:a.py"], [3], None, ["private-key:"]]
)
def test_an_override_is_a_list_of_findings(given: object) -> None:
    with pytest.raises(UsageError):
        check_override(given)


@pytest.mark.parametrize("layout", ["archive", "directory"])
def test_a_bundle_with_a_secret_is_not_signed(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, layout: str
) -> None:
    path = make_bundle(tmp_path, layout=layout, more={"model/notes.txt": ("model", AWS)})
    with pytest.raises(SecretError, match="must not be signed"):
        sign(path, signer)
    assert not inspect(path).signed


def test_a_recorded_override_is_signed(tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner) -> None:
    path = make_bundle(tmp_path, more={"model/notes.txt": ("model", AWS)})
    opened = inspect(path)
    draft = dataclasses.replace(
        opened.manifest, annotations={ALLOWED: "aws-access-key:model/notes.txt"}, version="2.0.0"
    )
    parts = {name: (entry.role, opened.read(name)) for name, entry in opened.manifest.files.items()}
    target = tmp_path / "churn-2.0.0"
    write_bundle(assemble(draft, parts), target, layout="directory", overwrite=False)
    signed = sign(target, signer)
    assert signed.signed
    assert any("past the secrets gate" in warning for warning in signed.facts().warnings)
    assert allowed_by(signed.manifest.annotations) == ("aws-access-key:model/notes.txt",)


def test_a_value_of_this_environment_is_not_signed(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_bundle(tmp_path, more={"model/notes.txt": ("model", b"\0\1 s3cr3t-of-the-team \2")})
    sign(path, signer, output=tmp_path / "fine")
    monkeypatch.setenv("TEAM_TOKEN", "s3cr3t-of-the-team")
    with pytest.raises(SecretError, match="the value of TEAM_TOKEN"):
        sign(path, signer)
    with pytest.raises(SecretError):
        countersign(tmp_path / "fine", signer)


def test_a_statement_with_a_secret_is_not_signed(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner
) -> None:
    path = make_bundle(tmp_path)
    with pytest.raises(SecretError, match="aws-access-key:statement"):
        attest(path, {"note": AWS.decode()}, signer, type="https://example.com/note")
    attest(path, {"folder": "/home/runner/work"}, signer, type="https://example.com/note")


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/*")), ids=lambda path: path.name)
def test_no_false_alarm_in_golden_bundles(path: Path) -> None:
    if path.suffix not in (".json", ".yaml"):
        gate_bundle(inspect(path))


def test_golden_bundles_were_there_to_be_looked_at() -> None:
    assert json.loads(next(GOLDEN.glob("*/expected.json")).read_text())
