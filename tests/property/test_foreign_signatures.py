"""Whatever a signature file, a trusted root or a statement holds, nothing but a refusal comes of it."""

from __future__ import annotations

import base64
import copy
import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlpack.errors import PolicyError, VerificationError
from mlpack.trust import verify_signature
from mlpack.trust.accepting import accept_signer
from mlpack.trust.certificates import Roots
from mlpack.trust.envelope import parse_envelope
from mlpack.trust.proof.certificate import parse_certificate
from mlpack.trust.proof.signature import parse_signature
from mlpack.trust.proof.timestamp import stamped_times
from mlpack.trust.signer_rules import SignerRule
from mlpack.trust.trusted_root import TrustedRoot

SIGNATURES = Path(__file__).parents[1] / "conformance" / "signatures"
DATA = SIGNATURES / "data"
BASES = (
    "files",
    "files-shards",
    "keyless",
    "keyless-v0.1",
    "tiles",
    "chain",
    "message-logged-in-tiles",
    "statement-P-256",
)
ARGUMENTS: dict[str, dict[str, Any]] = {
    row["name"]: row for row in json.loads((DATA / "cases.json").read_bytes())
}
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the vectors with the name that no repository can hold."""
    folder = tmp_path_factory.mktemp("fuzz") / "data"
    shutil.copytree(DATA, folder)
    (folder / "model/sub/dot-git").rename(folder / "model/sub/.git")
    return folder


@pytest.fixture(scope="module")
def rules() -> list[SignerRule]:
    """Return what a policy would say of the signers of two vectors."""
    who = ARGUMENTS["keyless-folder"]
    keyless = SignerRule(
        name="keyless-folder",
        identity=who["certificate_identity"],
        issuer=who["certificate_oidc_issuer"],
        trusted_root=TrustedRoot.from_file(DATA / "trusted_root.json"),
    )
    roots = Roots(pem=(DATA / "keys" / "root.pem").read_text(encoding="ascii"))
    return [keyless, SignerRule(name="chain", roots=roots, subject="signer")]


@pytest.mark.parametrize("name", ["keyless-folder", "chain"])
def test_unchanged_they_are_accepted(name: str, rules: list[SignerRule]) -> None:
    envelope = parse_envelope((DATA / f"{name}.sig").read_bytes())
    assert accept_signer(envelope, rules).name == name


def _verify(name: str, data: bytes, folder: Path) -> None:
    """Verify `data` as the case `name` says."""
    row = ARGUMENTS[name]
    arguments = {key: value for key, value in row.items() if key not in ("name", "code", "path")}
    for key in ("key", "trusted_root"):
        if key in arguments:
            arguments[key] = folder / arguments[key]
    if "certificate_roots" in arguments:
        arguments["certificate_roots"] = [folder / each for each in arguments["certificate_roots"]]
    (folder / "sig").write_bytes(data)
    verify_signature(folder / row["path"], signature=folder / "sig", **arguments)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    found = [path] if path else []
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in children:
        found += _places(inner, (*path, key))
    return found


@QUICK
@given(name=st.sampled_from(BASES), data=st.data())
def test_a_changed_member(name: str, data: st.DataObject, place: Path) -> None:
    document = json.loads((DATA / f"{name}.sig").read_bytes())
    way = data.draw(st.sampled_from(_places(document)))
    at = document
    for key in way[:-1]:
        at = at[key]
    original = copy.deepcopy(at[way[-1]])
    at[way[-1]] = data.draw(json_values)
    try:
        _verify(name, json.dumps(document).encode(), place)
    except VerificationError:
        return
    # Members that are hints, or that say nothing when they are absent or empty, may change.
    hint = way[-1] in ("hint", "keyid", "publicKey", "logIndex", "messageDigest", "tlogEntries")
    quiet = at[way[-1]] in (None, [], {}) or at[way[-1]] == original or str(at[way[-1]]) == original
    assert hint or quiet, way


@QUICK
@given(name=st.sampled_from(("keyless-folder", "chain")), data=st.data())
def test_a_changed_member_of_a_bundle_s_signature(
    name: str, data: st.DataObject, rules: list[SignerRule]
) -> None:
    document = json.loads((DATA / f"{name}.sig").read_bytes())
    payload = document["dsseEnvelope"]["payload"]
    way = data.draw(st.sampled_from(_places(document)))
    at = document
    for key in way[:-1]:
        at = at[key]
    at[way[-1]] = data.draw(json_values)
    try:
        envelope = parse_envelope(json.dumps(document).encode())
        signer = accept_signer(envelope, rules)
    except VerificationError:
        return
    assert signer.name == name
    assert base64.b64encode(envelope.payload).decode() == payload


@QUICK
@given(name=st.sampled_from(BASES), data=st.data())
def test_a_changed_byte(name: str, data: st.DataObject, place: Path) -> None:
    content = bytearray((DATA / f"{name}.sig").read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        _verify(name, bytes(content), place)
    except VerificationError:
        return


@QUICK
@given(st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_anything_as_a_signature(data: bytes) -> None:
    with pytest.raises(VerificationError):
        parse_signature(data)


@QUICK
@given(st.data())
def test_anything_in_a_trusted_root(data: st.DataObject) -> None:
    document = json.loads((DATA / "trusted_root.json").read_bytes())
    way = data.draw(st.sampled_from(_places(document)))
    at = document
    for key in way[:-1]:
        at = at[key]
    at[way[-1]] = data.draw(json_values)
    try:
        TrustedRoot(text=json.dumps(document))
    except PolicyError:
        return


@QUICK
@given(st.data())
def test_a_changed_byte_in_a_certificate_or_timestamp(data: st.DataObject) -> None:
    paper = runpy.run_path(str(SIGNATURES / "paper_sigstore.py"))
    clocks = TrustedRoot(text=json.dumps(paper["trusted_root"]())).anchors.clocks
    for content, read in (
        (paper["der"](paper["keyless"](paper["LOG"])), parse_certificate),
        (paper["timestamp"](b"x"), lambda token: stamped_times([token], b"x", clocks)),
    ):
        changed = bytearray(content)
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        try:
            read(bytes(changed))
        except VerificationError:
            continue


@QUICK
@given(statement=json_values, member=st.sampled_from(("subject", "predicate", "_type", "predicateType", "")))
def test_anything_in_a_signed_statement(
    statement: Any,  # noqa: ANN401
    member: str,
    place: Path,
) -> None:
    vectors = _vectors()
    document = vectors["statement"]()
    if member:
        document[member] = statement
    signed = vectors["by_key"](json.dumps(document if member else statement).encode())
    with pytest.raises(VerificationError):
        _verify("files", json.dumps(signed).encode(), place)


_LOADED: dict[str, Any] = {}


def _vectors() -> dict[str, Any]:
    if not _LOADED:
        _LOADED.update(runpy.run_path(str(SIGNATURES / "make.py")))
    return _LOADED
