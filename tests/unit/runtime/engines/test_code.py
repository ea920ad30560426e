"""Source of a bundle, imported from memory."""

from __future__ import annotations

import sys

import pytest

from mlpack.errors import FormatError, MlpackError
from mlpack.format.artifact import Artifact
from mlpack.runtime.engines._code import import_code


def artifact(source: str, path: str = "code/model.py", **more: bytes) -> Artifact:
    files = {path: source.encode(), **{f"code/{name}": data for name, data in more.items()}}
    return Artifact(
        format="code",
        path="model/native.json",
        files={"model/native.json": b"{}", **files},
        requires=("python",),
        runtime={"numpy": "==2.0"},
    )


def test_source_runs_under_a_name_of_its_own_and_nothing_goes_on_the_path() -> None:
    before = list(sys.path)
    module = import_code(artifact("import math\nimport numpy as np\ndef f(x): return np.add(x, math.pi)\n"))
    assert module.f(0.0) == pytest.approx(3.14159, abs=1e-4)
    assert module.__name__.startswith("_mlpack_code_")
    assert sys.path == before
    assert "model" not in sys.modules


def test_the_same_source_is_imported_once() -> None:
    assert import_code(artifact("x = object()\n")) is import_code(artifact("x = object()\n"))


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import requests_of_nobody\n", 1),
        ("\nfrom sklearn import svm\n", 2),
        ("from . import neighbour\n", 1),
        ("def f():\n    import pytest\n", 2),
    ],
)
def test_a_library_that_is_not_locked_is_refused_with_its_line(source: str, line: int) -> None:
    with pytest.raises(FormatError, match="does not lock") as caught:
        import_code(artifact(source))
    assert caught.value.where == f"code/model.py, line {line}"


@pytest.mark.parametrize("path", ["code/model.so", "code/model.pth", "code/a/model.py", "code/Model.py"])
def test_only_one_module_of_source_is_code(path: str) -> None:
    with pytest.raises(FormatError, match="one module of source"):
        import_code(artifact("x = 1\n", path))


def test_a_second_file_is_refused() -> None:
    with pytest.raises(FormatError, match="one module of source"):
        import_code(artifact("x = 1\n", another=b""))


def test_code_that_fails_is_one_clear_error_and_leaves_nothing_behind() -> None:
    broken = artifact("raise KeyError('secret')\n")
    for _ in range(2):
        with pytest.raises(MlpackError, match=r"fails when it is imported \(KeyError\)") as caught:
            import_code(broken)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("source", ["def f(:\n", "\0", "x = 1 +"])
def test_what_is_no_source_is_refused(source: str) -> None:
    with pytest.raises(FormatError, match="not Python source"):
        import_code(artifact(source))
