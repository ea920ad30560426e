"""Score a table on Ray Data: the bundle that was verified here is the one that every node accepts.

Run it with `python examples/03_score_on_ray.py`; it starts a local Ray of two CPUs and needs
`pip install 'mlpack-sdk[ray]'`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.ensemble import RandomForestClassifier

import mlpack
from mlpack.runtime.batch.ray import readable_errors, score_dataset
from mlpack.runtime.batch.scorer import ScoreOptions

BROKEN = [17, 4321]
"""Machines whose thermometer reports infinity, which the model refuses."""


def made_machines(rows: int, broken: list[int]) -> pa.Table:
    """Return made-up readings of machines; some are missing, and a few are broken."""
    rng = np.random.default_rng(3)
    heat = rng.normal(60, 10, rows)
    heat[broken] = np.inf
    hours = pa.array(rng.exponential(1000, rows).round(1), mask=rng.random(rows) < 0.1)
    return pa.table({"machine": np.arange(rows), "heat": heat, "hours": hours})


def main() -> None:
    """Pack, sign, and score a folder of Parquet files."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    import ray.data

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = made_machines(1000, []).to_pandas()
        model = RandomForestClassifier(n_estimators=20, random_state=0)
        model.fit(known[["heat", "hours"]], np.where(known["heat"] > 70, "check", "fine"))
        bundle = mlpack.pack(
            model, name="machines", version="1.0.0", example=known[["heat", "hours"]], output=folder
        )
        key, public = mlpack.trust.generate_key(folder / "release", password=None)
        mlpack.sign(bundle, mlpack.trust.KeySigner.from_file(key))

        table = made_machines(20_000, BROKEN)
        (folder / "in").mkdir()
        for part in range(4):
            pq.write_table(table.slice(part * 5000, 5000), folder / "in" / f"{part}.parquet")

        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200_000_000, log_to_driver=False)
        try:
            scored = score_dataset(
                ray.data.read_parquet(str(folder / "in")),
                bundle.path,
                policy=mlpack.Policy.from_key(public),
                options=ScoreOptions(mode="quarantine"),
            )
            with readable_errors():
                scored.write_parquet(str(folder / "out"))
        finally:
            ray.shutdown()

        result = pq.read_table(folder / "out").sort_by("machine").to_pandas()
        bad = result[result["mlpack_reason"].notna()]
        print(f"scored    {len(result) - len(bad)} rows with {bundle.digest[:30]}...")
        for row in bad.itertuples():
            print(f"set aside machine {row.machine}: {row.mlpack_reason}")
        if len(result) != table.num_rows or bad["machine"].tolist() != BROKEN:
            raise SystemExit("rows were lost, or the wrong ones set aside")


if __name__ == "__main__":
    main()
