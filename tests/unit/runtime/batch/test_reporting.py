from __future__ import annotations

import traceback

from mlpack.errors import InputError, MlpackError
from mlpack.runtime.batch.reporting import placed, rebuilt


def test_an_error_survives_as_the_text_of_a_traceback() -> None:
    error = placed(InputError("not finite", where="row 3", hint="look", problems=("a", "b: ü\n")), "node 1")
    text = "Job aborted\n  " + "".join(traceback.format_exception(error)) + "\n\tat org.apache.spark.Task"
    found = rebuilt(text)
    assert isinstance(found, InputError)
    assert (found.message, found.where, found.hint) == ("not finite", "node 1: row 3", "look")
    assert found.problems == ("a", "b: ü\n")


def test_text_of_others_is_no_error_of_ours() -> None:
    assert rebuilt("java.lang.OutOfMemoryError") is None


def test_a_line_that_was_cut_off_is_no_error_of_ours() -> None:
    assert rebuilt('mlpack-error: {"type": "InputErr') is None


def test_a_name_that_is_no_error_class_becomes_the_base() -> None:
    line = '{"type": "__doc__", "message": "m", "code": "c", "where": "", "hint": "", "problems": []}'
    assert type(rebuilt(f"mlpack-error: {line}")) is MlpackError
