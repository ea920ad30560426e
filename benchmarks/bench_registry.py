"""What pushing and pulling a gigabyte costs, against `skopeo copy`, with the same registry in the same run.

Each round both contestants do the same with a fresh repository; the best round of each counts, as anything
else on the machine only ever slows one down. Run with `python -m pytest benchmarks/bench_registry.py -s`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.registries import serve

import mlpack
from mlpack.trust.keys import KeySigner, generate_key

SIZE = int(os.environ.get("MLPACK_BENCH_BYTES", str(1 << 30)))
ROUNDS = int(os.environ.get("MLPACK_BENCH_ROUNDS", "3"))
RATIO = 0.9
MEMORY = 100 * 1024 * 1024
"""Most bytes of resident memory, whatever the size."""

_RUN = "import sys; from mlpack._cli.main import main; sys.exit(main(sys.argv[1:]))"


@dataclass
class Times:
    """Seconds of each round, and the most memory of any."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    memory: int = 0

    def run(self, *command: str | Path) -> None:
        """Run a command and note what it took."""
        start = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        self.seconds.append(time.perf_counter() - start)
        self.processor.append(usage.ru_utime + usage.ru_stime)
        self.memory = max(self.memory, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))

    def __str__(self) -> str:
        return f"{min(self.seconds):.2f} s, {min(self.processor):.2f} s of processor, {self.memory >> 20} MB"


_MAKE = """
import os, sys
from pathlib import Path
from tests.conftest import _make_bundle
folder, part = Path(sys.argv[1]), int(sys.argv[2]) // 4
block = os.urandom(1 << 20)
more = {
    f"model/part{number}.bin": ("model", (bytes([number]) + block[1:] + block * (part >> 20))[:part])
    for number in range(4)
}
_make_bundle(folder, layout="archive", more=more)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Make a signed bundle of four large files, and a key; yield the folder and the bundle."""
    folder = tmp_path_factory.mktemp("bench")
    # In a process of its own: what this one has used would count as used by the programs that it starts.
    subprocess.run([sys.executable, "-c", _MAKE, folder, str(SIZE)], check=True)
    bundle = next(folder.glob("*.mlpack"))
    generate_key(folder / "release")
    mlpack.sign(bundle, KeySigner.from_file(folder / "release.key"))
    yield folder, bundle
    shutil.rmtree(folder)


@contextlib.contextmanager
def fresh_registry(folder: Path) -> Iterator[str]:
    """Run an empty registry."""
    folder.mkdir()
    host, process = serve(folder, {})
    try:
        yield host
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def test_a_gigabyte_goes_as_fast_as_with_skopeo(
    place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, bundle = place
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    skopeo = shutil.which("skopeo")
    assert skopeo is not None
    ours, out, layout = (sys.executable, "-c", _RUN), folder / "out", folder / "layout"
    verifying = ("--key", folder / "release.pub", "--output", out)
    push, pull, their_push, their_pull = Times(), Times(), Times(), Times()
    for _ in range(ROUNDS):
        with fresh_registry(folder / "ours") as host:
            push.run(*ours, "push", bundle, f"{host}/a/b:1", "--no-image")
            pull.run(*ours, "pull", f"{host}/a/b:1", *verifying)
            source = ("--src-tls-verify=false", f"docker://{host}/a/b:1")
            their_pull.run(skopeo, "copy", *source, f"oci:{layout}:1")
        with fresh_registry(folder / "theirs") as host:
            target = ("--dest-tls-verify=false", f"oci:{layout}:1", f"docker://{host}/a/b:1")
            their_push.run(skopeo, "copy", *target)
        shutil.rmtree(out)
        shutil.rmtree(layout)
    ratios = {
        "push": min(their_push.seconds) / min(push.seconds),
        "pull": min(their_pull.seconds) / min(pull.seconds),
    }
    print(f"\n{SIZE >> 20} MB, best of {ROUNDS}")
    print(f"push  mlpack {push}  skopeo {their_push}  ratio {ratios['push']:.2f}")
    print(f"pull  mlpack {pull}  skopeo {their_pull}  ratio {ratios['pull']:.2f}")
    assert max(push.memory, pull.memory) <= MEMORY
    assert min(ratios.values()) >= RATIO
