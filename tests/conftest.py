"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Literal

import pytest

from mlpack.format.contract import Contract, Input, Output
from mlpack.format.evidence import Golden, MethodParity, Parity
from mlpack.format.lock import Lock, LockedFile, LockedPackage
from mlpack.format.manifest import Manifest, ModelInfo, Role
from mlpack.format.writer import assemble, target_path, write_bundle

MakeBundle = Callable[..., Path]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where CI=true: there, an engine that is missing hides a broken promise."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI skips nothing: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def no_user_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the policy and the password of whoever runs the tests out of them."""
    for name in ("MLPACK_POLICY", "MLPACK_KEY_PASSWORD", "MLPACK_TRUST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def make_bundle() -> MakeBundle:
    """Return a function that writes a small intact bundle, with bytes that only look like a model."""
    return _make_bundle


def _make_bundle(
    folder: Path,
    *,
    layout: Literal["archive", "directory"] = "directory",
    name: str = "churn",
    version: str = "1.2.0",
    model: tuple[str, Literal["onnx", "data-only", "code"]] = ("model/model.onnx", "onnx"),
    more: Mapping[str, tuple[Role, bytes]] | None = None,
) -> Path:
    contract = Contract(
        layout="frame",
        inputs=(Input(name="age", tensor="age", dtype="float64", source="float64"),),
        outputs=(Output(method="predict", tensor="label", dtype="int64", shape=(None,), classes=(0, 1)),),
    )
    agreed = MethodParity(
        method="predict", certificate="exact", worst=0.0, spread=1.0, labels_differ=0, ties=0
    )
    parity = Parity(rung="emitter", certificate="exact", threads=1, methods=(agreed,), probes=())
    golden = Golden(origin="synthetic", rows=1, inputs={"age": [1.5]}, outputs={"predict": [1]})
    wheel = LockedFile(name="numpy-2.4.0-py3-none-any.whl", sha256="0" * 64, size=1)
    lock = Lock(
        requires_python=">=3.11,<3.15",
        environments=("sys_platform == 'linux'",),
        packages=(LockedPackage(name="numpy", version="2.4.0", marker=None, files=(wheel,)),),
    )
    draft = Manifest(
        name=name,
        version=version,
        model=ModelInfo(
            path=model[0],
            format=model[1],
            original="sklearn.tree.DecisionTreeClassifier",
            framework=("scikit-learn", "1.8.0"),
            task="classification",
            methods=("predict",),
            certificate="exact",
            threads=1,
        ),
        files={},
        requires=({"onnx": "onnx", "data-only": "skops", "code": "pickle"}[model[1]],),
        runtime={"onnxruntime": ">=1.22"},
        golden="synthetic",
    )
    parts: dict[str, tuple[Role, bytes]] = {
        model[0]: ("model", b"not really a model" * 10),
        "contract.json": ("contract", contract.to_bytes()),
        "evidence/golden.json": ("golden", golden.to_bytes()),
        "evidence/parity.json": ("parity", parity.to_bytes()),
        "environment/pylock.toml": ("lock", lock.to_bytes()),
        "environment/training.json": ("environment", b"{}\n"),
        "sbom/bom.cdx.json": ("bom", b'{"bomFormat": "CycloneDX"}\n'),
        "README.md": ("card", b"# churn\n"),
        **(more or {}),
    }
    bundle = assemble(draft, parts)
    target = target_path(folder, bundle.manifest, layout)
    write_bundle(bundle, target, layout=layout, overwrite=False)
    return target
