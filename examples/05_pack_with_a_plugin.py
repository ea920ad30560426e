"""Pack a pipeline that holds a transformer of another distribution, which brings its own emitter.

Run `pip install examples/emitter_plugin` first; see docs/how-to/write-an-emitter.md.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from winsor.transformer import Winsorizer

import mlpack

rng = np.random.default_rng(0)
X = rng.standard_t(df=2, size=(400, 3))  # heavy tails
y = X @ [1.0, -2.0, 0.5] + rng.normal(size=400)
pipeline = make_pipeline(Winsorizer(), Ridge()).fit(X, y)

print(mlpack.explain_export(pipeline, X))

with TemporaryDirectory() as folder:
    bundle = mlpack.pack(
        pipeline, name="winsor", version="1.0.0", example=X, output=Path(folder), platforms=("linux/amd64",)
    )
    model = mlpack.load(bundle.path, policy=mlpack.UNSIGNED)
    print("certificate:", bundle.parity.certificate, "- emitted with the help of", *bundle.parity.plugins)
    print("largest difference:", abs(model.predict(X) - pipeline.predict(X)).max())
