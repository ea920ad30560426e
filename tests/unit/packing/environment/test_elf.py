"""What shared libraries say of themselves, and files that only look like one."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from mlpack.packing.environment.elf import NO_FACTS, elf_facts
from mlpack.packing.environment.installed import distribution
from mlpack.packing.environment.natives import file_sha256, native_libraries

linux = pytest.mark.skipif(sys.platform != "linux", reason="wheels of other systems hold no ELF files")


@pytest.fixture(scope="module")
def openblas() -> Path:
    item = distribution("numpy")
    assert item is not None
    return next(lib.location for lib in native_libraries("numpy", item) if "openblas" in lib.name)


@linux
def test_name_needs_build_and_version(openblas: Path) -> None:
    facts = elf_facts(openblas)
    assert "openblas" in facts.soname
    assert any(name.startswith("libgfortran") for name in facts.needed)
    assert facts.version.split(".")[0] == "0"


@linux
def test_the_hash_is_that_of_the_record() -> None:
    item = distribution("numpy")
    assert item is not None
    libraries = native_libraries("numpy", item)
    assert libraries
    for library in libraries:
        assert library.recorded == file_sha256(library.location)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"MZ" * 50, b"\x7fELF\x01\x01" + bytes(100)])
def test_other_files_say_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lib.so").write_bytes(content)
    assert elf_facts(tmp_path / "lib.so") == NO_FACTS


@linux
def test_damaged_libraries_do_no_harm(tmp_path: Path, openblas: Path) -> None:
    head = openblas.read_bytes()[:20_000]
    chance = random.Random(7)  # noqa: S311
    for _ in range(300):
        data = bytearray(head[: chance.randrange(64, len(head))])
        for _ in range(8):
            data[chance.randrange(6, 600) % len(data)] = chance.randrange(256)
        (tmp_path / "lib.so").write_bytes(data)
        elf_facts(tmp_path / "lib.so")
