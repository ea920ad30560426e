"""A bundle that carries its wheels installs and predicts without a network, on either architecture."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlpack
from mlpack.packing.environment.resolver import uv_binary
from mlpack.packing.vendoring import vendor

pytestmark = pytest.mark.network

ROWS, LABELS = load_iris(return_X_y=True)
TOOLS = Path(__file__).parent / "tools"
HERE = f"3.{sys.version_info.minor}"
DEBIAN = ("bookworm", "3.11")
"""Suite and version of the Python that it holds."""

PROGRAM = """
import json, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
import mlpack, platform, numpy, socket
model = mlpack.load(sys.argv[2], policy=mlpack.UNSIGNED)
rows = numpy.array(json.load(sys.stdin))
print(json.dumps([platform.machine(), [name for _, name in socket.if_nameindex()],
                  model.predict(rows).tolist(), model.predict_proba(rows).tolist()]))
"""


@pytest.fixture(scope="module")
def model() -> object:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a folder with mlpack alone."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "mlpack").symlink_to(Path(str(mlpack.__file__)).resolve().parent)
    return folder


def packed(model: object, folder: Path, *, python: str) -> Path:
    bundle = mlpack.pack(
        model,
        name="iris",
        version="1",
        example=ROWS,
        output=folder,
        replay=False,
        platforms=("linux/amd64", "linux/arm64"),
        pythons=(python,),
    )
    assert bundle.wheels == 0
    return bundle.path


def check(answer: str, model: object, machine: str) -> None:
    found_machine, interfaces, labels, shares = json.loads(answer.splitlines()[-1])
    assert found_machine == machine
    assert set(interfaces) <= {"lo"}  # a new namespace has its own loopback, which is down
    assert labels == model.predict(ROWS).tolist()  # type: ignore[attr-defined]
    assert np.allclose(shares, model.predict_proba(ROWS), rtol=0, atol=1e-9)  # type: ignore[attr-defined]


def test_a_vendored_bundle_installs_and_predicts_where_there_is_no_interface(
    tmp_path: Path, model: object, own: Path
) -> None:
    path = packed(model, tmp_path, python=HERE)
    digest = mlpack.inspect(path).digest
    assert vendor(path, platforms=("linux/amd64",)).digest == digest
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    script = f"""set -e
        "$1" venv --quiet --offline --no-cache --python {sys.executable} room
        "$1" pip install --quiet --offline --no-cache --no-index --require-hashes --preview-features pylock \\
            --python room/bin/python -r "$2/environment/pylock.toml"
        room/bin/python -I -c "$3" "$4" "$2"
    """
    done = subprocess.run(
        ["unshare", "-rn", "bash", "-c", script, "-", uv_binary(), folder, PROGRAM, own],  # noqa: S607
        input=json.dumps(ROWS.tolist()),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    check(done.stdout, model, "x86_64")


def unpacked(folder: Path, suite: str, *packages: str, architecture: str = "amd64") -> Path:
    done = subprocess.run(
        [TOOLS / "unpack-debian.sh", suite, folder, *packages],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "ARCHITECTURE": architecture},
    )
    if done.returncode:
        pytest.skip(f"{packages[0]} cannot be had: {done.stderr[-300:]}")
    return folder


@pytest.mark.slow
def test_the_arm64_lock_installs_and_predicts_on_an_emulated_arm64(
    tmp_path: Path, model: object, own: Path
) -> None:
    suite, python = DEBIAN
    # qemu 7 of Debian 12 crashes on onnxruntime
    qemu = unpacked(tmp_path / "qemu", "trixie", "qemu-user") / "usr/bin/qemu-aarch64"
    root = unpacked(
        tmp_path / "root",
        suite,
        f"python{python}-minimal",
        f"libpython{python}-minimal",
        f"libpython{python}-stdlib",
        *("libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1", "libssl3", "libffi8", "liblzma5"),
        *("libbz2-1.0", "libuuid1"),
        architecture="arm64",
    )
    path = packed(model, tmp_path, python=python)
    vendor(path, platforms=("linux/arm64",))
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    uv = [
        uv_binary(),
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-cache",
        "--no-index",
        "--require-hashes",
    ]
    platform = [
        "--python-platform",
        "aarch64-manylinux_2_28",
        "--python-version",
        python,
        "--only-binary",
        ":all:",
    ]
    lock = ["--preview-features", "pylock", "-r", str(folder / "environment/pylock.toml")]
    target = ["--python", sys.executable, "--target", str(own)]
    subprocess.run([*uv, *platform, *target, *lock], check=True, timeout=300)
    done = subprocess.run(
        [qemu, "-L", root, root / f"usr/bin/python{python}", "-I", "-c", PROGRAM, own, folder],
        input=json.dumps(ROWS.tolist()),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"},
    )
    shutil.rmtree(own)
    assert done.returncode == 0, done.stderr[-2000:]
    machine, _, labels, shares = json.loads(done.stdout.splitlines()[-1])
    assert machine == "aarch64"
    assert labels == model.predict(ROWS).tolist()  # type: ignore[attr-defined]
    assert np.allclose(shares, model.predict_proba(ROWS), rtol=0, atol=1e-9)  # type: ignore[attr-defined]
