"""The loaded model: the methods of the original, over a graph, behind its contract."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from mlpack.errors import FormatError, InputError, MlpackError, UsageError
from mlpack.format.contract import Contract, Input, Layout, Output
from mlpack.format.names import REFUSED
from mlpack.runtime.notices import ContractWarning

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlpack.runtime._checks import Ranges
    from mlpack.runtime._findings import Findings
    from mlpack.runtime._outputs import Finish
    from mlpack.runtime._rows import Feeds
    from mlpack.runtime._tensors import TensorIntake
    from mlpack.runtime.session import Session

__all__ = ["Predictor"]

_METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "score_samples",
)
_HERE = __file__.rpartition("predictor.py")[0]


class Predictor:
    """Answers as the original model did: same shapes, dtypes and labels.

    Only the methods that the bundle offers exist, each taking rows in any of these forms: a pandas or polars
    DataFrame or a pyarrow table (columns by name, in any order, further ones ignored; by position for models
    of plain arrays), a two-dimensional array, a dict of columns, a dict of one row's cells, a list of such
    dicts, or a list of lists; for a model of one column of texts also a sequence of texts. Models of tensors
    take a dict of arrays by name, a tuple of them, or one array (NumPy's or torch's) where they have one
    input; they return a dict where the original has several outputs.
    Rows that break the contract raise InputError before the model sees any.
    A Predictor may be used from several threads at once.
    """

    predict: Callable[[object], NDArray[Any]]
    predict_proba: Callable[[object], NDArray[Any]]
    predict_log_proba: Callable[[object], NDArray[Any]]
    decision_function: Callable[[object], NDArray[Any]]
    transform: Callable[[object], NDArray[Any]]
    score_samples: Callable[[object], NDArray[Any]]
    classes_: NDArray[Any]
    feature_names_in_: NDArray[np.object_]

    def __init__(
        self,
        contract: Contract,
        session: Session,
        *,
        ranges: Ranges = "warn",
        name: str = "model",
        version: str = "",
        digest: str = "",
    ) -> None:
        """Bind a graph to its contract.

        Args:
            contract: Inputs and outputs.
            session: The opened graph.
            ranges: What happens to values that the original accepts but did not see in training: `warn`
                counts them and warns once per column, `refuse` raises InputError, `ignore` does not look.
            name: Name of the bundle.
            version: Version of the bundle.
            digest: Digest of the bundle.

        Raises:
            UsageError: `ranges` is none of these words.
            FormatError: Contract and graph do not fit each other.
        """
        import numpy as np

        from mlpack.runtime._intake import Intake
        from mlpack.runtime._tensors import TensorIntake
        from mlpack.runtime.session import engine_title

        if ranges not in ("warn", "refuse", "ignore"):
            raise UsageError(f"expected warn, refuse or ignore, found {ranges!r}", where="ranges")
        _check_inputs(contract, session)
        self.name = name
        self.version = version
        self.digest = digest
        self.inputs: tuple[Input, ...] = contract.inputs
        self.outputs: tuple[Output, ...] = contract.outputs
        self.layout: Layout = contract.layout
        self.n_features_in_ = len(contract.inputs)
        if contract.layout == "frame":
            self.feature_names_in_ = np.array([item.name for item in contract.inputs], dtype=object)
        self.ranges: Ranges = ranges
        tensors = TensorIntake(contract) if contract.layout == "tensors" else None
        self._intake = tensors or Intake(contract, ranges)
        self.engine = engine_title(session)
        self._session = session
        self._guards = [item.name for item in session.get_outputs() if item.name == REFUSED]
        self._counts: dict[str, int] = {}
        self._warned: set[str] = set()
        self._lock = threading.Lock()
        self._finish: dict[str, Finish | None] = {}
        self._by_key = {output.key: output for output in contract.outputs}
        if tensors is None:
            self._offer()
        else:
            self._offer_tensors(contract, tensors)

    def _offer_tensors(self, contract: Contract, intake: TensorIntake) -> None:
        from mlpack.runtime._tensors import tensor_method

        _check_outputs(self.outputs, {item.name for item in self._session.get_outputs()})
        for method in contract.methods:
            setattr(self, method, tensor_method(method, contract, self._session, intake))

    def _offer(self) -> None:
        from mlpack.runtime._outputs import label_array, native_dtype

        types = {item.name: item.type for item in self._session.get_outputs()}
        _check_outputs(self.outputs, types)
        for output in self.outputs:
            setattr(self, output.method, self._method(output, types[output.tensor]))
        for output in self.outputs:
            if output.classes is not None and (output.method == "predict" or not hasattr(self, "classes_")):
                import numpy as np

                named = native_dtype(output) if output.method == "predict" else np.array(output.classes).dtype
                self.classes_ = label_array(output.classes, named)

    def _method(self, output: Output, tensor_type: str) -> Callable[[object], NDArray[Any]]:
        """Return one method as a closure: every attribute looked up here is not looked up per call."""
        from mlpack.runtime._outputs import empty_answer, finisher
        from mlpack.runtime.session import engine_errors

        read, run, note = self._intake.read, self._session.run, self._note
        finish = finisher(output, tensor_type)
        names = [output.tensor, *self._guards]
        errors = engine_errors(self._session)
        self._finish[output.method] = finish

        def method(X: object) -> NDArray[Any]:  # noqa: N803  (scikit-learn's name)
            feeds, findings = read(X)
            if findings is not None and findings.remarks:
                note(findings)
            if feeds is None:
                return empty_answer(output)
            try:
                answer, *refused = run(names, feeds)
            except errors as error:
                raise MlpackError(
                    f"onnxruntime failed on these rows ({type(error).__name__})",
                    code="engine",
                    where=output.method,
                ) from error
            if refused and b"\1" in refused[0].tobytes():  # three times as fast as .any() for a row
                _refuse(refused[0])
            return answer if finish is None else finish(answer)

        method.__name__ = output.method
        method.__qualname__ = f"Predictor.{output.method}"
        method.__doc__ = f"Return what the original's `{output.method}` returns for these rows."
        return method

    def check(self, X: object) -> int:  # noqa: N803  (scikit-learn's name)
        """Hold rows against the contract without predicting anything; return how many there are.

        Raises:
            InputError: The rows break the contract.
        """
        feeds, _ = self._intake.read(X)
        if feeds is None:
            return 0
        if self._guards:
            self._run([], feeds)
        return len(next(iter(feeds.values())))

    def _run(self, tensors: Sequence[str], feeds: Mapping[str, Any]) -> Sequence[Any]:
        """Return some outputs of the graph, unless it refuses a row.

        Raises:
            InputError: The graph's guard refuses a row.
            MlpackError: onnxruntime failed.
        """
        from mlpack.runtime.session import engine_errors

        try:
            found = self._session.run([*tensors, *self._guards], feeds)
        except engine_errors(self._session) as error:
            raise MlpackError(
                f"onnxruntime failed on these rows ({type(error).__name__})", code="engine", where="rows"
            ) from error
        if self._guards and found[-1].any():
            _refuse(found[-1])
        return found[: len(tensors)]

    def answers(self, X: object, methods: Sequence[str]) -> tuple[NDArray[Any], ...]:  # noqa: N803
        """Return what several methods answer for the same rows, which are read and run once.

        Made for tables in bulk: what lies outside the training data is counted, in `counts`, without a
        warning.

        Raises:
            InputError: The rows break the contract.
            UsageError: A method is not offered.
            MlpackError: onnxruntime failed.
        """
        offered = {output.method for output in self.outputs}
        if unknown := [method for method in methods if method not in offered]:
            raise UsageError(
                f"not offered: {', '.join(unknown)}",
                where="methods",
                hint=f"choose from {', '.join(dict.fromkeys(item.method for item in self.outputs))}",
            )
        if self.layout == "tensors":
            return tuple(getattr(self, method)(X) for method in methods)
        return self.run(self.feeds(X), [self._by_key[method] for method in methods])

    def feeds(self, X: object) -> Feeds | None:  # noqa: N803  (scikit-learn's name)
        """Return rows as the tensors of the graph, or None where there are no rows.

        The first half of `answers`, for callers that join the rows of several before the model runs.

        Raises:
            InputError: The rows break the contract.
        """
        feeds, findings = self._intake.read(X)
        if findings is not None and findings.remarks:
            self._count(findings)
        return feeds

    def run(self, feeds: Feeds | None, outputs: Sequence[Output]) -> tuple[NDArray[Any], ...]:
        """Return outputs of the original for what `feeds` returned.

        Args:
            feeds: Tensors by name; None for no rows, which only models of rows have an answer for.
            outputs: Some of `self.outputs`.

        Raises:
            InputError: The graph's guard refuses a row.
            MlpackError: onnxruntime failed.
        """
        from mlpack.runtime._outputs import empty_answer

        if feeds is None:
            return tuple(empty_answer(output) for output in outputs)
        raw = self._run([output.tensor for output in outputs], feeds)
        finishes = [self._finish.get(output.method) for output in outputs]
        return tuple(
            answer if finish is None else finish(answer) for finish, answer in zip(finishes, raw, strict=True)
        )

    @property
    def counts(self) -> Mapping[str, int]:
        """How often rows were accepted outside what training saw: `{"age: above maximum": 3}`."""
        with self._lock:
            return dict(self._counts)

    def _count(self, findings: Findings) -> None:
        with self._lock:
            for (column, what), rows in findings.remarks.items():
                key = what if column == "*" else f"{column}: {what}"
                self._counts[key] = self._counts.get(key, 0) + rows

    def _note(self, findings: Findings) -> None:
        self._count(findings)
        fresh: list[str] = []
        with self._lock:
            for (column, what), rows in findings.remarks.items():
                if column != "*" and column not in self._warned:
                    self._warned.add(column)
                    fresh.append(f"column {column[:80]!r}, {rows} row(s): {what} in training")
        for message in fresh:
            warnings.warn(
                f"{message}; further ones are only counted, in .counts", ContractWarning, stacklevel=_depth()
            )

    def __getattr__(self, name: str) -> NoReturn:
        # Reached only for what is not there.
        if name in _METHODS:
            offered = ", ".join(output.method for output in self.__dict__.get("outputs", ()))
            raise AttributeError(f"this model has no {name}; it offers {offered}", name=name, obj=self)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Predictor cannot be pickled: load the bundle in each process")

    def __repr__(self) -> str:
        title = f"{self.name} {self.version}".strip()
        offered = ", ".join(dict.fromkeys(output.method for output in self.outputs))
        return f"<Predictor {title}: {self.n_features_in_} inputs -> {offered}>"


def _refuse(rows: NDArray[np.bool_]) -> NoReturn:
    """Raise what the original's own input check would have raised."""
    first = int(rows.argmax())
    raise InputError(
        f"the original refuses {int(rows.sum())} row(s): a step of it computes a missing or infinite value",
        where=f"rows: row {first}",
        hint="the values are too large, or outside the domain of a function in the model",
    )


def _depth() -> int:
    """Return the stack level of the first caller outside this package, so that the warning names its line."""
    level = 1
    frame = sys._getframe(1)  # noqa: SLF001  (the documented way to see a caller, private in name only)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame, level = frame.f_back, level + 1
    return level


def _check_outputs(outputs: Sequence[Output], found: Container[str]) -> None:
    for output in outputs:
        if output.tensor not in found:
            raise FormatError(
                "the graph has no such output", where=f"contract.json.outputs: {output.tensor!r}"
            )


def _check_inputs(contract: Contract, session: Session) -> None:
    from mlpack.runtime._tensors import ELEMENTS

    expected = {item.tensor: ELEMENTS[item.dtype] for item in contract.inputs}
    found = {item.name: item.type for item in session.get_inputs()}
    if expected != found:
        raise FormatError(
            "contract and graph name different inputs",
            where="contract.json.inputs",
            problems=tuple(
                f"{name}: the contract has {expected.get(name, 'nothing')}, "
                f"the graph {found.get(name, 'nothing')}"
                for name in sorted(expected.keys() | found.keys())
                if expected.get(name) != found.get(name)
            )[:20],
        )
