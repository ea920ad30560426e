"""The gate against known vulnerabilities: what it finds, and what it does not take for clean."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.verdicts import DAY, NOW, NUMPY, refusal

from mlpack.errors import (
    VerificationError,
)
from mlpack.trust.attesting import attest
from mlpack.trust.keys import KeySigner
from mlpack.trust.policy import Policy
from mlpack.trust.rules import (
    Accepted,
    Vulnerabilities,
)
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


def record(identifier: str = "PYSEC-1", *, modified: dt.datetime = NOW, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    affected = {
        "package": {"ecosystem": "PyPI", "name": "NumPy"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.5"}]}],
    }
    return {"id": identifier, "modified": modified.isoformat(), "affected": [affected], **changes}


def affected(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    entry: dict[str, Any] = {"package": {"ecosystem": "PyPI", "name": "numpy"}, **changes}
    return record(affected=[entry])


HARMLESS = record(
    "PYSEC-0", affected=[{"package": {"ecosystem": "PyPI", "name": "other"}, "versions": ["1"]}]
)


@pytest.fixture
def database(tmp_path: Path) -> Callable[..., Path]:
    def make(*records: dict[str, Any]) -> Path:
        folder = tmp_path / "osv"
        folder.mkdir()
        for item in records:
            (folder / f"{item['id']}.json").write_text(json.dumps(item))
        return folder

    return make


def gate(path: Path, **changes: Any) -> Vulnerabilities:  # noqa: ANN401
    return Vulnerabilities(database=path, **{"maximum_age": 7, **changes})


def verdict(path: Path, policy: Policy, rule: Vulnerabilities) -> tuple[str, str]:
    try:
        results = [
            result.row for result in verify(path, dataclasses.replace(policy, vulnerabilities=rule)).rules
        ]
    except VerificationError as error:
        results = list(error.verdict)
    return next((row[1], row[2]) for row in results if row[0] == "vulnerabilities")


def test_a_clean_bundle_passes_and_says_by_which_database(
    bundle: Path, policy: Policy, database: Callable[..., Path]
) -> None:
    found, why = verdict(bundle, policy, gate(database(HARMLESS)))
    assert found == "pass"
    assert NOW.date().isoformat() in why
    assert "file:sha256:" in why
    assert "1 components assessed" in why


def test_a_zip_is_read_too_and_named_by_its_own_hash(bundle: Path, policy: Policy, tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("PYSEC-1.json", json.dumps(record()))
    found, why = verdict(bundle, policy, gate(path))
    assert found == "fail"
    assert hashlib.sha256(path.read_bytes()).hexdigest() in why


RANGES = [
    ([{"introduced": "0"}, {"fixed": "2.4.0"}], "pass"),
    ([{"introduced": "0"}, {"fixed": "2.4.1"}], "fail"),
    ([{"introduced": "2.4.0"}], "fail"),
    ([{"introduced": "2.4.1"}], "pass"),
    ([{"introduced": "0"}, {"last_affected": "2.4.0"}], "fail"),
    ([{"introduced": "0"}, {"last_affected": "2.3.9"}], "pass"),
    ([{"fixed": "2.0"}, {"introduced": "0"}, {"introduced": "2.3"}, {"fixed": "3"}], "fail"),
    ([{"introduced": "nonsense"}], "not assessed"),
]


@pytest.mark.parametrize(("events", "expected"), RANGES)
def test_ranges(
    bundle: Path, policy: Policy, database: Callable[..., Path], events: list[Any], expected: str
) -> None:
    folder = database(affected(ranges=[{"type": "ECOSYSTEM", "events": events}]))
    assert verdict(bundle, policy, gate(folder))[0] == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"versions": ["2.4"]}, "fail"),
        ({"versions": ["2.4.1"]}, "pass"),
        ({"ranges": [{"type": "GIT", "events": []}]}, "not assessed"),
        ({"versions": ["1.0"], "ranges": [{"type": "GIT", "events": []}]}, "pass"),
        ({"versions": 3}, "not assessed"),
        ({"ranges": [{"events": []}]}, "not assessed"),
    ],
)
def test_other_ways_to_name_versions(
    bundle: Path, policy: Policy, database: Callable[..., Path], entry: dict[str, Any], expected: str
) -> None:
    assert verdict(bundle, policy, gate(database(affected(**entry))))[0] == expected


def test_a_withdrawn_record_says_nothing(bundle: Path, policy: Policy, database: Callable[..., Path]) -> None:
    assert verdict(bundle, policy, gate(database(record(withdrawn=NOW.isoformat()))))[0] == "pass"


def test_an_old_database_is_not_believed(bundle: Path, policy: Policy, database: Callable[..., Path]) -> None:
    folder = database({**HARMLESS, "modified": (NOW - 8 * DAY).isoformat()})
    found, why = verdict(bundle, policy, gate(folder))
    assert (found, "older than 7" in why) == ("not assessed", True)
    assert "not assessed" in refusal(bundle, policy, vulnerabilities=gate(folder))


def test_an_old_database_does_not_stop_a_restart(
    bundle: Path, policy: Policy, database: Callable[..., Path]
) -> None:
    folder = database({**HARMLESS, "modified": (NOW - 8 * DAY).isoformat()})
    verify(bundle, dataclasses.replace(policy, vulnerabilities=gate(folder)), moment="start")


def test_a_database_from_the_future_is_not_believed(
    bundle: Path, policy: Policy, database: Callable[..., Path]
) -> None:
    folder = database({**HARMLESS, "modified": (NOW + 30 * DAY).isoformat()})
    assert "future" in verdict(bundle, policy, gate(folder))[1]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04junk", None])
def test_an_unusable_database_is_not_a_clean_result(
    bundle: Path, policy: Policy, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "all.zip"
    if content is not None:
        path.write_bytes(content)
    assert verdict(bundle, policy, gate(path))[0] == "not assessed"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"id": "x"}', '{"id": "x", "modified": "2026-01-01"}'])
def test_an_unusable_record_is_not_a_clean_result(
    bundle: Path, policy: Policy, database: Callable[..., Path], text: str
) -> None:
    folder = database(HARMLESS)
    (folder / "bad.json").write_text(text)
    assert verdict(bundle, policy, gate(folder))[0] == "not assessed"


def test_an_empty_database_is_not_a_clean_result(
    bundle: Path, policy: Policy, database: Callable[..., Path]
) -> None:
    assert "no record about PyPI" in verdict(bundle, policy, gate(database()))[1]


def test_a_component_without_ecosystem_is_not_assessed(
    with_bom: Callable[..., Path], policy: Policy, database: Callable[..., Path]
) -> None:
    path = with_bom(NUMPY, {"type": "file", "name": "libopenblas.so"})
    folder = database(HARMLESS)
    assert verdict(path, policy, gate(folder))[0] == "not assessed"
    assert verdict(path, policy, gate(folder, unassessed=("lib*.so",)))[0] == "pass"


def test_a_waiver_does_not_hide_a_known_vulnerability(
    bundle: Path, policy: Policy, database: Callable[..., Path]
) -> None:
    assert verdict(bundle, policy, gate(database(record()), unassessed=("*",)))[0] == "fail"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [({"severity": "HIGH"}, "fail"), ({"severity": "MODERATE"}, "pass"), ({}, "fail"), (None, "fail")],
)
def test_severity(
    bundle: Path, policy: Policy, database: Callable[..., Path], stated: object, expected: str
) -> None:
    folder = database(record(database_specific=stated))
    assert verdict(bundle, policy, gate(folder, severity="high"))[0] == expected


def test_an_accepted_vulnerability_passes_until_its_day(
    bundle: Path, policy: Policy, database: Callable[..., Path]
) -> None:
    folder = database(record(aliases=["CVE-1"]))
    now_fine = Accepted(id="CVE-1", reason="not reachable", until=NOW + DAY)
    over = Accepted(id="CVE-1", reason="not reachable", until=NOW - DAY)
    assert verdict(bundle, policy, gate(folder, accept=(now_fine,)))[0] == "pass"
    assert verdict(bundle, policy, gate(folder, accept=(over,)))[0] == "fail"


def vex(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    analysis = {"state": "not_affected", "justification": "code_not_reachable"}
    entry = {"id": "PYSEC-1", "affects": [{"ref": "numpy"}], "analysis": analysis}
    return {
        "bomFormat": "CycloneDX",
        "metadata": {"timestamp": NOW.isoformat()},
        "vulnerabilities": [{**entry, **changes}],
    }


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (vex(), "pass"),
        (vex(affects=[{"ref": "pkg:pypi/numpy@2.4.0"}]), "pass"),
        (vex(affects=[{"ref": "scipy"}]), "fail"),
        (vex(id="PYSEC-2"), "fail"),
        (vex(analysis={"state": "not_affected"}), "fail"),
        (vex(analysis={"state": "exploitable"}), "fail"),
        (vex(analysis={"state": "false_positive"}), "pass"),
        (vex(analysis={"state": ["resolved"]}), "fail"),
        ({**vex(), "metadata": {"timestamp": (NOW - 100 * DAY).isoformat()}}, "fail"),
        ({**vex(), "metadata": {"timestamp": (NOW + 100 * DAY).isoformat()}}, "fail"),
        ({**vex(), "metadata": {}}, "fail"),
        ({**vex(), "vulnerabilities": "x"}, "fail"),
    ],
)
def test_vex(
    *,
    with_bom: Callable[..., Path],
    policy: Policy,
    database: Callable[..., Path],
    other: KeySigner,
    document: dict[str, Any],
    expected: str,
) -> None:
    path = with_bom(NUMPY)
    attest(path, document, other, type="cyclonedx")
    assert verdict(path, policy, gate(database(record()), vex=("other",)))[0] == expected


def test_vex_by_somebody_else_clears_nothing(
    with_bom: Callable[..., Path], policy: Policy, database: Callable[..., Path], signer: KeySigner
) -> None:
    path = with_bom(NUMPY)
    attest(path, vex(), signer, type="cyclonedx")
    assert verdict(path, policy, gate(database(record()), vex=("other",)))[0] == "fail"


def test_a_zip_that_is_no_database_says_so(bundle: Path, policy: Policy, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    path = tmp_path / "all.zip"
    path.write_bytes(buffer.getvalue())
    assert "no record about PyPI" in verdict(bundle, policy, gate(path))[1]
