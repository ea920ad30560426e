"""A server, started as an operator starts it, for tests that ask it something."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

__all__ = ["Running", "serving"]

START = "import sys; from mlpack_sdk import main; sys.exit(main())"


@dataclass
class Running:
    """A server that runs.

    Attributes:
        process: Its parent process.
        url: Where it answers.
        grpc: `HOST:PORT` for gRPC; empty where it offers none.
        lines: What it wrote so far, a JSON object or a text each.
    """

    process: subprocess.Popen[str]
    url: str
    grpc: str
    lines: list[Any] = field(default_factory=list)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of one event."""
        return [line for line in list(self.lines) if isinstance(line, dict) and line["event"] == name]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def serving(bundle: Path, *options: object, ready: bool = True, **variables: str) -> Iterator[Running]:
    """Start `mlpack serve` on free ports; stop it in the end, whatever happened."""
    command = [sys.executable, "-c", START, "serve", str(bundle), *map(str, options)]
    if "PORT" not in variables and "AIP_HTTP_PORT" not in variables and "--port" not in options:
        command += ["--port", "0"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables}
    )
    running = Running(process, "", "")
    reader = threading.Thread(target=_collect, args=(process, running.lines), daemon=True)
    reader.start()
    try:
        (listening,) = _wait(running, "listening")
        running.url = f"http://127.0.0.1:{listening['port']}"
        if listening["grpc_port"]:
            running.grpc = f"127.0.0.1:{listening['grpc_port']}"
        if ready:
            _wait_for_all(running)
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        reader.join(5)
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def _collect(process: subprocess.Popen[str], lines: list[Any]) -> None:
    assert process.stderr is not None
    lines.extend(json.loads(line) if line.startswith("{") else line for line in process.stderr)


def _wait_for_all(running: Running) -> None:
    limit = time.monotonic() + 60
    while httpx.get(f"{running.url}/v2/health/ready", timeout=60).status_code != 200:
        if running.process.poll() is not None or time.monotonic() > limit:
            raise AssertionError(f"not ready; it wrote {running.lines}")
        time.sleep(0.05)


def _wait(running: Running, event: str) -> list[dict[str, Any]]:
    limit = time.monotonic() + 60
    while not running.events(event):
        if running.process.poll() is not None or time.monotonic() > limit:
            time.sleep(0.2)
            raise AssertionError(f"no {event!r}; it wrote {running.lines}")
        time.sleep(0.02)
    return running.events(event)
