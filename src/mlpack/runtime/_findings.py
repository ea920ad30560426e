"""What is wrong with a batch of rows, collected over all columns before anything is raised."""

from __future__ import annotations

from mlpack.errors import InputError

__all__ = ["Findings"]

MAX_PROBLEMS = 20
"""Problems that one error spells out; the rest are counted."""


class Findings:
    """Problems (which refuse the batch) and remarks (which are only counted) of one batch.

    Neither ever holds a value of a row: only columns, positions and types.
    """

    __slots__ = ("_problems", "remarks")

    def __init__(self) -> None:
        """Start with nothing found."""
        self._problems: list[tuple[str, str]] = []
        self.remarks: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._problems)

    def wrong(self, column: str, row: int, expected: str, found: str, *, rows: int = 1) -> None:
        """Note that `rows` cells of a column are wrong, the first of them at position `row`."""
        more = f" (and {rows - 1} more)" if rows > 1 else ""
        self._problems.append(
            (f"column {shown(column)}", f"row {row}: expected {expected}, found {found}{more}")
        )

    def broken(self, column: str, problem: str) -> None:
        """Note that a column as a whole cannot be used."""
        self._problems.append((f"column {shown(column)}", problem))

    def remark(self, column: str, what: str, rows: int) -> None:
        """Note that `rows` cells of a column are unusual."""
        self.remarks[column, what] = self.remarks.get((column, what), 0) + rows

    def settle(self) -> None:
        """Raise what was found, if it refuses the batch.

        Raises:
            InputError: At least one problem was noted; `problems` lists the first twenty.
        """
        if not self._problems:
            return
        if len(self._problems) == 1:
            where, problem = self._problems[0]
            raise InputError(problem, where=where, problems=())
        listed = [f"{where}, {problem}" for where, problem in self._problems[:MAX_PROBLEMS]]
        if len(self._problems) > MAX_PROBLEMS:
            listed.append(f"... and {len(self._problems) - MAX_PROBLEMS} more")
        raise InputError(
            f"{len(self._problems)} columns break the input contract", where="rows", problems=tuple(listed)
        )


def shown(name: object) -> str:
    """Return a column's name for a message: quoted and of bounded length."""
    text = repr(name)
    return text if len(text) <= 80 else f"{text[:77]}..."
