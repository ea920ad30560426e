"""A table of any size gets its scores: bad rows set aside with their reason, drift measured beside them.

Run it with `python examples/02_score_a_table.py [FOLDER]`; without FOLDER it cleans up after itself.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.ensemble import RandomForestClassifier

import mlpack
from mlpack.show.text import render_text


def made_rows(rows: int, shift: float = 0.0) -> pa.Table:
    """Return a made-up table; `shift` moves one of its columns away from the training data."""
    rng = np.random.default_rng(3)
    return pa.table(
        {
            "temperature": rng.normal(60 + shift, 8, rows),
            "pressure": rng.gamma(3.0, 2.0, rows),
            "cycles": rng.integers(0, 5000, rows),
        }
    )


def main() -> None:
    """Pack a forest, then score a partitioned folder with it."""
    if len(sys.argv) > 1:
        carry_out(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        carry_out(Path(name))


def carry_out(folder: Path) -> None:
    """Do it all in one folder."""
    frame = made_rows(2000).to_pandas()
    breaks = frame["temperature"] + frame["cycles"] / 200 > 78
    forest = RandomForestClassifier(n_estimators=30, random_state=0).fit(frame, breaks.astype(int))
    bundle = mlpack.pack(forest, name="machines", version="1.0.0", example=frame, output=folder)
    verified = mlpack.verify(bundle.path, policy=mlpack.Policy.from_digest(bundle.digest))

    for day, shift in (("2024-05-01", 0.0), ("2024-05-02", 12.0)):
        table = made_rows(20_000, shift)
        machines = pa.array([{"hall": "A", "number": row} for row in range(20_000)])
        pressure = table["pressure"].to_numpy().copy()
        pressure[7] = np.inf  # a broken sensor
        table = table.set_column(1, "pressure", pa.array(pressure)).append_column("machine", machines)
        place = folder / "readings" / f"day={day}" / "part-0.parquet"
        place.parent.mkdir(parents=True)
        pq.write_table(table, place)

    report = mlpack.score(
        verified,
        folder / "readings",
        folder / "scored",
        mode="quarantine",
        methods=("predict", "predict_proba"),
    )
    print(render_text(report.facts()))
    first = pq.ParquetFile(folder / "scored" / "day=2024-05-01" / "part-0.parquet").read()
    print("\ncolumns   ", ", ".join(first.schema.names))
    aside = pq.ParquetFile(folder / "scored.quarantine" / "day=2024-05-01" / "part-0.parquet").read()
    print("set aside ", aside["mlpack_reason"][0], "of machine", aside["machine"][0]["number"])
    same = np.array_equal(first["predict"].to_numpy()[:5], forest.predict(made_rows(20_000).to_pandas()[:5]))
    print("same labels as the forest gives:", same)


if __name__ == "__main__":
    main()
