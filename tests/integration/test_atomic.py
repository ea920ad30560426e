"""A target is as it was or complete: after kill -9 at any moment, on a full disk, with two writers."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from mlpack.errors import StorageError, TargetExistsError
from mlpack.format.opening import inspect
from mlpack.format.tree import open_tree
from mlpack.format.writer import BundleLayout, write_copy

GOLDEN = Path(__file__).parents[1] / "conformance/golden/1.0/tiny-1.0.0"

WRITER = """
import sys
from pathlib import Path
from mlpack.format.tree import open_tree
from mlpack.format.writer import write_copy

source, target, layout, size, overwrite = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
with open_tree(source) as tree:
    added = {"model.sig": b"{" + b" " * int(size) + b"}"}
    write_copy(tree, "tiny-1.0.0", Path(target), added=added, layout=layout, overwrite=overwrite == "True")
print("done", flush=True)
"""
"""Writes the golden bundle with a signature of a size that tells who wrote it."""

LAYOUTS: tuple[BundleLayout, ...] = ("archive", "directory")


def write(target: Path, layout: BundleLayout, *, size: int, overwrite: bool) -> None:
    with open_tree(GOLDEN) as tree:
        added = {"model.sig": b"{" + b" " * size + b"}"}
        write_copy(tree, "tiny-1.0.0", target, added=added, layout=layout, overwrite=overwrite)


def start(target: Path, layout: BundleLayout, *, size: int, overwrite: bool) -> subprocess.Popen[str]:
    """Start a writer and wait until all that is left to do is writing."""
    command = [sys.executable, "-c", WRITER, str(GOLDEN), str(target), layout, str(size), str(overwrite)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def seconds_to_write(folder: Path, layout: BundleLayout) -> float:
    """Return how long a writer of 3 MB takes here."""
    process = start(folder / "unhurried", layout, size=3_000_000, overwrite=True)
    begun = time.monotonic()
    go(process)
    assert process.communicate(timeout=60)[1] == ""
    return time.monotonic() - begun


def written(target: Path) -> int | None:
    """Return the size that tells the writer, after checking that the bundle is complete; None for nothing."""
    if not os.path.lexists(target):
        return None
    inspect(target)
    with open_tree(target) as tree:
        return tree.entries["model.sig"] - 2


def leftovers(folder: Path) -> list[str]:
    return [child.name for child in folder.iterdir() if child.name.endswith(".part")]


@pytest.mark.parametrize("before", ["fresh", "overwrite"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_killed_writer_leaves_the_old_or_the_new(
    layout: BundleLayout, before: Literal["fresh", "overwrite"], tmp_path: Path
) -> None:
    target = tmp_path / "target"
    old = None
    if before == "overwrite":
        old = 7
        write(target, layout, size=old, overwrite=False)
    longest = seconds_to_write(tmp_path, layout)
    rng = random.Random(0)  # noqa: S311  (moments, not secrets)
    for size in (3_000_000 + turn for turn in range(12)):
        process = start(target, layout, size=size, overwrite=True)
        go(process)
        time.sleep(rng.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        found = written(target)
        assert found in (old, size)
        old = found
    write(target, layout, size=1, overwrite=True)
    assert written(target) == 1
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_writers_at_once_have_one_winner(layout: BundleLayout, tmp_path: Path) -> None:
    for turn in range(4):
        target = tmp_path / f"target-{turn}"
        processes = [start(target, layout, size=size, overwrite=False) for size in (11, 22)]
        for process in processes:
            go(process)
        failures = [process.communicate(timeout=60)[1] for process in processes]
        winners = [size for size, failure in zip((11, 22), failures, strict=True) if not failure]
        assert winners == [written(target)]
        assert sum("TargetExistsError" in failure for failure in failures) == 1
        assert leftovers(tmp_path) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_writers_that_overwrite_both_finish(layout: BundleLayout, tmp_path: Path) -> None:
    target = tmp_path / "target"
    processes = [start(target, layout, size=size, overwrite=True) for size in (11, 22)]
    for process in processes:
        go(process)
    assert [process.communicate(timeout=60)[1] for process in processes] == ["", ""]
    assert written(target) in (11, 22)
    assert leftovers(tmp_path) == []


def test_a_writer_at_work_keeps_its_staging_folder(tmp_path: Path) -> None:
    from mlpack.format.atomic import atomic_file

    target = tmp_path / "target"
    with atomic_file(target, overwrite=True) as slow:
        slow.write(b"slow")
        with atomic_file(target, overwrite=True) as quick:
            quick.write(b"quick")
        assert len(leftovers(tmp_path)) == 1
    assert target.read_bytes() == b"slow"


def test_leftovers_of_another_target_stay(tmp_path: Path) -> None:
    other = tmp_path / ".target.mlpack.abcdefgh.part"
    other.mkdir()
    write(tmp_path / "target", "directory", size=1, overwrite=False)
    assert other.is_dir()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_existing_target_is_refused(layout: BundleLayout, tmp_path: Path) -> None:
    target = tmp_path / "target"
    write(target, layout, size=1, overwrite=False)
    with pytest.raises(TargetExistsError, match="already exists"):
        write(target, layout, size=2, overwrite=False)
    assert written(target) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    mount, umount = shutil.which("mount"), shutil.which("umount")
    assert mount is not None
    assert umount is not None
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"root may not mount here: {done.stderr.strip()}")
    yield place
    subprocess.run([umount, str(place)], check=True)


@pytest.mark.parametrize("before", ["fresh", "overwrite"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_full_disk_leaves_the_target_as_it_was(
    layout: BundleLayout, before: Literal["fresh", "overwrite"], small_disk: Path
) -> None:
    target = small_disk / "target"
    if before == "overwrite":
        write(target, layout, size=7, overwrite=False)
    with pytest.raises(StorageError, match="No space left") as caught:
        write(target, layout, size=2_000_000, overwrite=True)
    assert "as it was" in caught.value.message
    assert "free some space" in caught.value.hint
    assert caught.value.where == str(target)
    assert written(target) == (7 if before == "overwrite" else None)
    assert leftovers(small_disk) == []


def test_a_folder_that_may_not_be_written_is_a_storage_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be written"):
        write(blocked / "target", "archive", size=1, overwrite=False)
