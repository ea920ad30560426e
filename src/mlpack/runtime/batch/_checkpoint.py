"""Scores of a file that is not finished, so that a killed run does not ask the model again.

The rows themselves are not kept: they are read and written once more, in the same chunks, which is how the
same bytes come out.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mlpack.errors import StorageError
from mlpack.format.atomic import atomic_file, storage_errors
from mlpack.format.documents import canonical_json
from mlpack.runtime.batch.scorer import Scored

__all__ = ["MARK", "Checkpoint", "Kept"]

EVERY = 5.0
"""Seconds between moments at which what was scored is known to be on disk."""

MARK = "mark.json"
"""Says how much of the other files counts."""

_CHUNK, _POSITION = "chunk", "position"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What a chunk's rows became.

    Attributes:
        scores: One column per score, for the rows that have some.
        aside: Quarantined rows; None for none.
        positions: Where these stood in the chunk, ascending.
    """

    scores: pa.RecordBatch
    aside: pa.RecordBatch | None = None
    positions: tuple[int, ...] = ()


class Checkpoint:
    """The folder of one unfinished file: per run a stream of scores and one of quarantined rows."""

    def __init__(self, folder: Path) -> None:
        """Look at what earlier runs left."""
        self._folder = folder
        self._files = contextlib.ExitStack()
        self._open: dict[str, tuple[pa.OSFile, pa.ipc.RecordBatchStreamWriter]] = {}
        mark = folder / MARK
        self._runs: list[dict[str, int]] = json.loads(mark.read_bytes()) if mark.exists() else []
        self._mine = {"chunks": 0, "asides": 0}
        self._last = time.monotonic()

    def earlier(self) -> Iterator[Kept]:
        """Yield what earlier runs made of the first chunks, in order.

        Raises:
            StorageError: Their files are damaged.
        """
        for number, run in enumerate(self._runs):
            try:
                yield from self._of_run(number, run)
            except (pa.ArrowInvalid, StopIteration, OSError) as error:
                raise StorageError(
                    "what an unfinished run left is damaged",
                    where=str(self._folder),
                    hint="start over with --restart (resume=False)",
                ) from error

    def _of_run(self, number: int, run: dict[str, int]) -> Iterator[Kept]:
        with contextlib.ExitStack() as stack:

            def stream(word: str) -> pa.RecordBatchReader:
                file = stack.enter_context(pa.OSFile(str(self._place(number, word)), "rb"))
                return stack.enter_context(pa.ipc.open_stream(file))

            scores = stream("scores")
            asides = stream("aside") if run["asides"] else None
            left = run["asides"]
            waiting = None
            for chunk in range(run["chunks"]):
                batch = scores.read_next_batch()
                if waiting is None and left and asides is not None:
                    waiting, left = asides.read_next_batch(), left - 1
                if waiting is None or waiting.column(_CHUNK)[0].as_py() != chunk:
                    yield Kept(scores=batch)
                    continue
                positions = tuple(waiting.column(_POSITION).to_pylist())
                aside, waiting = waiting.drop_columns([_CHUNK, _POSITION]), None
                yield Kept(scores=batch, aside=aside, positions=positions)

    def keep(self, scored: Scored, scores: pa.RecordBatch) -> None:
        """Keep what became of the next chunk; it counts from the next mark on.

        Raises:
            StorageError: The disk refuses.
        """
        with storage_errors(self._folder):
            self._write("scores", scores)
            aside = scored.quarantined
            if aside.num_rows:
                chunk = pa.repeat(self._mine["chunks"], aside.num_rows)
                positions = pa.array(scored.positions, pa.int64())
                schema = aside.schema.append(pa.field(_CHUNK, chunk.type))
                schema = schema.append(pa.field(_POSITION, positions.type))
                arrays = [*aside.columns, chunk, positions]
                self._write("aside", pa.RecordBatch.from_arrays(arrays, schema=schema))
                self._mine["asides"] += 1
            self._mine["chunks"] += 1
            if time.monotonic() - self._last >= EVERY:
                self._mark()
                self._last = time.monotonic()

    def _write(self, word: str, batch: pa.RecordBatch) -> None:
        if word not in self._open:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._files.enter_context(pa.OSFile(str(self._place(len(self._runs), word)), "wb"))
            writer = self._files.enter_context(pa.ipc.new_stream(file, batch.schema))
            self._open[word] = file, writer
        self._open[word][1].write_batch(batch)

    def _mark(self) -> None:
        for file, _ in self._open.values():
            file.flush()
            os.fsync(file.fileno())
        with atomic_file(self._folder / MARK, overwrite=True) as mark:
            mark.write(canonical_json([*self._runs, self._mine]))

    def close(self) -> None:
        """Close the files. What counts does not change, so a full disk matters no more."""
        with contextlib.suppress(OSError):
            self._files.close()

    def _place(self, run: int, word: str) -> Path:
        return self._folder / f"{run}.{word}"
