"""mlpack predict."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mlpack._cli.trusting import add_policy_arguments, chosen_policy
from mlpack.errors import InputError, StorageError, UsageError
from mlpack.format.evidence import encode_cell
from mlpack.runtime.delimited import read_csv

if TYPE_CHECKING:
    from mlpack.format.contract import Input
    from mlpack.runtime.predictor import Predictor

__all__ = ["add_arguments", "run"]

FORMATS = ("csv", "json", "jsonl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="a .mlpack file, a bundle directory, or oci:DIR[:TAG]"
    )
    parser.add_argument("rows", metavar="ROWS", help="a .csv, .json or .jsonl file, or - for standard input")
    add_policy_arguments(parser, unsigned=True)
    parser.add_argument(
        "--start",
        action="store_true",
        help="the bundle was admitted before: rules that depend on the clock rest",
    )
    parser.add_argument(
        "--method", action="append", dest="methods", help="method to ask; may repeat (default: predict)"
    )
    parser.add_argument("--input-format", choices=FORMATS, help="form of ROWS when its name does not tell")
    parser.add_argument("--output", metavar="FILE", help="write there instead of to standard output")
    parser.add_argument("--json", action="store_true", help="answer with JSON lines instead of CSV")
    parser.add_argument(
        "--strict", action="store_true", help="refuse values outside the ranges of the example"
    )


def run(arguments: argparse.Namespace) -> int:
    """Verify, load, predict, and write one line per row."""
    from mlpack.runtime.loading import load

    policy = chosen_policy(arguments)
    model = load(
        arguments.bundle,
        policy=policy,
        moment="start" if arguments.start else "admission",
        ranges="refuse" if arguments.strict else "warn",
    )
    if model.layout == "tensors":
        raise UsageError(
            "a model of tensors does not read rows",
            where=str(arguments.bundle),
            hint="mlpack.load(...).predict takes arrays, in Python",
        )
    offered = [output.method for output in model.outputs]
    methods = arguments.methods or [offered[0]]
    if wrong := [method for method in methods if method not in offered]:
        raise UsageError(
            f"not offered: {', '.join(wrong)}", where="--method", hint=f"choose from {', '.join(offered)}"
        )
    columns = _read(arguments.rows, arguments.input_format, model.inputs)
    text = _render(_answers(model, methods, columns), as_json=arguments.json)
    if arguments.output:
        _write(Path(arguments.output), text.encode())
    else:
        sys.stdout.write(text)
    return 0


def _write(target: Path, data: bytes) -> None:
    """Write a file at once or not at all; a device or a pipe, such as /dev/stdout, is written to as it is."""
    from mlpack.format.atomic import atomic_file

    if target.exists() and not target.is_file() and not target.is_dir():
        try:
            with target.open("wb") as stream:
                stream.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", where=str(target)) from error
        return
    # A link stays a link: what it leads to is replaced.
    with atomic_file(target.resolve(), overwrite=True) as file:
        file.write(data)


def _read(reference: str, named: str | None, inputs: Sequence[Input]) -> dict[str, list[Any]]:
    """Return the rows as columns of Python values."""
    form = named or (Path(reference).suffix[1:] if reference != "-" else "csv")
    if form not in FORMATS:
        raise UsageError(f"expected one of {', '.join(FORMATS)}", where=reference, hint="pass --input-format")
    try:
        if reference == "-":
            return _parse(_standard_input(), form, inputs)
        with Path(reference).open(newline="", encoding="utf-8-sig") as file:
            return _parse(file, form, inputs)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=reference) from error
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", where=reference) from error


def _standard_input() -> TextIO:
    """Return standard input as UTF-8 whatever the locale says, as files are read."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="strict", newline="")
    return sys.stdin


def _parse(file: TextIO, form: str, inputs: Sequence[Input]) -> dict[str, list[Any]]:
    if form == "csv":
        return read_csv(file, inputs)
    try:
        records = json.load(file) if form == "json" else [json.loads(line) for line in file if line.strip()]
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        raise InputError(f"not JSON: {error}", where="rows") from error
    except RecursionError as error:
        raise InputError("not JSON of records: nested too deeply", where="rows") from error
    if isinstance(records, dict):
        records = [records]
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise InputError("expected records: objects with one value per input", where="rows")
    columns: dict[str, list[Any]] = {item.name: [] for item in inputs}
    for index, record in enumerate(records):
        for name, cells in columns.items():
            if name not in record:
                raise InputError("missing", where=f"row {index}, {name!r}")
            cells.append(record[name])
    return columns


def _answers(model: Predictor, methods: list[str], columns: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield one record per row: `predict`, or `predict_proba[CLASS]` for methods with several columns."""
    named: list[tuple[str, list[Any]]] = []
    for method in methods:
        answer = getattr(model, method)(columns)
        if answer.ndim == 1:
            named.append((method, answer.tolist()))
            continue
        output = next(output for output in model.outputs if output.method == method)
        labels = output.classes or range(answer.shape[1])
        named += [(f"{method}[{label}]", answer[:, place].tolist()) for place, label in enumerate(labels)]
    names = [name for name, _ in named]
    for values in zip(*(values for _, values in named), strict=True):
        yield dict(zip(names, values, strict=True))


def _line(record: dict[str, Any]) -> str:
    """Return a line of JSON, in which NaN and the infinities are words, as JSON has no such numbers."""
    return json.dumps({name: encode_cell(value) for name, value in record.items()}, allow_nan=False) + "\n"


def _render(records: Iterator[dict[str, Any]], *, as_json: bool) -> str:
    if as_json:
        return "".join(_line(record) for record in records)
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for record in records:
        if writer is None:
            writer = csv.DictWriter(text, list(record), lineterminator="\n")
            writer.writeheader()
        writer.writerow(record)
    return text.getvalue()
