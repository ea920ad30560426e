"""Validators of others judge our BOMs: those of the Python and JavaScript libraries, and of cdxgen."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.local_sigstore import installed_modules, program

from mlpack.format.bom.image import ImageSubject, build_image_bom
from mlpack.format.bom.schemas import SPEC_VERSIONS, SpecVersion
from mlpack.format.lock import Lock, LockedFile, LockedPackage
from mlpack.packing.bom.build import BomDataset, BomSubject, build_bom
from mlpack.packing.environment.installed import installed_versions

SOURCES = Path(__file__).parent / "cyclonedx"
INSTALLED = installed_versions()
Run = Callable[..., subprocess.CompletedProcess[str]]
STATUS = """\
Package: libc6
Status: install ok installed
Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>
Architecture: amd64
Source: glibc
Version: 2.36-9+deb12u10
Depends: libgcc-s1

Package: libgcc-s1
Status: install ok installed
Maintainer: Debian GCC Maintainers <debian-gcc@lists.debian.org>
Architecture: amd64
Source: gcc-12 (12.2.0-14)
Version: 12.2.0-14+deb12u1
Depends: gcc-12-base (= 12.2.0-14+deb12u1), libc6 (>= 2.35)
"""


def locked(name: str) -> LockedPackage:
    version = INSTALLED[name]
    files = tuple(
        LockedFile(name=f"{name.replace('-', '_')}-{version}-{tag}.whl", sha256=digit * 64, size=7)
        for digit, tag in (
            ("a", "cp311-cp311-manylinux_2_28_x86_64"),
            ("b", "cp311-cp311-manylinux_2_28_aarch64"),
        )
    )
    return LockedPackage(name=name, version=version, marker=None, files=files)


def bundle_bom(spec: SpecVersion) -> bytes:
    lock = Lock(
        requires_python=">=3.11,<3.15",
        environments=("platform_machine == 'x86_64' and sys_platform == 'linux'",),
        packages=tuple(
            locked(name) for name in ("numpy", "onnx", "onnxruntime", "packaging", "scikit-learn")
        ),
    )
    subject = BomSubject(
        name="churn",
        version="1.2.0+build.3",
        description="Who leaves, and why: \u00e9\u00e8 \u4f60\u597d",
        license="Apache-2.0 OR LicenseRef-ours",
        task="classification",
        architecture=("StandardScaler", "LogisticRegression"),
        model_path="model/model.onnx",
        model_sha256="cd" * 32,
        model_size=99,
        more_files=(("code/prepare.py", "ab" * 32, 7),),
        framework="scikit-learn",
        framework_version="0.1",
        datasets=(
            BomDataset(name="train set / 2026", sha256="ef" * 32, unordered="01" * 32, algorithm="x", rows=3),
        ),
        metrics={"auc": 0.875},
        parameters={"C": 1.0},
        training={"git:commit": "a" * 40},
        route="emitters",
    )
    return build_bom(subject, lock, spec)


@pytest.fixture(scope="session", params=SPEC_VERSIONS)
def documents(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, list[Path]]:
    spec: SpecVersion = request.param
    folder = tmp_path_factory.mktemp("boms")
    bundle = bundle_bom(spec)
    image = ImageSubject(name="registry.example/team/churn", version="1.2.0", digest="sha256:" + "0a" * 32)
    (folder / "bundle.json").write_bytes(bundle)
    (folder / "image.json").write_bytes(
        build_image_bom(image, bundle, status=STATUS, os_release='ID=debian\nVERSION_ID="12"\n')
    )
    return spec, [folder / "bundle.json", folder / "image.json"]


@pytest.fixture(scope="session")
def node() -> Run:
    modules = installed_modules(SOURCES, "--omit=optional")

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program("node"), *map(str, words)],
            env={**os.environ, "NODE_PATH": str(modules), "CDXGEN_NO_TELEMETRY": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def test_the_strict_validator_of_the_python_library(documents: tuple[str, list[Path]]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.from_version(documents[0]))
    for path in documents[1]:
        assert validator.validate_str(path.read_text()) is None


def test_the_strict_validator_of_the_javascript_library(documents: tuple[str, list[Path]], node: Run) -> None:
    for path in documents[1]:
        done = node(SOURCES / "validate.cjs", documents[0], path)
        assert done.returncode == 0, done.stderr


def test_that_validator_refuses_what_is_wrong(
    documents: tuple[str, list[Path]], node: Run, tmp_path: Path
) -> None:
    wrong = json.loads(documents[1][0].read_text())
    wrong["components"][-1]["mimeType"] = "text/plain"
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    assert node(SOURCES / "validate.cjs", documents[0], tmp_path / "wrong.json").returncode == 1


def test_cdx_validate(documents: tuple[str, list[Path]], node: Run) -> None:
    folder = installed_modules(SOURCES, "--omit=optional") / "@cyclonedx" / "cdxgen" / "bin"
    for path in documents[1]:
        done = node(folder / "validate.js", "-i", path, "--strict", "--fail-severity", "critical")
        assert done.returncode == 0, done.stderr[-2000:]
        assert "schemaValid=true  deepValid=true" in done.stdout + done.stderr
