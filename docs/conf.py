"""Sphinx configuration. The API pages are written from what the package exports, so none is forgotten."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import os
from typing import TYPE_CHECKING

import mlpack
from mlpack import errors

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "mlpack"
author = "The mlpack founders"
copyright = "The mlpack founders, Apache-2.0"  # noqa: A001 - the name that Sphinx reads
version = release = mlpack.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "adr/template.md"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # dataclass fields are described once, in the docstring of their class
napoleon_custom_sections = [("Source", "notes_style")]

html_theme = "furo"
html_title = f"mlpack {version}"
html_show_sphinx = False


def facade() -> str:
    """Return directives for the public names of `mlpack` that have a home already."""
    lines = []
    for name in sorted(mlpack.__all__, key=str.lower):
        try:
            value = getattr(mlpack, name)
        except ModuleNotFoundError as missing:
            if not (missing.name or "").startswith("mlpack."):
                raise
            continue  # a room that has not been built yet
        if inspect.ismodule(value):
            continue
        home = f"{mlpack._HOME[name]}.{name}"  # noqa: SLF001 - the table of homes is made for this
        kind = "class" if inspect.isclass(value) else "function" if inspect.isroutine(value) else "data"
        lines.append(f".. auto{kind}:: {home}")
        lines += ["   :members:"] if kind == "class" else []
        lines.append("")
    return "\n".join(lines)


def error_tree() -> str:
    """Return the tree that stands at the top of the module of errors."""
    return (errors.__doc__ or "").partition("\n\n")[2].rstrip()


def error_list() -> str:
    """Return directives for every public error."""
    names = [name for name in errors.__all__ if name != "MlpackError"]
    home = importlib.import_module("mlpack.errors").__name__
    return "\n\n".join(f".. autoexception:: {home}.{name}" for name in ("MlpackError", *names))


def commands() -> str:
    """Return the help of the command and of each of its subcommands, as the program prints it."""
    from mlpack._cli.main import COMMANDS, parser

    os.environ["COLUMNS"] = "100"  # the width that argparse wraps to
    top = parser()
    parts = [f"```text\n{top.format_help()}```"]
    for name in COMMANDS:
        with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
            top.parse_args([name, "--help"])
        parts.append(f"## mlpack {name}\n\n```text\n{shown.getvalue()}```")
    return "\n\n".join(parts)


def fill_in(_app: Sphinx, _docname: str, source: list[str]) -> None:
    """Replace the placeholders of the API pages."""
    written = {"FACADE": facade, "ERROR_TREE": error_tree, "ERRORS": error_list, "COMMANDS": commands}
    for placeholder, write in written.items():
        marker = f"{{{{ {placeholder} }}}}"
        if marker in source[0]:
            source[0] = source[0].replace(marker, write())


def setup(app: Sphinx) -> None:
    """Connect the hook above."""
    app.connect("source-read", fill_in)
