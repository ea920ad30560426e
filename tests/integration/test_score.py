"""Whole tables through a real bundle: every form of file, every way to fail, and what a kill leaves."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

import mlpack
from mlpack.errors import InputError, StorageError, TargetExistsError, UsageError
from mlpack.runtime.batch.report import ScoreReport

pytestmark = pytest.mark.network


def made(rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "charge": rng.gamma(4.0, 15.0, rows).round(2),
            "city": rng.choice(np.array(["Łódź", "Oslo", "Rome"], dtype=object), rows),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "charge"] = np.nan
    return frame


@pytest.fixture(scope="module")
def original() -> Pipeline:
    frame = made(500)
    columns = make_column_transformer(
        (SimpleImputer(), ["age", "charge"]), (OneHotEncoder(handle_unknown="ignore"), ["city"])
    )
    target = np.where(frame["age"] > 40, 7, -3)
    return make_pipeline(columns, GradientBoostingClassifier(n_estimators=20, random_state=0)).fit(
        frame, target
    )


@pytest.fixture(scope="module")
def verified(original: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> mlpack.VerifiedBundle:
    folder = tmp_path_factory.mktemp("bundle")
    bundle = mlpack.pack(
        original, name="churn", version="1.2.0", example=made(500), output=folder, replay=False
    )
    return mlpack.verify(bundle.path, policy=mlpack.Policy.from_digest(bundle.digest))


def table(rows: int, seed: int = 1) -> pa.Table:
    """Rows with keys and a nested column, which no model reads."""
    keyed = pa.Table.from_pandas(made(rows, seed), preserve_index=False)
    keyed = keyed.append_column("key", pa.array(range(rows), pa.uint32()))
    return keyed.append_column("tags", pa.array([[str(row)] if row % 3 else None for row in range(rows)]))


def write_parquet(data: pa.Table, place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(data, place, row_group_size=10_000)
    return place


@pytest.mark.parametrize("rows", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_table_gets_the_originals_answers(
    rows: int, original: Pipeline, verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    data = table(rows)
    source = write_parquet(data, tmp_path / "in.parquet")
    methods = ("predict", "predict_proba")
    report = mlpack.score(verified, source, tmp_path / "out.parquet", methods=methods)
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.select(data.schema.names).equals(data)
    assert report.rows == out.num_rows == rows
    assert out.schema.field("predict").type == pa.int64()
    frame = made(rows, 1)
    np.testing.assert_array_equal(out["predict"].to_numpy(), original.predict(frame))
    found = np.stack([out[f"predict_proba[{label}]"].to_numpy() for label in (-3, 7)], axis=1)
    np.testing.assert_allclose(found, original.predict_proba(frame), rtol=0, atol=1e-12)
    assert set(out["mlpack_digest"].to_pylist()) == {verified.digest}
    assert set(out["mlpack_version"].to_pylist()) == {"1.2.0"}


def test_drift_stands_beside_the_table(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    source = write_parquet(table(5000), tmp_path / "in.parquet")
    report = mlpack.score(verified, source, tmp_path / "out.parquet")
    document = json.loads((tmp_path / "out.drift.json").read_bytes())
    assert [column["name"] for column in document["columns"]] == ["age", "charge", "city"]
    assert all(column["population_stability"] < 0.1 for column in document["columns"])
    assert report.drift.columns[1].missing_share == pytest.approx(0.1, abs=0.03)


def _write_arrow(data: pa.Table, place: Path, start: Callable[..., Any]) -> None:
    with start(place, data.schema) as writer:
        writer.write_table(data)


def _write_lines(data: pa.Table, place: Path) -> None:
    lines = [json.dumps(record, ensure_ascii=False) for record in data.to_pylist()]
    place.write_text("\n".join(lines), encoding="utf-8")


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    ".parquet": pq.write_table,
    ".arrow": lambda data, place: _write_arrow(data, place, pa.ipc.new_file),
    ".arrows": lambda data, place: _write_arrow(data, place, pa.ipc.new_stream),
    ".csv": arrow_csv.write_csv,
    ".jsonl": _write_lines,
}


@pytest.mark.parametrize("into", [".parquet", ".csv", ".jsonl", ".arrow", ".arrows"])
@pytest.mark.parametrize("form", WRITERS)
def test_every_form_becomes_every_other(
    form: str, into: str, verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    data = table(300).drop_columns(["tags"])
    clean = pa.Table.from_pylist(
        [
            {**row, "charge": None if row["charge"] != row["charge"] else row["charge"]}
            for row in data.to_pylist()
        ],
        schema=data.schema,
    )
    WRITERS[form](clean, tmp_path / f"in{form}")
    mlpack.score(verified, tmp_path / f"in{form}", tmp_path / f"out{into}")
    mlpack.score(verified, tmp_path / f"out{into}", tmp_path / "again.parquet", prefix="again_")
    again = pq.read_table(tmp_path / "again.parquet")
    assert again.num_rows == 300
    assert [str(label) for label in again["predict"].to_pylist()] == [
        str(label) for label in again["again_predict"].to_pylist()
    ]
    assert [int(key) for key in again["key"].to_pylist()] == list(range(300))


def partitioned(folder: Path, rows: int = 3000) -> Path:
    for index, day in enumerate(("2024-01-01", "2024-01-02", "__HIVE_DEFAULT_PARTITION__")):
        write_parquet(table(rows, index), folder / f"day={day}" / "part-0.parquet")
    (folder / "_SUCCESS").touch()
    return folder


def listing(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_partitioned_folder_keeps_its_partitions(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    source = partitioned(tmp_path / "in")
    report = mlpack.score(verified, source, tmp_path / "out")
    assert report.parts == 3
    assert sorted(listing(tmp_path / "out")) == sorted(name for name in listing(source) if name != "_SUCCESS")


def test_an_input_that_only_folders_spell_out_is_read_from_them(
    verified: mlpack.VerifiedBundle, original: Pipeline, tmp_path: Path
) -> None:
    data = table(100).drop_columns(["city"])
    write_parquet(data, tmp_path / "in" / "city=%C5%81%C3%B3d%C5%BA" / "a.parquet")
    mlpack.score(verified, tmp_path / "in", tmp_path / "out")
    out = pq.ParquetFile(tmp_path / "out" / "city=%C5%81%C3%B3d%C5%BA" / "a.parquet").read()
    assert "city" not in out.schema.names
    expected = original.predict(made(100, 1).assign(city="Łódź"))
    np.testing.assert_array_equal(out["predict"].to_numpy(), expected)


def poisoned(rows: int = 20_000) -> tuple[pa.Table, list[int]]:
    data = table(rows)
    bad = [0, 77, 8191, 8192, 15_000, rows - 1]
    charges = data["charge"].to_pylist()
    for row in bad:
        charges[row] = float("inf")
    return data.set_column(1, "charge", pa.array(charges)), bad


def test_poison_is_refused_by_file_row_and_column(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    charges = [2.0] * 20_000
    charges[500] = float("inf")
    source = write_parquet(table(20_000).set_column(1, "charge", pa.array(charges)), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"in\.parquet, row 500: column 'charge'"):
        mlpack.score(verified, source, tmp_path / "out.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet"]


def test_poison_is_set_aside_with_its_reason(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    data, bad = poisoned()
    source = write_parquet(data, tmp_path / "in.parquet")
    report = mlpack.score(verified, source, tmp_path / "out.parquet", mode="quarantine")
    aside = pq.read_table(tmp_path / "out.quarantine.parquet")
    assert report.quarantined == aside.num_rows == len(bad)
    assert aside["key"].to_pylist() == bad
    assert "expected a finite number" in aside["mlpack_reason"][0].as_py()
    out = pq.read_table(tmp_path / "out.parquet")
    together = sorted([*out["key"].to_pylist(), *aside["key"].to_pylist()])
    assert together == list(range(data.num_rows))
    assert out["key"].to_pylist() == sorted(out["key"].to_pylist())


def test_csv_cells_that_say_no_number_are_set_aside(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    lines = ["id,age,charge,city", "007,30,1.50,Oslo", "008,abc,2,Rome", "009,31,,Rome", "010, 32 ,1e2,Oslo"]
    (tmp_path / "in.csv").write_text("\n".join(lines))
    mlpack.score(verified, tmp_path / "in.csv", tmp_path / "out.csv", mode="quarantine")
    kept = (tmp_path / "out.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in kept[1:]] == ['"007"', '"009"', '"010"']
    assert '"1.50"' in kept[1]
    aside = (tmp_path / "out.quarantine.csv").read_text()
    assert "expected a number, found str" in aside
    mlpack.score(verified, tmp_path / "in.csv", tmp_path / "typed.parquet", mode="quarantine")
    assert pq.read_schema(tmp_path / "typed.parquet").field("charge").type == pa.float64()


def test_columns_that_csv_cannot_hold_are_refused_before_a_row_is_read(
    verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    source = write_parquet(table(10), tmp_path / "in.parquet")
    with pytest.raises(UsageError, match="scored rows: CSV cannot hold nested columns: tags"):
        mlpack.score(verified, source, tmp_path / "out.csv")
    with pytest.raises(UsageError, match="set aside: CSV cannot hold nested columns: tags"):
        mlpack.score(verified, source, tmp_path / "out.csv", keep=["key"], mode="quarantine")
    assert mlpack.score(verified, source, tmp_path / "out.csv", keep=["key"]).rows == 10


def test_lines_that_are_no_rows_are_set_aside_as_they_stood(
    verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    good = '{"id": %d, "age": 30, "charge": 1.5, "city": "Oslo"}'
    lines = [good % row for row in range(20_000)]
    lines[700] = '{"id": 700, "age": "old", "charge": 1, "city": "Oslo"}'
    lines[9000] = '{"id": 9000, "age"'
    lines[12_345] = '{"id": 12345, "age": 1, "charge": 1e999, "city": "Oslo"}'
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    mlpack.score(verified, tmp_path / "in.jsonl", tmp_path / "out.jsonl", mode="quarantine")
    kept = [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert kept == [row for row in range(20_000) if row not in (700, 9000, 12_345)]
    aside = [json.loads(line) for line in (tmp_path / "out.quarantine.jsonl").read_text().splitlines()]
    assert [row["mlpack_line"] for row in aside] == [lines[700], lines[9000], lines[12_345]]
    assert aside[0]["mlpack_reason"] == "column 'age': expected a number, found str"
    assert aside[1]["mlpack_reason"].startswith("expected JSON")
    assert "found one beyond its range" in aside[2]["mlpack_reason"]
    with pytest.raises(InputError, match=r"in\.jsonl, row 700: column 'age'"):
        mlpack.score(verified, tmp_path / "in.jsonl", tmp_path / "refused.jsonl")


def test_an_earlier_row_that_breaks_the_contract_is_named_first(
    verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    lines = ["id,age,charge,city", "0,30,1,Oslo", "1,30,inf,Rome", "2,31", "3,30,1,Oslo"]
    (tmp_path / "in.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"row 1: column 'charge'"):
        mlpack.score(verified, tmp_path / "in.csv", tmp_path / "out.csv")
    mlpack.score(verified, tmp_path / "in.csv", tmp_path / "out.csv", mode="quarantine")
    aside = (tmp_path / "out.quarantine.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in aside[1:]] == ['"1"', ""]
    assert aside[2].endswith(',"2,31","expected 4 cells, found 2"')


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("damage", ["empty", "garbage", "cut"])
def test_a_damaged_file_is_named(
    form: str, damage: str, verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    source = tmp_path / f"in{form}"
    WRITERS[form](table(3000).drop_columns(["tags"]), source)
    whole = source.read_bytes()
    source.write_bytes(
        {"empty": b"", "garbage": b'\xff\x00{"' * 999, "cut": whole[: len(whole) // 2 + 3]}[damage]
    )
    with pytest.raises(InputError, match=rf"in\{form}"):
        mlpack.score(verified, source, tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_offsets_that_lead_elsewhere_are_refused(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    good = table(3).drop_columns(["tags"])
    offsets = pa.py_buffer(np.array([0, 4, 1 << 30, 4], dtype=np.int32).tobytes())
    city = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"Oslo")])
    _write_arrow(good.set_column(2, "city", city), tmp_path / "in.arrows", pa.ipc.new_stream)
    with pytest.raises(InputError, match=r"in\.arrows: cannot be read as stream"):
        mlpack.score(verified, tmp_path / "in.arrows", tmp_path / "out.parquet")


@pytest.mark.parametrize("form", [".parquet", ".arrow", ".arrows", ".csv"])
def test_no_rows_in_are_no_rows_out(form: str, verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    WRITERS[form](table(3).slice(0, 0).drop_columns(["tags"]), tmp_path / f"in{form}")
    assert mlpack.score(verified, tmp_path / f"in{form}", tmp_path / "out.parquet").rows == 0
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


def test_an_empty_folder_is_no_table(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="holds no table"):
        mlpack.score(verified, tmp_path / "in", tmp_path / "out")


def test_a_partition_without_a_column_is_named(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    source = partitioned(tmp_path / "in")
    write_parquet(table(10).drop_columns(["charge"]), source / "day=2024-01-02" / "part-0.parquet")
    with pytest.raises(InputError, match=r"day=2024-01-02/part-0\.parquet.*'charge': expected, but missing"):
        mlpack.score(verified, source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_partitions_may_differ_in_what_no_model_reads(
    verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    source = partitioned(tmp_path / "in")
    data = table(10).append_column("more", pa.array(range(10)))
    data = data.set_column(0, "age", data["age"].cast(pa.float32()))
    write_parquet(data, source / "day=2024-01-02" / "part-0.parquet")
    mlpack.score(verified, source, tmp_path / "out")
    out = pq.ParquetFile(tmp_path / "out" / "day=2024-01-02" / "part-0.parquet").schema_arrow
    assert out.field("age").type == pa.float32()
    assert "more" in out.names


def test_an_existing_target_stays(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    source = write_parquet(table(10), tmp_path / "in.parquet")
    (tmp_path / "out.parquet").write_bytes(b"mine")
    with pytest.raises(TargetExistsError):
        mlpack.score(verified, source, tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_bytes() == b"mine"
    mlpack.score(verified, source, tmp_path / "out.parquet", overwrite=True)
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 10


@pytest.mark.parametrize("name", ["a b", "-rf", "ü\n\t%2F", "..x", "$(id)", "a=b&c;d"])
def test_hostile_names_are_names(name: str, verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    source = write_parquet(table(10), tmp_path / "in" / f"{name}.parquet")
    mlpack.score(verified, source, tmp_path / "out" / f"{name}.parquet")
    assert (tmp_path / "out" / f"{name}.parquet").exists()
    shutil.rmtree(tmp_path / "out")
    if not name.startswith("."):
        mlpack.score(verified, tmp_path / "in", tmp_path / "out")
        assert (tmp_path / "out" / f"{name}.parquet").exists()


def test_threads_and_chunks_of_the_reader_do_not_change_a_byte(
    verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    source = write_parquet(table(30_000), tmp_path / "in.parquet")
    other = tmp_path / "other.parquet"
    pq.write_table(table(30_000), other, row_group_size=777)
    for name, place, threads in (("a", source, 1), ("b", source, 4), ("c", other, 3)):
        mlpack.score(
            verified, place, tmp_path / f"{name}.parquet", threads=threads, methods=("predict_proba",)
        )
    first = (tmp_path / "a.parquet").read_bytes()
    assert first == (tmp_path / "b.parquet").read_bytes()
    assert first == (tmp_path / "c.parquet").read_bytes()


PROGRAM = """
import sys, warnings
import mlpack
from mlpack.runtime.batch import _checkpoint
_checkpoint.EVERY = 0.0
warnings.simplefilter("ignore")
bundle, digest, source, target, *keep = sys.argv[1:]
mlpack.score(bundle, source, target, policy=mlpack.Policy.from_digest(digest), mode="quarantine",
             keep=keep or None, chunk_rows=200, threads=2, progress=lambda step: print(step.part, flush=True))
"""


def start(
    verified: mlpack.VerifiedBundle, source: Path, target: Path, keep: Sequence[str] = ()
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(verified.path), verified.digest, str(source), str(target)]
    command += keep
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def again(
    verified: mlpack.VerifiedBundle, source: Path, target: Path, keep: Sequence[str] | None = None
) -> ScoreReport:
    return mlpack.score(verified, source, target, mode="quarantine", keep=keep, chunk_rows=200, threads=2)


def poisoned_folder(folder: Path) -> Path:
    for index in range(5):
        data = table(6000, index)
        charges = data["charge"].to_pylist()
        charges[index * 1000] = float("inf")
        write_parquet(data.set_column(1, "charge", pa.array(charges)), folder / f"n={index}" / "p.parquet")
    return folder


def test_a_killed_run_ends_with_the_same_bytes(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    source = poisoned_folder(tmp_path / "in")
    again(verified, source, tmp_path / "whole" / "out")
    whole = listing(tmp_path / "whole")
    assert len(whole) == 11
    chance = random.Random(8)  # noqa: S311
    resumed = 0
    for attempt in range(3):
        target = tmp_path / f"killed{attempt}" / "out"
        for _ in range(2):
            process = start(verified, source, target)
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 110)):
                process.stdout.readline()
            time.sleep(chance.random() * 0.02)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if target.exists():
                break
        if not target.exists():
            resumed += again(verified, source, target).resumed
        elif any(path.name.startswith(".") for path in target.parent.iterdir()):
            again(verified, source, target)
        assert listing(target.parent) == whole
    assert resumed > 0


def poisoned_file(place: Path, rows: int = 20_000) -> Path:
    """Write one file with bad rows, whole chunks of them among others, and with lines that are no rows."""
    data = table(rows, 3).drop_columns(["tags"] if place.suffix == ".csv" else [])
    charges = [float("inf") if row % 997 == 5 or 4000 <= row < 4600 else 1.5 for row in range(rows)]
    data = data.set_column(1, "charge", pa.array(charges))
    WRITERS[place.suffix](data, place)
    if place.suffix in (".csv", ".jsonl"):
        lines = place.read_text().splitlines()
        for number in (1, 777, 5000, len(lines) - 1):
            lines[number] = lines[number][:7]
        place.write_text("\n".join(lines))
    return place


@pytest.mark.parametrize(
    ("form", "into"), [(".parquet", ".parquet"), (".csv", ".parquet"), (".jsonl", ".jsonl")]
)
def test_a_killed_run_takes_over_what_it_had_scored_of_a_file(
    form: str, into: str, verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    source = poisoned_file(tmp_path / f"in{form}")
    keep = ["age", "charge", "city", "key"]
    (tmp_path / "whole").mkdir()
    again(verified, source, tmp_path / "whole" / f"out{into}", keep=keep)
    whole = listing(tmp_path / "whole")
    assert len(whole) == 3
    chance = random.Random(f"{form}{into}")  # noqa: S311
    target = tmp_path / "killed" / f"out{into}"
    for _ in range(3):
        process = start(verified, source, target, keep=keep)
        assert process.stdout is not None
        for _ in range(chance.randrange(5, 40)):
            process.stdout.readline()
        time.sleep(chance.random() * 0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not target.exists()
    report = again(verified, source, target, keep=keep)
    assert report.taken >= 1000
    assert report.resumed == 0
    assert listing(target.parent) == whole


def unfinished(verified: mlpack.VerifiedBundle, source: Path, target: Path) -> None:
    """Leave what a run leaves that was killed in its third part."""
    process = start(verified, source, target)
    assert process.stdout is not None
    while process.stdout.readline().strip() != "3":
        assert process.poll() is None
    process.kill()
    process.communicate()


def test_an_unfinished_run_of_other_options_is_refused(
    verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    source, target = poisoned_folder(tmp_path / "in"), tmp_path / "out"
    unfinished(verified, source, target)
    with pytest.raises(UsageError, match="differs in: options"):
        mlpack.score(verified, source, target, mode="quarantine", chunk_rows=100)
    os.utime(source / "n=4" / "p.parquet")
    with pytest.raises(UsageError, match="differs in: input"):
        again(verified, source, target)
    report = mlpack.score(verified, source, target, mode="quarantine", chunk_rows=200, resume=False)
    assert (report.parts, report.resumed) == (5, 0)


def test_two_runs_at_once_do_not_mix(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    source, target = poisoned_folder(tmp_path / "in"), tmp_path / "out"
    process = start(verified, source, target)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(StorageError, match="another run is writing this"):
            again(verified, source, target)
    finally:
        process.send_signal(signal.SIGCONT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def test_a_full_disk_is_said_and_leaves_no_target(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    source = write_parquet(table(40_000), tmp_path / "in.parquet")
    program = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    program += "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n" + PROGRAM
    command = [sys.executable, "-c", program, str(verified.path), verified.digest]
    done = subprocess.run(
        [*command, str(source), str(tmp_path / "out.parquet")], capture_output=True, text=True, check=False
    )
    assert "StorageError" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_urls_go_through_fsspec(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    source = write_parquet(table(100), tmp_path / "in.parquet")
    memory.pipe_file("/rows/in.parquet", source.read_bytes())
    report = mlpack.score(verified, "memory://rows/in.parquet", "memory://rows/out.parquet")
    assert memory.exists("/rows/out.parquet")
    assert memory.exists("/rows/out.drift.json")
    assert report.rows == 100


def test_the_command_scores(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    write_parquet(table(100), tmp_path / "in.parquet")
    command = [str(Path(sys.executable).parent / "mlpack"), "score", str(verified.path), "in.parquet"]
    words = ["--digest", verified.digest, "--method", "predict_proba", "--keep", "key", "--json"]
    done = subprocess.run(
        [*command, "out.parquet", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["title"] == "Scored"
    names = pq.read_schema(tmp_path / "out.parquet").names
    assert names[:3] == ["key", "predict_proba[-3]", "predict_proba[7]"]
