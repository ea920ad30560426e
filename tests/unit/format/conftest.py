"""The golden bundle as material for tests of the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mlpack.format import tar
from mlpack.format.integrity import stored_order

GOLDEN = Path(__file__).parents[2] / "conformance/golden/1.0/tiny-1.0.0"


@pytest.fixture
def files() -> dict[str, bytes]:
    """Path -> bytes of an intact bundle."""
    return {
        file.relative_to(GOLDEN).as_posix(): file.read_bytes() for file in GOLDEN.rglob("*") if file.is_file()
    }


@pytest.fixture
def lay(tmp_path: Path) -> Callable[[Mapping[str, bytes]], Path]:
    """Return a function that writes files into a folder, as they are."""

    def write(files: Mapping[str, bytes]) -> Path:
        folder = tmp_path / "tiny-1.0.0"
        for path, data in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        return folder

    return write


@pytest.fixture
def store(tmp_path: Path) -> Callable[[Mapping[str, bytes]], Path]:
    """Return a function that writes files into an archive, in the right order."""

    def write(files: Mapping[str, bytes]) -> Path:
        place = tmp_path / "tiny-1.0.0.mlpack"
        members = [
            tar.header(f"tiny-1.0.0/{path}", len(files[path])) + files[path] + tar.padding(len(files[path]))
            for path in stored_order(files)
        ]
        place.write_bytes(b"".join(members) + tar.END)
        return place

    return write
