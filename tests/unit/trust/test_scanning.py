"""`mlpack scan`: three answers, of which one alone is clean."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.verdicts import DAY, NOW, NUMPY

from mlpack._cli.main import main
from mlpack.errors import FormatError, StorageError
from mlpack.trust.osv import record_hits
from mlpack.trust.rules import Vulnerabilities
from mlpack.trust.scanning import ScanReport, scan

MakeBundle = Callable[..., Path]
OTHER = {"type": "library", "name": "zlib", "version": "1.3", "bom-ref": "zlib"}


def osv(
    events: list[dict[str, str]],
    *,
    name: str = "numpy",
    modified: dt.datetime = NOW,
    **more: Any,  # noqa: ANN401
) -> dict[str, Any]:
    entry = {
        "package": {"ecosystem": "PyPI", "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return {"id": "PYSEC-1", "modified": modified.isoformat(), "affected": [entry], **more}


FIXED_EARLIER = osv([{"introduced": "0"}, {"fixed": "2.0"}])
AFFECTED = osv([{"introduced": "0"}, {"fixed": "9.9"}], aliases=["CVE-1"])


@pytest.fixture
def database(tmp_path: Path) -> Callable[..., Path]:
    def write(*records: dict[str, Any]) -> Path:
        folder = tmp_path / "osv"
        folder.mkdir()
        for number, record in enumerate(records):
            (folder / f"{number}.json").write_text(json.dumps(record))
        return folder

    return write


@pytest.fixture
def bom(tmp_path: Path) -> Callable[..., Path]:
    def write(*components: dict[str, Any], **more: Any) -> Path:  # noqa: ANN401
        path = tmp_path / f"bom{len(list(tmp_path.iterdir()))}.cdx.json"
        path.write_text(json.dumps({"bomFormat": "CycloneDX", "components": components, **more}))
        return path

    return write


def scanned(path: Path, database: Path, *vex: Path, **changes: Any) -> ScanReport:  # noqa: ANN401
    rule = Vulnerabilities(**{"database": database, "maximum_age": 7, **changes})
    return scan(path, rule, vex=vex, now=NOW)


def test_not_affected(bom: Callable[..., Path], database: Callable[..., Path]) -> None:
    assert scanned(bom(NUMPY), database(FIXED_EARLIER)).answer == "not affected"


def test_affected_names_the_fix(bom: Callable[..., Path], database: Callable[..., Path]) -> None:
    report = scanned(bom(NUMPY), database(AFFECTED))
    assert report.answer == "affected"
    (finding,) = report.assessment.answers[0].open
    assert (finding.id, finding.aliases, finding.fixed) == ("PYSEC-1", ("CVE-1",), ("9.9",))


def test_what_has_no_package_url_is_not_assessed(
    bom: Callable[..., Path], database: Callable[..., Path]
) -> None:
    report = scanned(bom(NUMPY, OTHER), database(FIXED_EARLIER))
    assert report.answer == "not assessed"
    assert "NOT ASSESSED" in report.facts().title


def test_affected_outweighs_not_assessed(bom: Callable[..., Path], database: Callable[..., Path]) -> None:
    assert scanned(bom(NUMPY, OTHER), database(AFFECTED)).answer == "affected"


def test_a_waiver_is_shown(bom: Callable[..., Path], database: Callable[..., Path]) -> None:
    report = scanned(bom(NUMPY, OTHER), database(FIXED_EARLIER), unassessed=("zl*",))
    assert report.answer == "not affected"
    assert ("accepted without", "1 component(s)", "warning") in report.facts().sections[0].pairs


def test_an_old_database_assesses_nothing(bom: Callable[..., Path], database: Callable[..., Path]) -> None:
    old = osv([{"introduced": "9.8"}], modified=NOW - 30 * DAY)
    report = scanned(bom(NUMPY), database(old))
    assert report.answer == "not assessed"
    assert report.facts().warnings == ("NOT ASSESSED: the database is older than 7 day(s)",)


def test_a_database_that_cannot_be_read_is_not_clean(bom: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(b"PK but nothing more")
    assert scanned(bom(NUMPY), tmp_path / "all.zip").answer == "not assessed"


def test_a_database_that_is_not_there_is_an_error(bom: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        scanned(bom(NUMPY), tmp_path / "missing.zip")
    assert main(["scan", str(bom(NUMPY)), "--database", str(tmp_path / "missing.zip")]) == 1


def test_an_empty_bom_is_not_clean(bom: Callable[..., Path], database: Callable[..., Path]) -> None:
    assert scanned(bom(), database(FIXED_EARLIER)).answer == "not assessed"


def test_date_and_digest_of_the_database_are_recorded(
    bom: Callable[..., Path], database: Callable[..., Path]
) -> None:
    pairs = dict(pair[:2] for pair in scanned(bom(NUMPY), database(AFFECTED)).facts().sections[0].pairs)
    assert pairs["database digest"].startswith("file:sha256:")
    assert pairs["database date"] == NOW.isoformat()


def vex(bom: Callable[..., Path], **metadata: str) -> Path:
    statement = {
        "id": "CVE-1",
        "affects": [{"ref": NUMPY["purl"]}],
        "analysis": {"state": "not_affected", "justification": "code_not_reachable"},
    }
    return bom(vulnerabilities=[statement], metadata=metadata)


def test_vex_clears_and_is_named(bom: Callable[..., Path], database: Callable[..., Path]) -> None:
    statement = vex(bom, timestamp=NOW.isoformat())
    report = scanned(bom(NUMPY), database(AFFECTED), statement)
    assert report.answer == "not affected"
    assert report.assessment.answers[0].findings[0].cleared == f"VEX, {statement.name}"


def test_vex_without_a_time_is_an_error(bom: Callable[..., Path], database: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match="states no time"):
        scanned(bom(NUMPY), database(AFFECTED), vex(bom))


def test_vex_that_is_missing_is_an_error(bom: Callable[..., Path], database: Callable[..., Path]) -> None:
    with pytest.raises(StorageError):
        scanned(bom(NUMPY), database(AFFECTED), Path("missing.json"))


def test_a_locked_package_that_the_bom_forgot_is_looked_at(
    tmp_path: Path, make_bundle: MakeBundle, database: Callable[..., Path]
) -> None:
    report = scanned(make_bundle(tmp_path), database(AFFECTED))
    assert report.answer == "affected"
    assert report.subject.startswith("bundle:sha256:")


@pytest.mark.parametrize(
    ("events", "version", "expected"),
    [
        ([{"introduced": "0"}, {"last_affected": "2.9.0"}], "2.9.0+cpu", True),
        ([{"introduced": "0"}, {"fixed": "2.9.0"}], "2.9.0+cu128", False),
        ([{"introduced": "0"}, {"fixed": "2.9.0"}], "2.9.0rc1", True),
        ([{"introduced": "0"}, {"fixed": "2.9"}], "2.10", False),
        ([{"introduced": "1!0"}], "9.0", False),
        ([{"introduced": "0"}], "0.dev0", True),
        ([{"introduced": "0"}, {"fixed": "1.0.post1"}], "1.0", True),
    ],
)
def test_versions_are_compared_as_pep_440_says(
    events: list[dict[str, str]],
    version: str,
    expected: bool,  # noqa: FBT001
) -> None:
    assert record_hits(osv(events), "numpy", version) is expected


def test_a_listed_release_is_that_of_a_build() -> None:
    entry = {"package": {"ecosystem": "PyPI", "name": "torch"}, "versions": ["0.1-bad", "2.9.0"]}
    record = {"id": "X", "modified": NOW.isoformat(), "affected": [entry]}
    assert record_hits(record, "torch", "2.9.0+cpu") is True
    assert record_hits(record, "torch", "2.9.1") is False


@pytest.mark.parametrize(
    ("records", "waived", "status"),
    [(FIXED_EARLIER, False, 3), (FIXED_EARLIER, True, 0), (AFFECTED, True, 4), (AFFECTED, False, 4)],
)
def test_exit_status(
    bom: Callable[..., Path],
    database: Callable[..., Path],
    records: dict[str, Any],
    waived: bool,  # noqa: FBT001
    status: int,
) -> None:
    words = ["scan", str(bom(NUMPY, OTHER)), "--database", str(database(records)), "--json"]
    assert main([*words, "--accept-unassessed=zlib"] if waived else words) == status


@pytest.mark.parametrize("days", ["0", "-3", "99999999"])
def test_an_impossible_age_is_wrong_usage(bom: Callable[..., Path], days: str) -> None:
    assert main(["scan", str(bom(NUMPY)), "--database=x", f"--maximum-age={days}"]) == 2
