"""Every command of the project, the same here and in CI. `nox -l` lists them.

Whatever a session installs is pinned with hashes in requirements/; the session `pins` renews them.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests"]

ROOT = Path(__file__).parent
PINS = {
    "dev": ("--extra", "all"),
    "run": (),
    "verify": None,
    "engines": ("--extra", "ray", "--extra", "spark"),
    "peers": ("--extra", "spark"),
    "clients": ("--extra", "server"),
}
"""requirements/NAME.in → NAME.txt, with the options that add pyproject.toml to it; None leaves that out."""


TORCH = "torch==2.13.0"
"""What PyTorch modules and transformers are packed with in the tests: the version of the build for CPUs.
Not in requirements/*.txt: a resolver for all platforms would choose the builds for GPUs. pip takes what its
configuration offers; with `--no-deps` it looks for nothing more: what torch imports is pinned in dev.in."""

QUICK = "not slow and not engines and not clients"
SLICE = "engines and slice"
"""Of the engines' tests those that CI runs, too: equal bytes, a killed worker, a damaged file, bad rows."""


def _install(session: nox.Session, pins: str) -> None:
    """Install the pinned requirements, then the project as a wheel, so that its data files are tested too."""
    session.install("--require-hashes", "-r", f"requirements/{pins}.txt")
    session.install("--no-deps", "--no-build-isolation", ".")


def _torch(session: nox.Session) -> None:
    session.run("python", "-m", "pip", "install", "--quiet", "--no-deps", TORCH)


def _engines(session: nox.Session) -> None:
    # pyspark is published as source only, and built here: by setuptools as it is pinned.
    session.install("--require-hashes", "--no-build-isolation", "-r", "requirements/engines.txt")


def _lint(session: nox.Session) -> None:
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


def _imports(session: nox.Session) -> None:
    session.run("lint-imports", "--no-cache")
    session.run("deptry", "src")


def _docs(session: nox.Session) -> None:
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


def _pytest(session: nox.Session, *options: str) -> None:
    """Run pytest from a neutral state: no user's policy or password decides a result."""
    env = {"MLPACK_POLICY": None, "MLPACK_KEY_PASSWORD": None}
    session.run("pytest", *options, env=env)


@nox.session
def demo(session: nox.Session) -> None:
    """Pack, sign, verify, load and predict, as a newcomer would."""
    _install(session, "run")
    session.run("python", "examples/01_pack_sign_verify_load.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run every check that a change must pass, pytest last; in CI also a slice of `engines`."""
    _install(session, "dev")
    _torch(session)
    _lint(session)
    session.run("mypy")
    _imports(session)
    _docs(session)
    _pytest(session, "-p", "no:benchmark", "-n", "2", "--dist", "loadfile", "-m", QUICK, *session.posargs)
    if os.environ.get("CI") and not session.posargs:
        _engines(session)
        _pytest(session, "-p", "no:benchmark", "-m", SLICE, "tests/engines")
        session.notify("clients")


@nox.session
def engines(session: nox.Session) -> None:
    """Score on a real Ray and a real Spark (Java 17): tests, examples; a million rows with `-- -m slow`."""
    _install(session, "engines")
    _pytest(session, "-m", "engines and not slow", "tests/engines", "tests/examples", *session.posargs)


@nox.session
def clients(session: nox.Session) -> None:
    """Ask a real server with other people's clients: tritonclient's and KServe's, over HTTP and gRPC."""
    _install(session, "clients")
    _pytest(session, "-m", "clients", "tests/clients", *session.posargs)


SERVERS = {"bentoml": ("bentoml==1.4.39",), "mlserver": ("mlserver",), "mlflow": ("mlflow", "pandas")}
"""Peers of the server; not pinned, as they only lend a figure to compare with."""


@nox.session
def serving(session: nox.Session) -> None:
    """Measure our server beside BentoML, MLServer and MLflow, in the same run (needs wrk)."""
    _install(session, "dev")
    peers = []
    for name, packages in SERVERS.items():
        room = Path(session.create_tmp()) / name
        session.run("uv", "venv", "--quiet", "--clear", str(room), external=True)
        python = str(room / "bin" / "python")
        session.run(
            "uv", "pip", "install", "--quiet", "--python", python, "onnxruntime", *packages, external=True
        )
        peers += [f"--{name}", python]
    session.run("python", "-m", "benchmarks.serving", *peers, *session.posargs)


@nox.session
def peers(session: nox.Session) -> None:
    """Compare with MLflow's Spark UDF on the same Spark, in the same run."""
    _install(session, "peers")
    session.run("python", "benchmarks/bench_engines.py", *session.posargs)


@nox.session
def peers_bom(session: nox.Session) -> None:
    """Compare our bill of materials with those of other tools for the same environment, in the same run."""
    _install(session, "dev")
    session.run("python", "benchmarks/peers_bom.py", *session.posargs)


@nox.session
def wide(session: nox.Session) -> None:
    """Run the slow tests: many models, many files, long searches."""
    _install(session, "dev")
    _torch(session)
    _pytest(session, "-p", "no:benchmark", "-n", "2", "-m", "slow and not engines", *session.posargs)


@nox.session
def zoo(session: nox.Session) -> None:
    """Pack every model of the zoo, judge it, and write the table of the documentation."""
    _install(session, "dev")
    table = [] if session.posargs else ["--table", "docs/reference/model-coverage.md"]
    session.run("python", "-m", "tests.zoo", *table, *session.posargs)


CELLS = {
    "sklearn-1.4": (
        "3.11",
        "scikit-learn==1.4.*",
        "onnxruntime==1.24.*",
        "numpy==2.0.*",
        "pandas==2.2.*",
        "protobuf==5.*",
    ),
    "sklearn-1.5": ("3.12", "scikit-learn==1.5.*", "onnxruntime==1.30.*", "pandas==2.*", "protobuf==6.*"),
    "sklearn-1.6": ("3.11", "scikit-learn==1.6.*", "onnxruntime==1.31.*", "pandas==3.*", "protobuf==7.*"),
    "sklearn-1.7": ("3.13", "scikit-learn==1.7.*", "onnxruntime==1.26.*", "pandas==2.*", "protobuf==6.*"),
    "sklearn-1.8": ("3.12", "scikit-learn==1.8.*", "onnxruntime==1.32.*", "pandas==3.*", "protobuf==6.*"),
    "sklearn-1.9": ("3.13", "scikit-learn==1.9.*", "onnxruntime==1.32.*", "pandas==3.*", "protobuf==7.*"),
    "sklearn-1.9 on Python 3.14": ("3.14", "scikit-learn==1.9.*", "onnxruntime", "pandas==3.*"),
}
"""Cell of the compatibility matrix → Python and what is held there; the rest is the newest that fits."""


@nox.session
@nox.parametrize("cell", list(CELLS), ids=list(CELLS))
def compat(session: nox.Session, cell: str) -> None:
    """Judge a sample of the zoo, all but the boosters, with other libraries; not pinned, to look ahead."""
    python, *held = CELLS[cell]
    room = Path(session.create_tmp()) / "venv"
    session.run("uv", "venv", "--quiet", "--clear", "--python", python, str(room), external=True)
    session.run(
        "uv", "pip", "install", "--quiet", "--python", str(room), ".[pandas,polars]", *held, external=True
    )
    rooms = [word for room in ("estimators", "options", "pipelines") for word in ("--room", room)]
    journal = ["--journal", str(Path(session.create_tmp()) / "zoo.jsonl")]
    program = [str(room / "bin" / "python"), "-m", "tests.zoo", "--quick", *rooms, *journal]
    session.run(*program, *session.posargs, external=True)


@nox.session
def zoo_tensors(session: nox.Session) -> None:
    """Pack every PyTorch module and transformer of the zoo of tensors, judge it, and write its table."""
    _install(session, "dev")
    _torch(session)
    table = [] if session.posargs else ["--table", "docs/reference/tensor-coverage.md"]
    session.run("python", "-m", "tests.zoo_tensors", *table, *session.posargs)


@nox.session
def cover(session: nox.Session) -> None:
    """Measure which lines and branches the tests reach."""
    _install(session, "dev")
    _torch(session)
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-p", "no:benchmark", "-q", "-m", QUICK, *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session
def minimal(session: nox.Session) -> None:
    """Verify a bundle where no packing library, not even numpy, can be imported."""
    _install(session, "verify")
    session.run("python", "tests/minimal/verify_only.py")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format; `nox -s lint -- --fix` repairs."""
    session.install("--require-hashes", "-r", "requirements/dev.txt")
    if "--fix" in session.posargs:
        session.run("ruff", "check", "--fix", ".")
        session.run("ruff", "format", ".")
    _lint(session)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, strictly."""
    _install(session, "dev")
    session.run("mypy", *session.posargs)


@nox.session
def imports(session: nox.Session) -> None:
    """Check the layers of the architecture and the declared dependencies."""
    _install(session, "dev")
    _imports(session)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    _install(session, "dev")
    _docs(session)
    session.log("open docs/_build/html/index.html")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what the project promises about time; give the machine some quiet."""
    _install(session, "dev")
    _pytest(session, "-s", *(session.posargs or ["benchmarks"]))


@nox.session
def pins(session: nox.Session) -> None:
    """Renew requirements/*.txt from the .in files; `-- --upgrade` takes the newest versions."""
    session.install("--require-hashes", "-r", "requirements/dev.txt")
    compiler = [
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
    ]
    compiler += ["--no-emit-index-url", "--no-header", "--no-annotate"]
    for name, extras in PINS.items():
        sources = [f"requirements/{name}.in"]
        if extras is not None:
            sources += ["pyproject.toml", *extras]
        if name not in ("dev", "clients"):  # one version of everything; clients of others hold older ones
            sources += ["--constraint", "requirements/dev.txt"]
        session.run(*compiler, *sources, "--output-file", f"requirements/{name}.txt", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel and the source archive twice and compare them byte by byte."""
    session.install("--require-hashes", "-r", "requirements/verify.txt")
    env = {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "1577836800")}
    for folder in ("dist", session.create_tmp()):
        session.run("python", "-m", "hatchling", "build", "--directory", folder, env=env)
    for archive in sorted(Path(session.create_tmp()).iterdir()):
        if archive.read_bytes() != (ROOT / "dist" / archive.name).read_bytes():
            session.error(f"{archive.name} differs between two builds")
