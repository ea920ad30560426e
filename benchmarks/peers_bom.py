"""Bills of materials of other tools for the same environment, in the same run, counted by the same rule.

Makes an environment with scikit-learn, skl2onnx, onnxruntime and pandas, locks it, and asks every tool. What
counts is a component for a package that has all of: a hash (its own or of its distribution), an SPDX licence,
and a place in the graph of dependencies. Needs the network; `nox -s peers_bom`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOTS = ("scikit-learn", "skl2onnx", "onnxruntime", "pandas")
TOOLS = ("cyclonedx-bom", "pip", "sbom4python")
CDXGEN = "@cyclonedx/cdxgen@12.8.4"
NOT_TO_BE_HAD = "syft: neither on PyPI (that `syft` is another project) nor on npm nor in Debian"

OURS = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from mlpack.format.lock import Lock, to_requirements
from mlpack.packing.bom.build import BomSubject, build_bom
from mlpack.packing.environment.installed import installed_versions
folder = Path(sys.argv[2])
lock = Lock.from_bytes((folder / "pylock.toml").read_bytes())
subject = BomSubject(
    name="m", version="1", task="classification", model_path="model/model.onnx", model_sha256="0" * 64,
    model_size=1, framework="scikit-learn", framework_version=installed_versions()["scikit-learn"],
)
(folder / "mlpack.json").write_bytes(build_bom(subject, lock))
"""

LOCK = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from mlpack.format.lock import Lock, to_requirements
from mlpack.packing.environment.locking import lock_runtime
locked = lock_runtime(tuple(sys.argv[3:]), platforms=("linux/amd64",), accelerators=("cpu",))
data = getattr(locked, "data", locked)
folder = Path(sys.argv[2])
(folder / "pylock.toml").write_bytes(data)
(folder / "requirements.txt").write_text(to_requirements(Lock.from_bytes(data)))
"""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a document holds."""

    packages: int
    hashed: int
    licensed: int
    edges: int
    whole: int
    others: int


def counts(document: dict[str, Any]) -> Counts:
    components = list(_all(document.get("components", [])))
    graph = {item["ref"]: item.get("dependsOn", []) for item in document.get("dependencies", [])}
    linked = {ref for ref, needs in graph.items() if needs} | {
        ref for needs in graph.values() for ref in needs
    }
    packages = [item for item in components if str(item.get("purl", "")).startswith("pkg:pypi/")]
    whole = [item for item in packages if _hashed(item) and _licensed(item) and item.get("bom-ref") in linked]
    return Counts(
        packages=len(packages),
        hashed=sum(map(_hashed, packages)),
        licensed=sum(map(_licensed, packages)),
        edges=sum(map(len, graph.values())),
        whole=len(whole),
        others=len(components) - len(packages),
    )


def _all(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for item in components:
        yield item
        yield from _all(item.get("components", []))


def _hashed(item: dict[str, Any]) -> bool:
    return bool(item.get("hashes")) or any(ref.get("hashes") for ref in item.get("externalReferences", []))


def _licensed(item: dict[str, Any]) -> bool:
    """Whether one licence is SPDX's: an identifier or an expression, not free text."""
    return any(
        entry.get("expression") or entry.get("license", {}).get("id") for entry in item.get("licenses", [])
    )


def run(*words: object, cwd: Path | None = None, **env: str) -> None:
    subprocess.run(
        [str(word) for word in words],
        check=True,
        cwd=cwd,
        env={**os.environ, **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=600,
    )


def peers(folder: Path, tools: Path, python: Path, uv: str) -> dict[str, Callable[[], object]]:
    """Return how each tool writes NAME.json into the folder."""
    npm = folder / "npm"
    project = folder / "project"
    project.mkdir()
    pins = [
        line.split(" ")[0] for line in (folder / "requirements.txt").read_text().splitlines() if "==" in line
    ]
    (project / "pyproject.toml").write_text(
        '[project]\nname = "m"\nversion = "1"\nrequires-python = ">=3.11,<3.15"\n'
        f"dependencies = {json.dumps([pin.split(';')[0].strip() for pin in pins])}\n"
    )
    cdxgen = npm / "node_modules" / "@cyclonedx" / "cdxgen" / "bin" / "cdxgen.js"
    out = {
        name: folder / f"{name}.json" for name in ("cyclonedx-py environment", "cyclonedx-py requirements")
    }
    return {
        "cyclonedx-py environment": lambda: run(
            tools / "cyclonedx-py", "environment", python, "-o", out["cyclonedx-py environment"]
        ),
        "cyclonedx-py requirements": lambda: run(
            tools / "cyclonedx-py",
            "requirements",
            folder / "requirements.txt",
            "-o",
            out["cyclonedx-py requirements"],
        ),
        "uv export": lambda: run(
            uv, "export", "-q", "--format", "cyclonedx1.5", "-o", folder / "uv export.json", cwd=project
        ),
        "sbom4python": lambda: run(
            *(tools / "sbom4python", "--system", "--use-pip", "--python", python, "--sbom", "cyclonedx"),
            *("--format", "json", "-o", folder / "sbom4python.json"),
        ),
        "cdxgen ml": lambda: run(
            *("node", cdxgen, "-t", "python", "--profile", "ml", "--no-install-deps"),
            *("-o", folder / "cdxgen ml.json", project),
            CDXGEN_NO_TELEMETRY="1",
            FETCH_LICENSE=os.environ.get("FETCH_LICENSE", "false"),
        ),
    }


def main() -> int:
    """Ask every tool and print what each one found; fail where another one beats ours."""
    from uv import find_uv_bin

    uv = find_uv_bin()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place, wanted in (("env", ROOTS), ("tools", TOOLS)):
            run(uv, "venv", "-q", "-p", sys.executable, folder / place)
            run(uv, "pip", "install", "-q", "-p", folder / place / "bin" / "python", *wanted)
        (folder / "npm").mkdir()
        quiet = ("--silent", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund")
        run("npm", "install", *quiet, CDXGEN, cwd=folder / "npm")
        python = folder / "env" / "bin" / "python"
        site = next((folder / "env" / "lib").glob("python*/site-packages"))
        run(sys.executable, "-c", LOCK, site, folder, *ROOTS)
        every = {
            "mlpack": lambda: run(sys.executable, "-c", OURS, site, folder),
            **peers(folder, folder / "tools" / "bin", python, uv),
        }
        return _compare(folder, every)


def _compare(folder: Path, every: dict[str, Callable[[], object]]) -> int:
    print(f"{'tool':27}{'time':>7}  packages  hash  SPDX  edges  all three  other components")
    found: dict[str, Counts] = {}
    for name, make in every.items():
        start = time.perf_counter()
        try:
            make()
            counted = counts(json.loads((folder / f"{name}.json").read_text()))
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            stderr = getattr(error, "stderr", b"") or str(error).encode()
            print(f"{name:27} failed: {stderr.decode()[-300:]!r}")
            continue
        found[name] = counted
        print(
            f"{name:27}{time.perf_counter() - start:6.1f}s  {counted.packages:8}  {counted.hashed:4}  "
            f"{counted.licensed:4}  {counted.edges:5}  {counted.whole:9}  {counted.others:16}"
        )
    print(f"not compared: {NOT_TO_BE_HAD}")
    ours = found.pop("mlpack", None)
    best = max((item.whole for item in found.values()), default=0)
    return 0 if ours is not None and found and ours.whole > best else 1


if __name__ == "__main__":
    sys.exit(main())
