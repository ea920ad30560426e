"""A Sigstore on this machine, for tests: the server of tests/integration/sigstore with its npm packages."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

__all__ = ["SOURCES", "WHO", "LocalSigstore", "installed_modules", "program"]
SOURCES = Path(__file__).parent / "integration" / "sigstore"
WHO = "https://ci.example/acme/models"


@dataclass(frozen=True, kw_only=True)
class LocalSigstore:
    """A running Sigstore."""

    url: str
    folder: Path
    modules: Path

    def config(self, rekor: str = "v2") -> Path:
        return self.folder / f"trust_config.{rekor}.json"

    @property
    def root(self) -> Path:
        return self.folder / "trusted_root.json"

    def ask(self, route: str, claims: dict[str, Any]) -> str:
        with urllib.request.urlopen(f"{self.url}/{route}", data=json.dumps(claims).encode()) as answer:  # noqa: S310  (loopback)
            return str(answer.read().decode())

    def token(self, sub: str = WHO, **claims: Any) -> str:  # noqa: ANN401  (claims are JSON)
        return self.ask("mint", {"sub": sub, **claims})

    def javascript_accepts(self, signature: Path, identity: str, issuer: str) -> bool:
        """Ask sigstore-js."""
        command = [
            program("node"),
            str(SOURCES / "verify.cjs"),
            str(self.root),
            str(signature),
            identity,
            issuer,
        ]
        env = {**os.environ, "NODE_PATH": str(self.modules)}
        return subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def installed_modules(sources: Path = SOURCES, *options: str) -> Path:
    """Install the npm packages once for every version of package.json, and return their folder."""
    text = (sources / "package.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mlpack-tests" / f"{sources.name}-{hashlib.sha256(text).hexdigest()[:16]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent))
        (draft / "package.json").write_bytes(text)
        quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--silent", "--ignore-scripts")
        command = [program("npm"), "install", *quiet, *options]
        subprocess.run(command, cwd=draft, check=True, timeout=300)
        try:
            draft.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(draft)
    return folder / "node_modules"
