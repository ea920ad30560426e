"""Tables of text: a line that is no row is handed on, and ends nothing."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pyarrow as pa
import pytest

from mlpack.errors import InputError
from mlpack.format.contract import DType
from mlpack.runtime.batch import _lines

INPUTS: dict[str, DType] = {"age": "int64", "charge": "float64", "city": "string", "member": "bool"}


def objects(*lines: str | bytes | dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is read of lines, each row with its mark under the empty name."""
    parts = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    data = b"\n".join(part.encode() if isinstance(part, str) else part for part in parts)
    _, batches = _lines.jsonl_batches(io.BytesIO(data), INPUTS)
    return [row for batch in batches for row in batch.to_pylist()]


def reasons(rows: list[dict[str, Any]]) -> list[str | None]:
    return [None if row[""] is None else row[""]["reason"] for row in rows]


GOOD = {"age": 3, "charge": 1.5, "city": "Łódź", "member": True, "note": "n"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"age": "3"}, "column 'age': expected an integer, found str"),
        ({"age": 2.5}, "column 'age': expected an integer, found float"),
        ({"age": True}, "column 'age': expected an integer, found bool"),
        ({"member": 1}, "column 'member': expected a boolean, found int"),
        ({"city": ["Oslo"]}, "column 'city': expected a string, found list"),
        ({"charge": {}}, "column 'charge': expected a number, found dict"),
        ("[1]", "expected an object, found list"),
        ('{"age": 1', "expected JSON: Expecting ',' delimiter"),
        (b'{"city": "\xff"}', "expected UTF-8, found other bytes"),
        ('{"age": 1, "age": 2}', "its fields do not fit those of the lines before it"),
        ({"age": 2**70}, "column 'age': expected an integer, found one beyond 64 bits"),
        ('{"charge": 1e999}', "column 'charge': expected a number, found one beyond its range"),
        ("[" * 100_000, "expected a row, found one that is nested too deeply"),
        ('{"a":' * 201 + "1" + "}" * 201, "expected a row, found one that is nested too deeply"),
    ],
)
def test_one_bad_line_is_one_row_of_nulls_with_its_reason(
    line: str | bytes | dict[str, Any], reason: str
) -> None:
    rows = objects(GOOD, line, GOOD)
    assert reasons(rows) == [None, reason, None]
    assert {key: value for key, value in rows[2].items() if key} == GOOD
    assert [rows[1][name] for name in GOOD] == [None] * 5
    shown = json.dumps(line) if isinstance(line, dict) else line
    assert rows[1][""]["line"] == (shown if isinstance(shown, str) else '{"city": "\\xff"}')


def test_long_lists_are_not_deep() -> None:
    rows = objects({"age": 1, "pairs": [[number] for number in range(1000)]})
    assert reasons(rows) == [None]
    assert len(rows[0]["pairs"]) == 1000


def test_whole_numbers_may_be_written_with_a_point() -> None:
    rows = objects(GOOD, '{"age": 4.0, "charge": 2}')
    assert reasons(rows) == [None, None]
    assert (rows[1]["age"], rows[1]["charge"]) == (4, 2.0)


def test_blank_lines_are_no_rows() -> None:
    assert reasons(objects("", GOOD, "  ", "{", "\t", GOOD)) == [
        None,
        "expected JSON: Expecting property name enclosed in double quotes",
        None,
    ]


def test_other_fields_are_those_of_the_first_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lines, "_BLOCK", 200)
    rows = objects(*[GOOD] * 5, {"age": 1, "more": 1}, {"age": 1, "note": 2}, *[GOOD] * 5)
    fits = "its fields do not fit those of the lines before it"
    assert reasons(rows) == [None] * 5 + [fits, fits] + [None] * 5


def test_fields_may_join_within_the_first_block() -> None:
    rows = objects({"age": 1, "a": 1}, "{", {"age": 1, "b": "x"}, {"age": 1, "a": "text"})
    assert reasons(rows)[0] is None
    assert (rows[0]["a"], rows[2]["b"]) == (1, "x")
    assert reasons(rows)[3] == "its fields do not fit those of the lines before it"


def test_no_object_at_all_is_another_form() -> None:
    with pytest.raises(InputError, match="cannot be read as jsonl"):
        objects("one", "two")
    with pytest.raises(InputError, match="cannot be read as jsonl"):
        objects()


def cells(data: bytes) -> list[dict[str, Any]]:
    with contextlib.ExitStack() as stack:
        _, batches = _lines.csv_batches(stack, io.BytesIO(data))
        return [row for batch in batches for row in batch.to_pylist()]


def test_rows_of_too_many_or_too_few_cells_stand_where_they_stood() -> None:
    rows = cells(b'a,b\n1,"x\ny"\n2\n\n3,y,z\n4,z\n5\n')
    assert [row["a"] for row in rows] == ["1", None, None, "4", None]
    assert reasons(rows) == [
        None,
        "expected 2 cells, found 1",
        "expected 2 cells, found 3",
        None,
        "expected 2 cells, found 1",
    ]
    assert [row[""]["line"] for row in rows if row[""]] == ["2", "3,y,z", "5"]


def test_rows_keep_their_places_across_blocks() -> None:
    lines = [f"{row},x" if row % 1000 != 7 else f"{row}" for row in range(400_000)]
    rows = cells("\n".join(["a,b", *lines]).encode())
    assert [row for row, item in enumerate(rows) if item[""] is not None] == list(range(7, 400_000, 1000))
    assert all(item["a"] == str(row) for row, item in enumerate(rows) if item[""] is None)


def test_a_cell_that_is_no_text_is_one_bad_row() -> None:
    rows = cells("a,b\n1,Łódź\n2,".encode() + b"M\xfcnchen\n3,Oslo\n")
    assert reasons(rows) == [None, "column 'b': expected a text in UTF-8, found other bytes", None]
    assert (rows[1]["a"], rows[1]["b"]) == ("2", "M\\xfcnchen")
    assert rows[0]["b"] == "Łódź"


def test_cells_are_the_texts_of_the_file() -> None:
    (row,) = cells(b'id,empty,quoted\n007,,""\n')
    assert row == {"id": "007", "empty": None, "quoted": None, "": None}


def test_columns_have_one_type_whatever_was_read() -> None:
    with contextlib.ExitStack() as stack:
        schema, batches = _lines.csv_batches(stack, io.BytesIO(b"a,b\n1\n"))
        (batch,) = batches
    assert batch.schema.remove(2) == schema
    assert schema == pa.schema([("a", pa.string()), ("b", pa.string())])
