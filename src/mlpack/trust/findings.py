"""What one verification found: problems by step, and what became of every rule."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlpack.errors import PolicyViolationError, VerificationError
from mlpack.show.visible import visible
from mlpack.trust.verdict import RuleResult, failed, not_assessed, passed

__all__ = ["Findings"]

_STEPS = {
    2: "container",
    3: "signature",
    4: "signer",
    5: "signed statement",
    6: "signed files",
    7: "contents",
    8: "manifest and documents",
}
"""Steps that are no rule of a policy, in the words of a verdict."""


class Findings:
    """Every problem of one verification, by step, and what became of every rule."""

    def __init__(self, path: Path) -> None:
        """Start with nothing found."""
        self._path = path
        self._found: list[tuple[int, type[VerificationError], str, str | None]] = []
        self._rules: list[RuleResult] = []
        self.reached: dict[int, str] = {}
        """Step -> what it found good; steps without an entry were not reached."""

    def add(
        self, step: int, kind: type[VerificationError], problems: Iterable[str], code: str | None = None
    ) -> None:
        """Add problems of one step; `code` is the error's when it is not that of its class."""
        for problem in problems:
            flat = problem.replace("\n  - ", "; ").replace("\n  hint: ", "; ")
            self._found.append((step, kind, visible(flat), code))

    def judge(self, step: int, results: Iterable[RuleResult]) -> None:
        """Add what became of rules; those that refuse are problems."""
        for result in results:
            self._rules.append(result)
            if result.refuses:
                unclear = f"{result.rule}: not assessed: " if result.status == "not assessed" else ""
                problem = unclear + result.why
                self.add(step, PolicyViolationError, [problem])

    @property
    def any(self) -> bool:
        """Whether anything refuses the bundle."""
        return bool(self._found)

    def results(self) -> list[RuleResult]:
        """Return every step, then every rule."""
        steps = []
        for step, name in _STEPS.items():
            problems = [problem for number, _, problem, _ in self._found if number == step]
            if problems:
                steps.append(failed(name, "; ".join(problems)))
            elif step in self.reached:
                steps.append(passed(name, self.reached[step]))
            else:
                steps.append(not_assessed(name, "not reached, or not asked for", refuses=False))
        return steps + self._rules

    def error(self) -> VerificationError:
        """Return the refusal: the class of the first failed step, all problems in the order of the steps."""
        ordered = sorted(self._found, key=lambda finding: finding[0])
        kind = ordered[0][1] if ordered else VerificationError
        code = ordered[0][3] if ordered else None
        problems = tuple(dict.fromkeys(problem for _, _, problem, _ in ordered))
        error = kind(
            f"not verified: {len(problems)} problem(s)",
            code=code,
            where=visible(str(self._path)),
            problems=problems,
        )
        error.verdict = tuple(result.row for result in self.results())
        return error
