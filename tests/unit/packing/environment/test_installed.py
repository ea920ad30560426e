"""What is installed here, and whether it can be named by an index."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlpack.errors import LockError
from mlpack.packing.environment.installed import (
    check_from_index,
    distribution,
    installed_closure,
    installed_versions,
    normal_name,
)

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that puts metadata of a made-up distribution on the search path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(name: str, version: str = "1.0", *, needs: tuple[str, ...] = (), origin: object = None) -> None:
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {need}" for need in needs]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        if origin is not None:
            (folder / "direct_url.json").write_text(json.dumps(origin))

    return put


ENVIRONMENT = {"sys_platform": "linux", "python_version": "3.12"}


def test_names_are_normalised() -> None:
    assert normal_name("Ruamel.Yaml__x-y") == "ruamel-yaml-x-y"


def test_versions_keep_their_local_label(install: Install) -> None:
    install("Zz_Fake.Torch", "2.13.0+cpu")
    assert installed_versions()["zz-fake-torch"] == "2.13.0+cpu"


def test_versions_are_sorted() -> None:
    found = list(installed_versions())
    assert found == sorted(found)


def test_closure_follows_markers_and_extras(install: Install) -> None:
    install("zz-a", needs=("zz-b[fast]", "zz-win; sys_platform == 'win32'", "zz-opt; extra == 'opt'"))
    install("zz-b", needs=("zz-c; extra == 'fast'", "zz-a"))
    for name in ("zz-c", "zz-win", "zz-opt"):
        install(name)
    assert list(installed_closure(["zz-a"], [ENVIRONMENT])) == ["zz-a", "zz-b", "zz-c"]


def test_closure_leaves_out_what_is_not_installed(install: Install) -> None:
    install("zz-a", needs=("zz-absent",))
    assert list(installed_closure(["zz-a"], [ENVIRONMENT])) == ["zz-a"]


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ({"url": "file:///secret/src", "dir_info": {"editable": True}}, "editable"),
        ({"url": "file:///secret/src", "dir_info": {}}, "local file or folder"),
        ({"url": "file:///secret/a.whl", "archive_info": {}}, "local file or folder"),
        ({"url": "https://secret/a.git", "vcs_info": {"vcs": "git", "commit_id": "1"}}, "version control"),
        ({"url": "https://secret/a.whl", "archive_info": {}}, "direct URL"),
        ([], "direct URL"),
    ],
)
def test_refuses_what_no_index_has(install: Install, origin: object, words: str) -> None:
    install("zz-mine", origin=origin)
    item = distribution("zz-mine")
    assert item is not None
    with pytest.raises(LockError, match=words) as caught:
        check_from_index("zz-mine", item)
    assert caught.value.where == "zz-mine"
    assert "secret" not in str(caught.value)


def test_takes_what_came_from_an_index(install: Install) -> None:
    install("zz-fine")
    item = distribution("zz-fine")
    assert item is not None
    check_from_index("zz-fine", item)
