"""What is recorded of the source: real repositories and notebooks."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.local_sigstore import program

from mlpack.errors import UsageError
from mlpack.packing.lineage.source import notebook_digest, running_source, source_facts
from mlpack.packing.lineage.training import check_lineage, training_facts

Git = Callable[..., str]
ENVIRONMENT = json.dumps({"model": {"seeds": {"clf__random_state": "7"}}}).encode()


@pytest.fixture
def git(tmp_path: Path) -> Git:
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }

    def run(*words: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        done = subprocess.run(
            [program("git"), "-C", str(tmp_path), *who, *words],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    run("init", "-q")
    (tmp_path / "train.py").write_text("x = 1\n")
    (tmp_path / "train.ipynb").write_text(notebook("x = 1"))
    run("add", ".")
    run("commit", "-q", "-m", "first")
    return run


def notebook(*sources: str, output: str = "", count: int | None = None) -> str:
    cells = [
        {
            "cell_type": "code",
            "source": [text],
            "outputs": [output] if output else [],
            "execution_count": count,
        }
        for text in sources
    ]
    return json.dumps({"cells": cells, "nbformat": 4, "metadata": {"kernelspec": {"name": "p"}}})


def test_a_clean_repository(git: Git, tmp_path: Path) -> None:
    facts = source_facts(tmp_path / "train.py")
    assert facts == {
        "git:commit": git("rev-parse", "HEAD"),
        "git:changed": "no",
        "script:sha256": hashlib.sha256(b"x = 1\n").hexdigest(),
    }


@pytest.mark.usefixtures("git")
def test_a_changed_file_has_a_digest_that_follows_the_change(tmp_path: Path) -> None:
    found = []
    for text in ("x = 2\n", "x = 3\n", "x = 2\n"):
        (tmp_path / "train.py").write_text(text)
        found.append(source_facts(tmp_path)["git:diff-sha256"])
    assert found[0] == found[2] != found[1]
    assert source_facts(tmp_path)["git:changed"] == "yes"


def test_what_the_user_set_up_for_diffs_does_not_matter(git: Git, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("x = 2\n")
    plain = source_facts(tmp_path)
    git("config", "diff.noprefix", "true")
    git("config", "diff.context", "9")
    git("config", "diff.external", "/bin/false")
    git("config", "color.ui", "always")
    assert source_facts(tmp_path) == plain


@pytest.mark.usefixtures("git")
def test_untracked_files_and_outputs_of_notebooks_do_not_count(tmp_path: Path) -> None:
    before = source_facts(tmp_path / "train.ipynb")
    (tmp_path / "churn-1.0.0.mlpack").write_bytes(b"the bundle itself")
    (tmp_path / "train.ipynb").write_text(notebook("x = 1", output="42", count=9))
    assert source_facts(tmp_path / "train.ipynb") == before


def test_a_notebook_is_its_sources(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    digests = []
    for text in (notebook("a"), notebook("a", output="7", count=3), notebook("b"), notebook("a", "")):
        path.write_text(text)
        digests.append(notebook_digest(path))
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": 3}', '{"cells": [{}]}', "\udcff"])
def test_what_is_no_notebook_has_no_digest(tmp_path: Path, text: str) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(text, errors="surrogateescape")
    assert notebook_digest(path) == ""


def test_outside_of_a_repository_only_the_script_counts(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    assert list(source_facts(tmp_path / "a.py")) == ["script:sha256"]
    assert source_facts(tmp_path) == {}
    assert source_facts(None) == {}


def test_the_repository_without_a_commit(tmp_path: Path) -> None:
    subprocess.run([program("git"), "init", "-q", str(tmp_path)], check=True)
    assert source_facts(tmp_path) == {}


def test_a_test_runner_is_no_source() -> None:
    assert running_source() is None


def test_a_script_finds_itself(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("from mlpack.packing.lineage.source import running_source; print(running_source())")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(script.resolve())


def test_the_notebook_that_a_server_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "train.ipynb"
    path.write_text(notebook("a"))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert running_source() == path.resolve()


# ------------------------------------------------------------------------------------------- all of a run


def test_seeds_are_there_without_a_source() -> None:
    assert training_facts(False, "scikit-learn", ENVIRONMENT) == {"seed:clf__random_state": "7"}  # noqa: FBT003


def test_nothing_of_a_place_is_recorded(git: Git, tmp_path: Path) -> None:
    git("remote", "add", "origin", "https://someone:secret@git.corp.example/team/repo.git")
    text = json.dumps(training_facts(tmp_path / "train.py", "scikit-learn", ENVIRONMENT))
    assert "corp" not in text
    assert str(tmp_path) not in text


def test_flags_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    torch: Any = pytest.importorskip("torch")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(mode=True)
    try:
        facts = training_facts(False, "torch", ENVIRONMENT)  # noqa: FBT003
    finally:
        torch.use_deterministic_algorithms(before)
    assert facts["flag:torch-deterministic-algorithms"] == "yes"
    assert facts["flag:CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


@pytest.mark.parametrize("given", [3, None, "no-such-file.py", ["a"]])
def test_lineage_is_a_bool_or_something_that_exists(given: object) -> None:
    with pytest.raises(UsageError):
        check_lineage(given)
