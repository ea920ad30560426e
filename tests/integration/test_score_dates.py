"""Dates in files: every form of a table holds them, and a model of dates scores them all alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

import mlpack
from mlpack.errors import InputError

pytestmark = pytest.mark.network


def parts_of(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"hour": frame["when"].dt.hour, "size": frame["size"]})


def made(rows: int) -> pd.DataFrame:
    when = pd.Timestamp("2024-02-28 22:00:00") + pd.to_timedelta(np.arange(rows) * 37, unit="min")
    return pd.DataFrame({"when": when.astype("datetime64[us]"), "size": np.arange(rows) % 7 * 0.5})


@pytest.fixture(scope="module")
def original() -> Pipeline:
    frame = made(300)
    target = frame["when"].dt.hour + frame["size"]
    return make_pipeline(FunctionTransformer(parts_of), LinearRegression()).fit(frame, target)


@pytest.fixture(scope="module")
def verified(original: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> mlpack.VerifiedBundle:
    folder = tmp_path_factory.mktemp("dates")
    bundle = mlpack.pack(original, name="hours", version="1.0.0", example=made(300), output=folder)
    return mlpack.verify(bundle.path, policy=mlpack.Policy.from_digest(bundle.digest))


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_dates_are_read_from_every_form(
    form: str, original: Pipeline, verified: mlpack.VerifiedBundle, tmp_path: Path
) -> None:
    frame = made(1000)
    data = pa.Table.from_pandas(frame, preserve_index=False)
    source = tmp_path / f"in.{form}"
    if form == "parquet":
        pq.write_table(data, source)
    elif form == "csv":
        arrow_csv.write_csv(data, source)
    else:
        frame.to_json(source, orient="records", lines=True, date_format="iso", date_unit="us")
    mlpack.score(verified, source, tmp_path / "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    np.testing.assert_allclose(out["predict"].to_numpy(), original.predict(frame), rtol=0, atol=1e-12)


def test_a_text_that_is_no_date_is_one_bad_row(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("when,size\n2024-05-06T07:08:09,1\nyesterday,2\n2024-05-06,3\n")
    report = mlpack.score(verified, tmp_path / "in.csv", tmp_path / "out.csv", mode="quarantine")
    assert (report.rows, report.quarantined) == (2, 1)
    assert "expected a date and time, found a text" in (tmp_path / "out.quarantine.csv").read_text()


def test_a_number_is_no_date(verified: mlpack.VerifiedBundle, tmp_path: Path) -> None:
    pq.write_table(pa.table({"when": [1, 2], "size": [1.0, 2.0]}), tmp_path / "in.parquet")
    with pytest.raises(InputError, match="expected a date and time in each row, found Arrow type int64"):
        mlpack.score(verified, tmp_path / "in.parquet", tmp_path / "out.parquet")
