"""What a server counts, and how Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mlpack.runtime.server.counters import Counter, Counters, Histogram
from mlpack.runtime.server.drift import DriftCounts
from mlpack.runtime.server.exposition import family, histograms

if TYPE_CHECKING:
    from mlpack.format.contract import Contract

__all__ = ["CODES", "PROTOCOLS", "REASONS", "Metrics"]

PROTOCOLS = ("v2", "grpc", "invocations", "vertex", "azure", "predict", "other")
CODES = (200, 400, 404, 405, 408, 413, 415, 500, 503, 504)
REASONS = (
    "contract",
    "malformed",
    "size",
    "media",
    "queue",
    "deadline",
    "loading",
    "draining",
    "engine",
    "internal",
)
_ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0)


class Metrics:
    """Every number that a server counts. Made before the workers are, and shared by them."""

    def __init__(self, contract: Contract, info: Mapping[str, str]) -> None:
        """Declare everything.

        Args:
            contract: Whose columns are compared with training.
            info: Labels of `mlpack_bundle_info`: name, version, digest, signer.
        """
        self.counters = Counters()
        self._info = dict(info)
        self._requests = {
            (protocol, code): Counter.of(self.counters) for protocol in PROTOCOLS for code in CODES
        }
        self._seconds = {protocol: Histogram.of(self.counters) for protocol in PROTOCOLS}
        self._refused = {reason: Counter.of(self.counters) for reason in REASONS}
        self._rows = Histogram.of(self.counters, _ROWS)
        self._joined = Histogram.of(self.counters, _ROWS)
        self._run = Histogram.of(self.counters)
        self._waiting = Counter.of(self.counters)
        self._ready = Counter.of(self.counters)
        self._restarts = Counter.of(self.counters)
        self.drift = DriftCounts(contract, self.counters)

    def answered(self, protocol: str, status: int, seconds: float) -> None:
        """Count a request that was answered, one way or the other."""
        self._requests[protocol, status if (protocol, status) in self._requests else 500].add()
        self._seconds[protocol].observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a refusal by its reason."""
        self._refused[reason].add()

    def predicted(self, rows: int) -> None:
        """Count the rows of a request."""
        self._rows.observe(float(rows))

    def ran(self, requests: int, seconds: float) -> None:
        """Count a run of the model that several requests may have shared."""
        self._joined.observe(float(requests))
        self._run.observe(seconds)

    def waiting(self, requests: int) -> None:
        """Say how many requests wait in this worker."""
        self._waiting.put(float(requests))

    def ready(self, *, ready: bool) -> None:
        """Say whether this worker answers."""
        self._ready.put(float(ready))

    @property
    def ready_workers(self) -> int:
        """Workers that answer."""
        return int(self._ready.total)

    def restarted(self) -> None:
        """Count a worker that took another's place."""
        self._restarts.add()

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return "".join(self._lines()).encode()

    def _lines(self) -> Iterator[str]:
        yield from family("mlpack_bundle_info", "gauge", "The bundle that answers.", [(self._info, 1.0)])
        yield from family(
            "mlpack_requests_total",
            "counter",
            "Requests answered.",
            (
                ({"protocol": protocol, "code": str(code)}, counter.total)
                for (protocol, code), counter in self._requests.items()
                if code == 200 or counter.total
            ),
        )
        yield from family(
            "mlpack_refused_total",
            "counter",
            "Requests refused, by reason.",
            (({"reason": reason}, counter.total) for reason, counter in self._refused.items()),
        )
        yield from histograms(
            "mlpack_request_seconds",
            "Time from a request's last byte to its answer.",
            (({"protocol": protocol}, histogram) for protocol, histogram in self._seconds.items()),
        )
        yield from histograms("mlpack_request_rows", "Rows of a request.", [({}, self._rows)])
        yield from histograms(
            "mlpack_run_requests", "Requests that shared a queued run.", [({}, self._joined)]
        )
        yield from histograms("mlpack_run_seconds", "Time of a queued run of the model.", [({}, self._run)])
        for name, kind, what, counter in (
            ("mlpack_queue_requests", "gauge", "Requests that wait for the model.", self._waiting),
            ("mlpack_ready_workers", "gauge", "Workers that answer.", self._ready),
            ("mlpack_worker_restarts_total", "counter", "Workers that took another's place.", self._restarts),
        ):
            yield from family(name, kind, what, [({}, counter.total)])
        yield from self.drift.lines()
