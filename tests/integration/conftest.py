"""What several integration tests start."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator

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
