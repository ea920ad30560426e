"""What several integration tests start."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.local_sigstore import SOURCES, LocalSigstore, installed_modules, program


@pytest.fixture(scope="session")
def sigstore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSigstore]:
    """Start a local Sigstore."""
    node, modules = program("node"), installed_modules()
    folder = tmp_path_factory.mktemp("sigstore")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [node, str(SOURCES / "server.cjs"), str(port), str(folder)],
        env={**os.environ, "NODE_PATH": str(modules)},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("ready")
            yield LocalSigstore(url=f"http://127.0.0.1:{port}", folder=folder, modules=modules)
        finally:
            server.terminate()


TOOLS = Path(__file__).parent / "tools"


@pytest.fixture(scope="session")
def run_cosign(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs cosign 3, Debian's own, in a folder; it is unpacked, not installed."""
    program = shutil.which("cosign")
    if program is None:
        tools = tmp_path_factory.mktemp("tools")
        done = subprocess.run(
            [TOOLS / "unpack-debian.sh", "sid", tools, "cosign"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"cosign cannot be had: {done.stderr[-300:]}")
        program = str(tools / "usr/bin/cosign")
    home = tmp_path_factory.mktemp("cosign-home")
    base = {"HOME": str(home), "DOCKER_CONFIG": str(home), "COSIGN_PASSWORD": "", "PATH": os.defpath}

    def run(folder: Path, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**base, **more},
            cwd=folder,
        )

    return run
