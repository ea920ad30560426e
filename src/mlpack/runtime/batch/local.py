"""Scoring files on this machine: streamed, on all cores, and resumable."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpack.errors import UsageError
from mlpack.runtime.batch.report import Progress, ScoreReport, beside
from mlpack.runtime.batch.scorer import Mode, ScoreOptions, Scorer
from mlpack.runtime.loading import load

if TYPE_CHECKING:
    from mlpack.format.opening import UnverifiedBundle
    from mlpack.runtime.batch._journal import Journal
    from mlpack.runtime.batch._parts import Part
    from mlpack.runtime.batch.drift import DriftReport
    from mlpack.runtime.predictor import Predictor
    from mlpack.trust.policy import Policy, Unsigned
    from mlpack.trust.verified import VerifiedBundle

__all__ = ["score"]


def score(
    bundle: VerifiedBundle | UnverifiedBundle | str | os.PathLike[str],
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    policy: Policy | Unsigned | str | os.PathLike[str] | None = None,
    mode: Mode = "refuse",
    methods: Sequence[str] = (),
    keep: Sequence[str] | None = None,
    prefix: str = "",
    strict: bool = False,
    chunk_rows: int = 8192,
    threads: int | None = None,
    resume: bool = True,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> ScoreReport:
    """Score a table of any size, file by file, in bounded memory.

    Beside the target come `NAME.drift.json` and, when rows were set aside, `NAME.quarantine`. A run that was
    killed goes on where it was and ends with the same bytes.

    Args:
        bundle: What `verify` returned; or a path, which is verified first.
        source: A Parquet, Arrow, CSV or JSON lines file, a partitioned folder of such, or a URL for fsspec.
        target: A file; a folder when `source` is one; or the URL of a file. Its ending says its form.
        policy: For paths: whom to trust, as in `load`.
        mode: What happens to rows that break the contract, see `ScoreOptions`.
        methods: Methods to ask; empty for the bundle's first.
        keep: Input columns to keep; None keeps all.
        prefix: Stands before the names of the columns that are added.
        strict: Whether values outside the training data make a row bad.
        chunk_rows: Rows that run through the graph at once.
        threads: Chunks that are scored at the same time; None takes every core that this process may use.
        resume: Whether to go on with what a killed run left, rather than throwing it away.
        overwrite: Whether an existing target is replaced.
        progress: Called after each chunk.

    Raises:
        VerificationError: The bundle does not fulfil the policy.
        PolicyError: There is no usable policy.
        InputError: Rows break the contract (mode `refuse`), a column is missing, or a file is damaged.
        TargetExistsError: The target exists.
        StorageError: The disk refuses, or another run is writing the same target.
        UsageError: An argument makes no sense, or an unfinished run of other data or options is there.
        MissingExtraError: pyarrow, or fsspec for URLs, is not installed.
    """
    started = time.monotonic()
    options = ScoreOptions(
        methods=tuple(methods),
        mode=mode,
        chunk_rows=chunk_rows,
        keep=None if keep is None else tuple(keep),
        prefix=prefix,
    )
    workers = _cores() if threads is None else threads
    if type(workers) is not int or workers < 1:
        raise UsageError("expected a positive number of threads", where="threads")
    predictor = load(bundle, policy=policy, ranges="refuse" if strict else "warn")
    Scorer(predictor, options)  # says at once what is wrong with the options
    run = _Run(predictor, options, os.fspath(source), os.fspath(target), overwrite=overwrite)
    return run.carry_out(workers, resume=resume, progress=progress, started=started)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Run:
    """One source and one target."""

    def __init__(
        self, predictor: Predictor, options: ScoreOptions, source: str, target: str, *, overwrite: bool
    ) -> None:
        from mlpack.runtime.batch._formats import form_of
        from mlpack.runtime.batch._parts import is_url, list_parts

        self._predictor = predictor
        self._options = options
        self._overwrite = overwrite
        self._target = target
        self.parts, self._folder = list_parts(source)
        self._url = is_url(target)
        if self._folder and self._url:
            raise UsageError("a partitioned folder is scored into a folder on this machine", where=target)
        self._form = self.parts[0].form if self._folder else form_of(target)
        self._local = _staged_for(target) if self._url else Path(os.path.abspath(target))  # noqa: PTH100
        self._aside = beside(self._local, "quarantine", folder=self._folder)
        self._drift = beside(self._local, "drift", folder=self._folder, ending=".json")

    def carry_out(
        self, threads: int, *, resume: bool, progress: Callable[[Progress], None] | None, started: float
    ) -> ScoreReport:
        from mlpack.format.atomic import refuse_existing
        from mlpack.runtime.batch._journal import open_journal
        from mlpack.runtime.batch._work import PartWork

        bound = self._bound()
        with ExitStack() as stack:
            journal = stack.enter_context(open_journal(self._local, bound, resume=resume))
            resumed = [journal.record(index) for index in range(len(self.parts))]
            if not self._overwrite and not any(resumed):
                for place in (self._local, self._aside, self._drift):
                    refuse_existing(place)
            work = PartWork(self._predictor, self._options, journal, self._form, threads)
            records = []
            for index, (part, found) in enumerate(zip(self.parts, resumed, strict=True)):
                records.append(found or self._one(work, journal, index, part, progress))
            drift = self._finish(journal, records)
        aside = sum(record["quarantined"] for record in records)
        self._upload(aside=bool(aside))
        return ScoreReport(
            target=self._target,
            digest=self._predictor.digest,
            rows=sum(record["rows"] for record in records),
            quarantined=aside,
            quarantine=self._shown(self._aside) if aside else None,
            drift=drift,
            drift_path=self._shown(self._drift),
            parts=len(records),
            resumed=sum(found is not None for found in resumed),
            taken=sum(now["taken"] for now, found in zip(records, resumed, strict=True) if found is None),
            seconds=time.monotonic() - started,
        )

    def _bound(self) -> dict[str, Any]:
        """Return everything that decides the output."""
        import onnxruntime
        import pyarrow as pa

        options = self._options
        return {
            "bundle": self._predictor.digest,
            "input": [part.identity() for part in self.parts],
            "options": {
                "methods": list(options.methods),
                "mode": options.mode,
                "chunk_rows": options.chunk_rows,
                "keep": None if options.keep is None else list(options.keep),
                "prefix": options.prefix,
                "ranges": self._predictor.ranges,
                "form": self._form,
            },
            "libraries": {"onnxruntime": onnxruntime.__version__, "pyarrow": pa.__version__},
        }

    def _name(self, part: Part) -> str:
        return part.relative if self._folder else "table"

    def _one(
        self,
        work: Any,  # noqa: ANN401  (PartWork, which needs pyarrow)
        journal: Journal,
        index: int,
        part: Part,
        progress: Callable[[Progress], None] | None,
    ) -> dict[str, Any]:
        def step(rows: int, expected: int | None) -> None:
            if progress is not None:
                progress(Progress(rows=rows, expected=expected, part=index + 1, parts=len(self.parts)))

        record: dict[str, Any] = work.score(part, index, self._name(part), step)
        journal.finish(index, record)
        return record

    def _finish(self, journal: Journal, records: list[dict[str, Any]]) -> DriftReport:
        """Put everything into place, the table itself last."""
        from mlpack.format.atomic import atomic_file, into_place
        from mlpack.runtime.batch._tally import Tally
        from mlpack.runtime.batch.drift import report_drift

        tally = Tally(self._predictor.inputs)
        for record in records:
            tally.add(record["tally"])
        report = report_drift(self._predictor.inputs, tally.counts)
        with atomic_file(self._drift, overwrite=True) as file:
            file.write(report.to_bytes())
        if self._overwrite and not any(record["quarantined"] for record in records):
            _remove(self._aside)  # that of an earlier run
        # What is not in the journal any more was put into place by a run that was killed right after.
        for staged, place in ((journal.aside, self._aside), (journal.rows, self._local)):
            ready = staged if self._folder else staged / "table"
            if ready.exists():
                into_place(ready, place, overwrite=self._overwrite)
        return report

    def _upload(self, *, aside: bool) -> None:
        if not self._url:
            return
        from mlpack.runtime.batch._parts import file_system

        system, path = file_system(self._target)
        folder, slash, _ = path.rpartition("/")
        for place in ([self._aside] if aside else []) + [self._drift, self._local]:
            final = f"{folder}{slash}{place.name}"
            system.put_file(str(place), f"{final}.part")
            system.mv(f"{final}.part", final)
            place.unlink()

    def _shown(self, place: Path) -> str:
        if self._url:
            return f"{self._target.rpartition('/')[0]}/{place.name}"
        return str(place)


def _remove(place: Path) -> None:
    import shutil

    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _staged_for(url: str) -> Path:
    """Return where the table of a URL is written before it travels: the same place for the same URL."""
    import hashlib
    import tempfile

    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"mlpack-score-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / url.rstrip("/").rpartition("/")[2]
