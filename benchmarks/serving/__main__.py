"""Requests a second, latency, start and memory of servers, side by side.

    python -m benchmarks.serving [--bentoml PYTHON] [--mlserver PYTHON] [--mlflow PYTHON]

Each peer runs in an environment of its own, whose interpreter is named; who is not named is left out. One
worker each, one row a request, eight connections of wrk (Debian's package) beside it; contestants take turns,
and the median round counts. Asserts what is promised.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlpack
from mlpack.format.contract import Contract

HERE = Path(__file__).parent
START = "import sys; from mlpack_sdk import main; sys.exit(main())"
CONNECTIONS = 8


@dataclass
class Contestant:
    """A server to ask.

    Attributes:
        name: What it is called.
        command: How it is started.
        path: Where it takes rows.
        body: One row, as it wants it.
        ready: Path that answers 200 once it is ready; the rows' own where empty.
        headers: What it needs beside the content type.
    """

    name: str
    command: list[str]
    path: str
    body: bytes
    ready: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    folder: Path = HERE
    rates: list[float] = field(default_factory=list)
    tails: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    memory: float = 0.0


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(contestant: Contestant, environment: dict[str, str]) -> Iterator[str]:
    """Start a server, note how long its first correct answer takes, stop it."""
    port = free_port()
    command = [word.replace("{port}", str(port)) for word in contestant.command]
    begin = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=surroundings(command[0]) | environment | {"BENCH_PORT": str(port)},
        cwd=contestant.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}{contestant.path}"
    try:
        while True:
            try:
                answer = httpx.post(url, content=contestant.body, headers=headers(contestant), timeout=5)
                if answer.status_code == 200:
                    break
            except httpx.TransportError:
                pass
            if process.poll() is not None or time.perf_counter() - begin > 90:
                raise RuntimeError(f"{contestant.name} does not start")
            time.sleep(0.01)
        contestant.starts.append(time.perf_counter() - begin)
        yield url
        contestant.memory = memory(process.pid)
    finally:
        stop(process)


def surroundings(interpreter: str) -> dict[str, str]:
    """Return the environment of a peer: its own programs first, and nothing of this process's modules."""
    found = {**os.environ, "PATH": f"{Path(interpreter).parent}{os.pathsep}{os.environ['PATH']}"}
    if interpreter != sys.executable:
        found.pop("PYTHONPATH", None)
    return found


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def headers(contestant: Contestant) -> dict[str, str]:
    return {"Content-Type": "application/json", **contestant.headers}


def memory(group: int) -> float:
    """Return the proportional set size of a process group, in MiB."""
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.getpgid(int(entry.name)) != group:
                continue
            text = (entry / "smaps_rollup").read_text()
        except (OSError, ProcessLookupError):
            continue
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1])  # type: ignore[index]
    return total / 1024


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is not installed; Debian's package has its name")
    return found


def load(contestant: Contestant, url: str, seconds: int, scratch: Path) -> None:
    """Ask as fast as eight connections can."""
    (scratch / "body").write_bytes(contestant.body)
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers(contestant).items()]
    script = scratch / "post.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        + "\n".join(lines)
        + f'\nlocal file = io.open("{scratch / "body"}", "rb")\nwrk.body = file:read("*a")\nfile:close()\n'
    )
    done = subprocess.run(
        [program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script), url],
        capture_output=True,
        text=True,
        check=True,
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"{contestant.name} failed under load: {done.stdout}")
    contestant.rates.append(float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1]))  # type: ignore[index]
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    assert tail is not None
    contestant.tails.append(float(tail[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[tail[2]])


def packed(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Pack the model; return the bundle and one row."""
    data = load_breast_cancer(as_frame=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data, data.target)
    bundle = mlpack.pack(
        model, name="cancer", version="1.0.0", example=data.data, output=folder, replay=False
    )
    row: dict[str, Any] = data.data.iloc[0].to_dict()
    return Path(bundle.path), row


def contestants(
    arguments: argparse.Namespace,
    bundle: Path,
    row: dict[str, Any],
    scratch: Path,
    environment: dict[str, str],
) -> list[Contestant]:
    rows = json.dumps({"rows": [row]}).encode()
    tensors = [
        {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [value]} for name, value in row.items()
    ]
    head = json.dumps(
        {
            "inputs": [
                {"name": name, "shape": [1, 1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}
                for name in row
            ],
            "outputs": [{"name": "predict_proba", "parameters": {"binary_data": True}}],
        }
    ).encode()
    raw = head + b"".join(np.float64(value).tobytes() for value in row.values())
    length = {"Inference-Header-Content-Length": str(len(head))}
    uvicorn = [sys.executable, "-m", "uvicorn", "--port", "{port}", "--loop", "uvloop", "--http", "httptools"]
    uvicorn += ["--no-access-log", "--log-level", "error", "benchmarks.serving.bare:app"]
    ours = [
        sys.executable,
        "-c",
        START,
        "serve",
        str(bundle),
        "--unsigned",
        "--workers",
        "1",
        "--port",
        "{port}",
    ]
    asked = json.dumps({"rows": [row], "methods": ["predict_proba"]}).encode()
    wanted = json.dumps({"inputs": tensors, "outputs": [{"name": "predict_proba"}]}).encode()
    root = HERE.parents[1]
    found = [
        Contestant("bare, JSON", uvicorn, "/", rows, folder=root),
        Contestant("mlpack, JSON", ours, "/predict", asked),
        Contestant("bare, v2 JSON", uvicorn, "/v2", wanted, folder=root),
        Contestant("mlpack, v2 JSON", ours, "/v2/models/cancer/infer", wanted),
        Contestant("bare, binary", uvicorn, "/binary", raw, headers=length, folder=root),
        Contestant("mlpack, v2 binary", ours, "/v2/models/cancer/infer", raw, headers=length),
    ]
    if arguments.bentoml:
        command = [
            arguments.bentoml,
            "-m",
            "bentoml",
            "serve",
            "bento_service:Probabilities",
            "--port",
            "{port}",
        ]
        found.append(Contestant("BentoML", command, "/predict", rows))
    if arguments.mlserver:
        folder = scratch / "mlserver"
        folder.mkdir()
        shutil.copy(HERE / "mlserver_runtime.py", folder)
        (folder / "model-settings.json").write_text(
            json.dumps({"name": "cancer", "implementation": "mlserver_runtime.Probabilities"})
        )
        environment |= {"MLSERVER_PARALLEL_WORKERS": "0", "MLSERVER_DEBUG": "false"}
        starter = (
            "import os, json, pathlib, sys; port = int(os.environ['BENCH_PORT']); "
            "pathlib.Path('settings.json').write_text(json.dumps({'http_port': port, 'grpc_port': port + 1, "
            "'metrics_port': port + 2, 'host': '127.0.0.1', 'access_log': False})); "
            "sys.argv = ['mlserver', 'start', '.']; from mlserver.cli import main; main()"
        )
        body = json.dumps({"inputs": tensors}).encode()
        found.append(
            Contestant(
                "MLServer",
                [arguments.mlserver, "-c", starter],
                "/v2/models/cancer/infer",
                body,
                folder=folder,
            )
        )
    if arguments.mlflow:
        model = scratch / "mlflow"
        subprocess.run(
            [arguments.mlflow, HERE / "mlflow_model.py", model],
            check=True,
            env=surroundings(arguments.mlflow) | environment,
            capture_output=True,
        )
        command = [arguments.mlflow, "-m", "mlflow", "models", "serve", "-m", str(model), "--port", "{port}"]
        command += ["--env-manager", "local", "--workers", "1"]
        body = json.dumps({"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}).encode()
        found.append(Contestant("MLflow", command, "/invocations", body))
    return found


def report(found: list[Contestant]) -> dict[str, Contestant]:
    print(f"{'':20}{'requests/s':>12}{'p99 ms':>9}{'start s':>9}{'PSS MiB':>9}")
    for item in found:
        print(
            f"{item.name:20}{statistics.median(item.rates):12.0f}{statistics.median(item.tails):9.2f}"
            f"{statistics.median(item.starts):9.2f}{item.memory:9.0f}"
        )
    return {item.name: item for item in found}


def promised(named: dict[str, Contestant]) -> list[str]:
    """Return every promise that does not hold."""
    rate = {name: statistics.median(item.rates) for name, item in named.items()}
    tail = {name: statistics.median(item.tails) for name, item in named.items()}
    ours = named["mlpack, JSON"]
    broken = []
    for left, right, least in (
        ("mlpack, JSON", "bare, JSON", 0.8),
        ("mlpack, v2 JSON", "bare, v2 JSON", 0.8),
        ("mlpack, v2 binary", "bare, binary", 0.8),
        ("mlpack, JSON", "BentoML", 6.0),
        ("mlpack, v2 JSON", "MLServer", 5.0),
        ("mlpack, JSON", "MLflow", 7.0),
    ):
        if right in rate:
            ratio = rate[left] / rate[right]
            print(f"{left} / {right}: {ratio:.2f} (promised: {least})")
            if ratio < least:
                broken.append(f"{left} / {right} is {ratio:.2f}, promised {least}")
            if right in ("BentoML", "MLServer", "MLflow") and tail[left] >= tail[right]:
                broken.append(f"p99 of {left} is not below {right}'s")
    start = statistics.median(ours.starts)
    if start > 1.5:
        broken.append(f"the first answer takes {start:.2f} s, promised 1.5")
    if "BentoML" in named and start > statistics.median(named["BentoML"].starts) / 5:
        broken.append("the first answer takes more than a fifth of BentoML's time")
    if ours.memory > 150:
        broken.append(f"one worker takes {ours.memory:.0f} MiB, promised 150")
    return broken


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for peer in ("bentoml", "mlserver", "mlflow"):
        parser.add_argument(f"--{peer}", metavar="PYTHON")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        bundle, row = packed(scratch)
        opened = mlpack.inspect(bundle)
        contract = Contract.from_bytes(opened.read(opened.manifest.one("contract")))
        (scratch / "model.onnx").write_bytes(opened.read(opened.manifest.model.path))
        environment = {
            "BENCH_BUNDLE": str(bundle),
            "BENCH_MODEL": str(scratch / "model.onnx"),
            "BENCH_COLUMNS": ",".join(row),
            "BENCH_OUTPUT": contract.output("predict_proba").tensor,
        }
        found = contestants(arguments, bundle, row, scratch, environment)
        for _ in range(arguments.rounds):
            for contestant in found:
                with started(contestant, environment) as url:
                    load(contestant, url, 1, scratch)  # warms it up
                    contestant.rates.pop(), contestant.tails.pop()
                    load(contestant, url, arguments.seconds, scratch)
    broken = promised(report(found))
    for line in broken:
        print(f"BROKEN: {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
