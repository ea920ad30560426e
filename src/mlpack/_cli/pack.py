"""mlpack pack."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mlpack._cli.showing import add_json_argument, print_facts
from mlpack.errors import MissingExtraError, UsageError
from mlpack.format.bom.schemas import SPEC_VERSIONS
from mlpack.format.writer import BundleLayout

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["add_arguments", "add_model_arguments", "explain", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = (
        "FILE.py:NAME runs the file and takes that variable; MODULE:NAME imports it. Example: "
        "mlpack pack train.py:pipeline --example train.py:X_train --name churn --version 1.2.0"
    )
    add_model_arguments(parser)
    parser.add_argument("--name", required=True, help="name of the bundle")
    parser.add_argument("--version", required=True, help="version of the bundle")
    parser.add_argument("--output", metavar="DIR", default="dist", help="folder to write to (default: dist)")
    parser.add_argument(
        "--platform", action="append", dest="platforms", help="lock for os/architecture; may repeat"
    )
    parser.add_argument(
        "--golden", choices=("synthetic", "sample"), default="synthetic", help="default: synthetic"
    )
    parser.add_argument("--license", help="SPDX expression of the model's licence")
    parser.add_argument(
        "--layout", choices=get_args(BundleLayout), default="archive", help="default: archive"
    )
    parser.add_argument("--offline", action="store_true", help="lock from uv's cache, contact nothing")
    parser.add_argument(
        "--python", action="append", dest="pythons", help="lock for this version, as 3.11; may repeat"
    )
    parser.add_argument("--vendor", action="store_true", help="carry every locked wheel along")
    parser.add_argument(
        "--no-replay",
        dest="replay",
        action="store_false",
        help="do not replay the golden rows in an environment made from the lock alone",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing bundle")
    parser.add_argument(
        "--unsafe-allow",
        action="append",
        default=[],
        metavar="DETECTOR:PATH",
        help="let a finding of the secrets gate through, and record that; may repeat",
    )
    parser.add_argument(
        "--no-lineage", action="store_true", help="record neither commit nor script in the bill of materials"
    )
    parser.add_argument(
        "--bom-version", choices=SPEC_VERSIONS, default=SPEC_VERSIONS[0], help="of CycloneDX (default: 1.6)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing; say what becomes of each step of the model"
    )
    add_json_argument(parser)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what names a model, its rows, and what is asked of it."""
    parser.add_argument("model", metavar="MODEL", help="the fitted model, as FILE.py:NAME or MODULE:NAME")
    parser.add_argument(
        "--example",
        required=True,
        help="training rows, as FILE.py:NAME, MODULE:NAME, or a .csv or .parquet file",
    )
    parser.add_argument(
        "--method", action="append", dest="methods", help="offer only this method; may repeat"
    )
    parser.add_argument(
        "--prefer", choices=("onnx", "onnx-only", "native"), default="onnx", help="form; default: onnx"
    )
    parser.add_argument(
        "--certificate", choices=("exact", "tight", "loose"), default="tight", help="default: tight"
    )
    parser.add_argument(
        "--code", action="store_true", help="let classes and functions of your own come along as source"
    )
    for option, what in (("preprocess", "prepares the rows"), ("postprocess", "changes the answers")):
        parser.add_argument(
            f"--{option}", metavar="FUNCTION", help=f"function that {what}, as FILE.py:NAME or MODULE:NAME"
        )


def run(arguments: argparse.Namespace) -> int:
    """Pack and say what was made."""
    from mlpack.packing.pack import pack

    if arguments.dry_run:
        return explain(arguments)
    model, example, functions = _given(arguments)
    bundle = pack(
        model,
        name=arguments.name,
        version=arguments.version,
        example=example,
        output=arguments.output,
        methods=arguments.methods,
        certificate=arguments.certificate,
        prefer=arguments.prefer,
        code=arguments.code,
        preprocess=functions["preprocess"],
        postprocess=functions["postprocess"],
        platforms=arguments.platforms or ("linux/amd64", "linux/arm64"),
        golden=arguments.golden,
        license=arguments.license,
        offline=arguments.offline,
        pythons=arguments.pythons,
        replay=arguments.replay,
        vendor=arguments.vendor,
        layout=arguments.layout,
        overwrite=arguments.overwrite,
        unsafe_allow=arguments.unsafe_allow,
        lineage=False if arguments.no_lineage else _source(arguments.model),
        bom_version=arguments.bom_version,
    )
    print_facts(bundle.facts(), as_json=arguments.json)
    if not arguments.json:
        print(f"\nwritten: {bundle.path}")
    return 0


def _source(reference: str) -> str | bool:
    """Return the file that holds the model; a module's is the one that runs, or none."""
    place = reference.rpartition(":")[0]
    return place if place.endswith(".py") else True


def explain(arguments: argparse.Namespace) -> int:
    """Say what becomes of each step; DONE when the model would pack, FAILED when not."""
    from mlpack.packing.explaining import explain_export

    model, example, functions = _given(arguments)
    explanation = explain_export(
        model,
        example,
        methods=arguments.methods,
        certificate=arguments.certificate,
        prefer=arguments.prefer,
        code=arguments.code,
        preprocess=functions["preprocess"],
        postprocess=functions["postprocess"],
    )
    print_facts(explanation.facts(), as_json=arguments.json)
    return 0 if explanation.packs else 1


def _given(arguments: argparse.Namespace) -> tuple[object, object, dict[str, Any]]:
    """Return the model, the example and the functions around the model that the arguments name."""
    modules: dict[str, ModuleType] = {}
    # What the training code prints must not mix with our own answer.
    with contextlib.redirect_stdout(sys.stderr):
        functions = {
            name: None if reference is None else _find(reference, modules)
            for name, reference in (
                ("preprocess", arguments.preprocess),
                ("postprocess", arguments.postprocess),
            )
        }
        return _find(arguments.model, modules), _example(arguments.example, modules), functions


def _example(reference: str, modules: dict[str, ModuleType]) -> object:
    path = Path(reference)
    if path.suffix not in (".csv", ".parquet"):
        return _find(reference, modules)
    if not path.is_file():
        raise UsageError("no such file", where=f"--example {reference}")
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError(
            "reading a table needs pandas", hint="pip install 'mlpack-sdk[pandas]'"
        ) from error
    try:
        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except ImportError as error:
        raise MissingExtraError("reading Parquet needs pyarrow", hint="pip install pyarrow") from error
    except (ValueError, OSError) as error:  # what both parsers raise, decoding included
        # Their messages quote cells of the table.
        raise UsageError(f"cannot be read as a table ({type(error).__name__})", where=str(path)) from error


def _find(reference: str, modules: dict[str, ModuleType]) -> object:
    place, separator, name = reference.rpartition(":")
    if not separator or not place or not name.isidentifier():
        raise UsageError("expected FILE.py:NAME or MODULE:NAME", where=reference)
    if place not in modules:
        modules[place] = _load(place)
    if not hasattr(modules[place], name):
        raise UsageError(f"there is no variable {name!r}", where=place)
    value: object = getattr(modules[place], name)
    return value


def _load(place: str) -> ModuleType:
    """Import a module, or run a file under a module name of its own so that its classes can be pickled."""
    if not place.endswith(".py"):
        if place.startswith("."):
            raise UsageError("expected FILE.py:NAME or MODULE:NAME", where=place)
        sys.path.insert(0, str(Path.cwd()))
        try:
            return _run(place, place)
        except ModuleNotFoundError as error:
            raise UsageError(f"cannot be imported: {error}", where=place) from error
    path = Path(place).resolve()
    if not path.is_file():
        raise UsageError("no such file", where=place)
    known = sys.modules.get(path.stem)
    if "." in path.stem or (known is not None and getattr(known, "__file__", None) != str(path)):
        raise UsageError(
            f"a module cannot be called {path.stem!r} here", where=place, hint="give the file another name"
        )
    sys.path.insert(0, str(path.parent))
    return _run(path.stem, place)


def _run(module: str, place: str) -> ModuleType:
    """Import a module; its own errors pass through with their traceback, for they are its author's to see."""
    try:
        return importlib.import_module(module)
    except SystemExit as error:
        raise UsageError(
            "it ended the program while it ran, so there is no model",
            where=place,
            hint='put what calls sys.exit() under `if __name__ == "__main__":`',
        ) from error
