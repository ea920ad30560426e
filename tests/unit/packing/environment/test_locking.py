"""From a resolution to a lock; uv itself is asked in tests/integration/test_lock.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import LockError, UsageError
from mlpack.format.lock import Lock
from mlpack.packing.environment import locking, resolver
from mlpack.packing.environment.installed import installed_versions
from mlpack.packing.environment.locking import lock_runtime

RUNNING = sys.version_info.minor
MINORS = (11, 12, 13, 14)


def wheel(name: str) -> dict[str, Any]:
    return {"url": f"https://index.invalid/{name}", "size": 5, "hashes": {"sha256": "0" * 64}}


def native(
    minors: tuple[int, ...], machines: tuple[str, ...] = ("x86_64", "aarch64")
) -> list[dict[str, Any]]:
    return [
        wheel(f"numpy-{VERSION}-cp3{n}-cp3{n}-manylinux_2_28_{machine}.whl")
        for n in minors
        for machine in machines
    ]


VERSION = installed_versions()["numpy"]


def lock_with(monkeypatch: pytest.MonkeyPatch, *packages: dict[str, Any]) -> Lock:
    monkeypatch.setattr(locking, "resolve", lambda *_, **__: {"packages": list(packages)})
    return lock_runtime(("numpy",)).lock


def test_drops_everything_but_names_hashes_and_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"name": "numpy", "version": VERSION, "index": "https://x", "sdist": {}, "wheels": native(MINORS)}
    monkeypatch.setattr(locking, "resolve", lambda *_, **__: {"packages": [entry]})
    text = lock_runtime(("numpy",)).data.decode()
    assert "https" not in text
    assert "sdist" not in text


def test_keeps_wheels_of_the_targets_only(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [
        wheel(f"numpy-{VERSION}-{tags}.whl")
        for tags in (
            "cp313-cp313t-manylinux_2_28_x86_64",
            "cp311-cp311-win_amd64",
            "cp310-cp310-manylinux_2_28_x86_64",
        )
    ]
    lock = lock_with(monkeypatch, {"name": "numpy", "version": VERSION, "wheels": native(MINORS) + others})
    assert [file.name for file in lock.packages[0].files] == sorted(
        item["url"].rpartition("/")[2] for item in native(MINORS)
    )


def test_the_range_ends_where_wheels_end(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = lock_with(monkeypatch, {"name": "numpy", "version": VERSION, "wheels": native((RUNNING,))})
    assert lock.minors == (RUNNING,)


def test_only_the_versions_of_python_that_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"name": "numpy", "version": VERSION, "wheels": native(MINORS)}
    monkeypatch.setattr(locking, "resolve", lambda *_, **__: {"packages": [entry]})
    lock = lock_runtime(("numpy",), pythons=("3.12", "3.13")).lock
    assert lock.minors == (12, 13)
    assert len(lock.packages[0].files) == 4


def test_a_version_of_python_without_a_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"name": "numpy", "version": VERSION, "wheels": native((RUNNING,))}
    monkeypatch.setattr(locking, "resolve", lambda *_, **__: {"packages": [entry]})
    asked = tuple(f"3.{minor}" for minor in (RUNNING, RUNNING + 1))
    with pytest.raises(LockError, match=rf"no wheel for linux/amd64, CPython 3\.{RUNNING + 1}"):
        lock_runtime(("numpy",), pythons=asked)


def test_a_wheel_for_one_platform_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LockError, match="no wheel for linux/arm64"):
        lock_with(monkeypatch, {"name": "numpy", "version": VERSION, "wheels": native(MINORS, ("x86_64",))})


def test_a_marker_that_always_holds_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    marker = "sys_platform == 'linux'"
    entry = {"name": "numpy", "version": VERSION, "marker": marker, "wheels": native(MINORS)}
    assert lock_with(monkeypatch, entry).packages[0].marker is None


def test_a_marker_that_makes_a_difference_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        {"name": "numpy", "version": VERSION, "wheels": native(MINORS)},
        {
            "name": "zz-arm",
            "version": "1",
            "marker": "platform_machine == 'aarch64'",
            "wheels": [wheel("zz_arm-1-py3-none-manylinux_2_28_aarch64.whl")],
        },
    ]
    assert lock_with(monkeypatch, *entries).packages[1].marker == 'platform_machine == "aarch64"'


def test_another_build_of_an_installed_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"name": "numpy", "version": VERSION + "+cu128", "wheels": native(MINORS)}
    with pytest.raises(LockError, match="another build"):
        lock_with(monkeypatch, entry)


def test_the_local_label_is_a_constraint(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def stop(*_: object, **given: object) -> dict[str, Any]:
        seen.update(given)
        return {"packages": [{"name": "numpy", "version": VERSION, "wheels": native(MINORS)}]}

    monkeypatch.setattr(locking, "installed_versions", lambda: {"numpy": VERSION, "torch": "2.13.0+cpu"})
    monkeypatch.setattr(locking, "resolve", stop)
    lock_runtime(("numpy",))
    assert seen["constraints"]["torch"] == "2.13.0+cpu"


def test_sources_alone_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LockError, match="no wheel on the index"):
        lock_with(monkeypatch, {"name": "numpy", "version": VERSION, "sdist": {}})


def test_a_root_has_to_be_installed() -> None:
    with pytest.raises(LockError) as caught:
        lock_runtime(("zz-not-there",))
    assert caught.value.where == "zz-not-there"


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"platforms": ("plan9/amd64",)}, "platforms"),
        ({"platforms": ()}, "platforms"),
        ({"accelerators": ("cuda12",)}, "accelerators"),
        ({"roots": ()}, "roots"),
        ({"pythons": "3.11"}, "pythons"),
        ({"pythons": ()}, "pythons"),
        ({"pythons": ("3.11", "3.13")}, "pythons"),
        ({"pythons": ("2.7",)}, "pythons"),
    ],
)
def test_arguments_are_checked(given: dict[str, Any], where: str) -> None:
    with pytest.raises(UsageError) as caught:
        lock_runtime(**{"roots": ("numpy",), **given})
    assert caught.value.where == where


def test_uv_has_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(LockError, match="not installed") as caught:
        lock_runtime(("numpy",))
    assert "install uv" in caught.value.hint


def test_messages_of_uv_lose_secrets_and_folders(tmp_path: Path) -> None:
    words = f"error at https://me:pw@host/simple/a?token=s3 in {tmp_path}/pyproject.toml"
    assert resolver._scrub(words, tmp_path) == "error at https://host/simple/a in <project>/pyproject.toml"
