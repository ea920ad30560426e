"""The console command's first step, under a name that no other distribution uses.

Another distribution, an unrelated C++ library, also installs a package called `mlpack`, and whichever of the
two is installed last overwrites the other's files. So the command starts here, looks before it imports, and
can say what is wrong even when `mlpack` is not ours, is half ours, or cannot be imported at all.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

__all__ = ["Clash", "doctor", "find_clash", "main"]

_OURS = ("errors.py", "format/__init__.py")
"""Files beside `__init__.py` that every version of ours has and the other library has not."""

_MARK = "mlpack.trust"
"""Stands in every `mlpack/__init__.py` of ours, which names the home of each public name."""

_REPAIR = """\
Both want the folder `mlpack`, so one environment holds one of them. Use a fresh environment for
mlpack-sdk, or repair this one:
    python -m pip uninstall mlpack mlpack-sdk
    python -m pip install mlpack-sdk"""


class Clash(NamedTuple):
    """Why the package called `mlpack` cannot be used.

    Attributes:
        reason: One sentence.
        place: The folder at fault, or an empty string when there is none.
    """

    reason: str
    place: str


def find_clash() -> Clash | None:
    """Look at the package called `mlpack` without running any of its code.

    Returns:
        What is wrong with it, or None when it is ours and complete.
    """
    from importlib.util import find_spec

    spec = find_spec("mlpack")
    if spec is None:
        return Clash("the package `mlpack` is not installed", "")
    if spec.origin is None or Path(spec.origin).name != "__init__.py":
        place = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
        return Clash("`mlpack` is not a package with an `__init__.py`, so it is not mlpack-sdk's", place)
    root = Path(spec.origin)
    try:
        ours = _MARK in root.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return Clash(f"the package `mlpack` cannot be read: {error.strerror}", str(root.parent))
    missing = [name for name in _OURS if not (root.parent / name).is_file()]
    if ours and not missing:
        return None
    if ours:
        reason = f"files of mlpack-sdk are missing: {', '.join(missing)}"
    elif missing:
        reason = "the package `mlpack` is another project's, not mlpack-sdk's"
    else:
        reason = "another project's package `mlpack` has overwritten files of mlpack-sdk"
    return Clash(reason, str(root.parent))


def doctor() -> int:
    """Print what is installed and whether it can work together, as plain text.

    Returns:
        0 when mlpack can run, 1 when something is in its way.
    """
    import platform

    libc = " ".join(platform.libc_ver()).strip()
    print(f"{'mlpack-sdk':<24}{_version('mlpack-sdk') or 'not installed'}")
    print(f"{'Python':<24}{platform.python_version()}, {platform.python_implementation()}, {sys.executable}")
    print(f"{'platform':<24}{' '.join(filter(None, (platform.system(), platform.machine(), libc)))}")
    missing = []
    for name, extra in _requirements():
        version = _version(name)
        if not version and not extra:
            missing.append(name)
        print(f"  {name:<22}{version or (f'not installed (extra: {extra})' if extra else 'MISSING')}")
    clash = find_clash()
    if clash is not None:
        print(f"\n{_explain(clash)}")
    elif missing:
        print(f"\n{len(missing)} missing. Repair with: python -m pip install --force-reinstall mlpack-sdk")
    elif _version("mlpack"):
        print("\nmlpack works, but the unrelated distribution `mlpack` is installed too.\n")
        print(_REPAIR)
    else:
        print("\nmlpack works: nothing is missing, nothing clashes.")
    return 1 if clash is not None or missing else 0


def main(argv: list[str] | None = None) -> int:
    """Run the command `mlpack`.

    Args:
        argv: Words after the program's name; those of this process when left out.

    Returns:
        The exit status: 0 done, 1 failed, 2 wrong usage, 3 not verified, 4 outside a tolerance.
    """
    words = sys.argv[1:] if argv is None else argv
    if words == ["doctor"]:
        return doctor()
    clash = find_clash()
    if clash is not None:
        print(_explain(clash), file=sys.stderr)
        return 1
    from mlpack._cli.main import main as run

    return run(words)


def _explain(clash: Clash) -> str:
    place = f"\n    in {clash.place}" if clash.place else ""
    return f"mlpack: {clash.reason}{place}\n\n{_REPAIR}"


def _requirements() -> list[tuple[str, str]]:
    """Return (distribution, extra) for what mlpack-sdk declares; extra is empty for what it always needs."""
    import re
    from importlib import metadata

    try:
        declared = metadata.requires("mlpack-sdk") or []
    except metadata.PackageNotFoundError:
        return []
    found: dict[str, str] = {}
    for line in declared:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", line)
        if name is not None and not (extra and extra[1] == "all"):  # `all` repeats the others
            found.setdefault(name[0], extra[1] if extra else "")
    return sorted(found.items(), key=lambda item: (item[1], item[0]))


def _version(distribution: str) -> str:
    """Return the installed version of a distribution, or an empty string."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
