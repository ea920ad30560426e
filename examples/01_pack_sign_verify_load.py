"""The main job: a fitted pipeline becomes a signed bundle, is verified, loaded, and predicts the same.

Run it with `python examples/01_pack_sign_verify_load.py [FOLDER]`; without FOLDER it cleans up after itself.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import mlpack


def made_customers(rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a made-up table with numbers, strings and missing values: no real customer is in it."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "monthly charge": rng.gamma(4.0, 15.0, rows).round(2),
            "tenure": rng.exponential(24.0, rows).round(1),
            "city": rng.choice(["Łódź", "Zürich", "São Paulo", "Oslo"], rows),
            "plan": rng.choice(["basic", "plus", "pro"], rows, p=[0.5, 0.3, 0.2]),
        }
    )
    leaves = (
        frame["monthly charge"] / 40
        - frame["tenure"] / 30
        + (frame["plan"] == "basic")
        + rng.normal(0, 1, rows)
    )
    frame.loc[rng.random(rows) < 0.1, "tenure"] = np.nan
    frame.loc[rng.random(rows) < 0.05, "city"] = None
    return frame, np.where(leaves > 1, "leaves", "stays")


def fit_customers(frame: pd.DataFrame, target: np.ndarray) -> Pipeline:
    """Fit an ordinary notebook pipeline."""
    numbers = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    texts = Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent")),
            ("encode", OneHotEncoder(handle_unknown="ignore")),
        ]
    )
    columns = ColumnTransformer(
        [("numbers", numbers, ["age", "monthly charge", "tenure"]), ("texts", texts, ["city", "plan"])]
    )
    return Pipeline([("columns", columns), ("model", GradientBoostingClassifier(random_state=0))]).fit(
        frame, target
    )


def customers(folder: Path) -> None:
    """Take a pipeline over a DataFrame all the way."""
    frame, target = made_customers(2000)
    pipeline = fit_customers(frame, target)

    bundle = mlpack.pack(pipeline, name="churn", version="1.2.0", example=frame, output=folder)
    print(f"packed    {bundle.path.name}  {bundle.digest[:30]}...  certificate: {bundle.parity.certificate}")

    key, public = mlpack.trust.generate_key(folder / "release", password=None)
    mlpack.sign(bundle, mlpack.trust.KeySigner.from_file(key))
    verified = mlpack.verify(bundle.path, policy=mlpack.Policy.from_key(public))
    signer = verified.signer.fingerprint if verified.signer else "nobody"
    print(f"verified  signed by {signer[:40]}...")

    model = mlpack.load(verified)
    fresh, _ = made_customers(500)
    same = np.array_equal(model.predict(fresh), pipeline.predict(fresh))
    error = np.abs(model.predict_proba(fresh) - pipeline.predict_proba(fresh)).max()
    print(f"predicts  labels equal: {same}, largest difference of a probability: {error:.1e}")
    one = {"age": 41, "monthly charge": 70.5, "tenure": None, "city": "Oslo", "plan": "basic"}
    print(f"one row   {model.predict(one)[0]}, probabilities {model.predict_proba(one)[0].round(4).tolist()}")

    damaged = bytearray(bundle.path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (folder / "damaged.mlpack").write_bytes(damaged)
    try:
        mlpack.verify(folder / "damaged.mlpack", policy=mlpack.Policy.from_key(public))
    except mlpack.errors.VerificationError as error_:
        print(f"tampered  refused: {error_.problems[0]}")
    else:
        raise SystemExit("a damaged bundle was accepted")


def tumours(folder: Path) -> None:
    """Take a forest over a plain array, fitted on real data that ships with scikit-learn."""
    rows, target = load_breast_cancer(return_X_y=True)
    forest = RandomForestClassifier(random_state=0).fit(rows[:400], target[:400])
    bundle = mlpack.pack(forest, name="tumours", version="0.1.0", example=rows[:400], output=folder)
    # Fresh rows bring new extremes; by default each column warns once, and model.counts counts them.
    model = mlpack.load(bundle.path, policy=mlpack.Policy.from_digest(bundle.digest), ranges="ignore")
    same = np.array_equal(model.predict_proba(rows[400:]), forest.predict_proba(rows[400:]))
    print(f"forest    certificate: {bundle.parity.certificate}; probabilities bit-identical: {same}")


def main() -> None:
    """Run both, in the folder that was named or in one that goes away."""
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
        customers(folder)
        tumours(folder)
        return
    with tempfile.TemporaryDirectory() as name:
        customers(Path(name))
        tumours(Path(name))


if __name__ == "__main__":
    main()
