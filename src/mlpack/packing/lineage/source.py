"""The source that trained a model: the commit of its repository, what differs from it, the notebook itself.

Names of hosts, users and folders stay out; so does whatever a notebook printed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from mlpack.format.documents import canonical_json

__all__ = ["notebook_digest", "running_source", "source_facts"]

_TIMEOUT = 30
"""Seconds that git may take."""


def source_facts(source: Path | None) -> dict[str, str]:
    """Return what is known of a source file or folder: name -> words.

    `git:commit`; `git:changed`, whether tracked files differ from it; `git:diff-sha256`, over that
    difference, notebooks left out (their outputs change whenever they are saved); `notebook:sha256` over the
    cells' sources, or `script:sha256`. Files that git does not track do not count: the bundle may be one.

    Args:
        source: A notebook, a script, or a folder; None knows nothing.
    """
    if source is None or not source.exists():
        return {}
    facts = _git_facts(source if source.is_dir() else source.parent)
    if source.suffix == ".ipynb" and (digest := notebook_digest(source)):
        facts["notebook:sha256"] = digest
    elif source.is_file() and source.suffix == ".py":
        facts["script:sha256"] = hashlib.sha256(source.read_bytes()).hexdigest()
    return facts


def running_source() -> Path | None:
    """Return the notebook or script that runs, or None where there is none: an interpreter, a test runner."""
    main = sys.modules.get("__main__")
    for name in (getattr(main, "__vsc_ipynb_file__", None), os.environ.get("JPY_SESSION_NAME")):
        if isinstance(name, str) and name.endswith(".ipynb") and Path(name).is_file():
            return Path(name).resolve()
    file = getattr(main, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    path = Path(file).resolve()
    installed = (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values())
    return None if any(path.is_relative_to(Path(folder).resolve()) for folder in installed) else path


def notebook_digest(path: Path) -> str:
    """Return the SHA-256 (hex) of a notebook's sources, without outputs and counts; or an empty text.

    Source: nbformat 4, `cells[].cell_type` and `cells[].source`.
    """
    try:
        document = json.loads(path.read_bytes())
        cells = [
            {"type": str(cell["cell_type"]), "source": _joined(cell["source"])} for cell in document["cells"]
        ]
    except (OSError, ValueError, KeyError, TypeError):  # not a notebook, whatever its name says
        return ""
    return hashlib.sha256(canonical_json(cells)).hexdigest()


def _joined(source: object) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _git_facts(folder: Path) -> dict[str, str]:
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return {}
    words = (
        "diff",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--binary",
        "--full-index",
        "--no-renames",
    )
    difference = _git(folder, *words, "HEAD", "--", ":/", ":(exclude,top)*.ipynb")
    if difference is None:
        return {"git:commit": commit.decode().strip()}
    facts = {"git:commit": commit.decode().strip(), "git:changed": "yes" if difference else "no"}
    if difference:
        facts["git:diff-sha256"] = hashlib.sha256(difference).hexdigest()
    return facts


def _git(folder: Path, *words: str) -> bytes | None:
    """Return what git prints, or None when there is no git, no repository, or no answer."""
    program = shutil.which("git")
    if program is None:
        return None
    # A repository may name programs to run; those that a diff could start are switched off.
    settings: tuple[str, ...] = (
        "core.fsmonitor=false",
        "core.quotePath=true",
        "diff.noprefix=false",
        "diff.context=3",
    )
    settings += ("diff.mnemonicPrefix=false", "diff.algorithm=myers", "diff.interHunkContext=0")
    try:
        done = subprocess.run(
            [program, "-C", str(folder), *(word for item in settings for word in ("-c", item)), *words],
            capture_output=True,
            check=False,
            timeout=_TIMEOUT,
            env={**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
