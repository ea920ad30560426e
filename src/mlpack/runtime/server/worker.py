"""One worker: loads the verified bundle, warms it up, answers until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpack.errors import MissingExtraError, MlpackError
from mlpack.format.contract import Contract
from mlpack.format.evidence import Golden
from mlpack.runtime.loading import load
from mlpack.runtime.server.application import Application, Dialect
from mlpack.runtime.server.journal import Journal
from mlpack.runtime.server.metrics import Metrics
from mlpack.runtime.server.scoring import Scoring
from mlpack.runtime.server.served import Served
from mlpack.runtime.server.settings import ServerSettings
from mlpack.runtime.server.tracing import Tracing, start_tracing

if TYPE_CHECKING:
    from mlpack.format.opening import UnverifiedBundle
    from mlpack.runtime._rows import Feeds
    from mlpack.runtime.predictor import Predictor
    from mlpack.trust.verified import VerifiedBundle

__all__ = ["Listening", "Worker", "describe", "warm"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Listening:
    """What a worker has from its parent.

    Attributes:
        http: Socket that listens already.
        grpc_port: Port for gRPC, which all workers share; None for none.
        parent: Descriptor that reads as ended when the parent is gone.
        replaces: Whether others answer already: then this one takes no request before its model is warm.
    """

    http: socket.socket
    grpc_port: int | None
    parent: int
    replaces: bool = False


def describe(bundle: VerifiedBundle | UnverifiedBundle, signer: str) -> Served:
    """Return what is known of a bundle before its model is loaded.

    Raises:
        FormatError: Parts of the bundle contradict one another.
    """
    manifest = bundle.manifest
    return Served(
        name=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        signer=signer,
        contract=Contract.from_bytes(bundle.read(manifest.one("contract"))),
        golden=Golden.from_bytes(bundle.read(manifest.one("golden"))),
    )


def dialects(served: Served, settings: ServerSettings, metrics: Metrics) -> dict[str, Dialect]:
    """Return the protocols over HTTP, by the name that metrics have for them."""
    from mlpack.runtime.server.protocols.azure import Azure
    from mlpack.runtime.server.protocols.invocations import Invocations
    from mlpack.runtime.server.protocols.oip import OpenInference
    from mlpack.runtime.server.protocols.pages import Pages
    from mlpack.runtime.server.protocols.predict import PlainPrediction
    from mlpack.runtime.server.protocols.vertex import Vertex

    return {
        "v2": OpenInference(served),
        "invocations": Invocations(served, settings),
        "vertex": Vertex(served, settings),
        "azure": Azure(served),
        "predict": PlainPrediction(served),
        "other": Pages(served, metrics.drift),
    }


class Worker:
    """One process that answers."""

    def __init__(
        self,
        bundle: VerifiedBundle | UnverifiedBundle,
        served: Served,
        settings: ServerSettings,
        metrics: Metrics,
    ) -> None:
        """Take what the parent made.

        Args:
            bundle: What was verified, or what nobody vouches for and is served all the same.
            served: What is known of it.
            settings: How to serve.
            metrics: What is counted.
        """
        self._bundle, self._served, self._settings, self._metrics = bundle, served, settings, metrics
        self._journal = Journal()
        self._failure: MlpackError | None = None
        served.others_ready = lambda: metrics.ready_workers == settings.workers

    def run(self, listening: Listening) -> None:
        """Serve until told to stop.

        Raises:
            MlpackError: The bundle cannot be loaded, or a library is missing.
        """
        try:
            import httptools
            import uvicorn
            import uvloop
        except ImportError as error:
            raise MissingExtraError(
                f"{error.name} is not installed", where="serve", hint="pip install 'mlpack-sdk[server]'"
            ) from error
        del httptools  # uvicorn imports it by name
        tracing = start_tracing(self._served, os.environ)
        protocols = dialects(self._served, self._settings, self._metrics)
        application = Application(
            self._served, self._settings, self._metrics, protocols, self._journal, tracing=tracing
        )
        server = uvicorn.Server(
            uvicorn.Config(
                application,
                http="httptools",
                loop="uvloop",
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=30,
            )
        )
        uvloop.run(self._serve(server, listening, tracing))
        if tracing is not None:
            tracing.stop()
        if self._failure is not None:
            raise self._failure
        self._journal.write("stopped")

    async def _serve(
        self,
        server: Any,  # noqa: ANN401  (uvicorn's)
        listening: Listening,
        tracing: Tracing | None,
    ) -> None:
        loop = asyncio.get_running_loop()

        def leave() -> None:
            server.should_exit = True

        def drain() -> None:
            if self._served.state != "draining":
                self._served.state = "draining"
                self._metrics.ready(ready=False)
                loop.call_later(self._settings.drain, leave)

        def loaded(outcome: Scoring | MlpackError) -> None:
            if isinstance(outcome, MlpackError):
                self._failure = outcome
                leave()
            else:
                self._answer_with(outcome)

        loop.add_reader(listening.parent, drain)
        server.capture_signals = _Nothing  # uvicorn's would stop at once; ours drain first
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, drain)
        rpc = None
        if listening.grpc_port is not None:
            from mlpack.runtime.server.rpc import InferenceService, start_grpc

            service = InferenceService(self._served, self._metrics, tracing)
            rpc = await start_grpc(service, self._settings, listening.grpc_port)
        if listening.replaces:
            loaded(self._load())
        else:
            threading.Thread(
                target=lambda: loop.call_soon_threadsafe(loaded, self._load()), name="loading", daemon=True
            ).start()
        await server.serve(sockets=[listening.http])
        if rpc is not None:
            await rpc.stop(self._settings.drain)
        self._metrics.ready(ready=False)

    def _answer_with(self, scoring: Scoring) -> None:
        self._served.scoring = scoring
        if self._served.state == "loading":
            self._served.state = "ready"
            self._metrics.ready(ready=True)
        self._journal.write("ready", bundle=self._served.digest, signer=self._served.signer)

    def _load(self) -> Scoring | MlpackError:
        """Load and warm the model, beside the loop that says meanwhile that it is not ready."""
        from mlpack.trust.policy import UNSIGNED
        from mlpack.trust.verified import VerifiedBundle

        policy = None if isinstance(self._bundle, VerifiedBundle) else UNSIGNED
        settings = self._settings
        try:
            predictor = load(self._bundle, policy=policy, ranges=settings.ranges, threads=settings.threads)
            per_run, per_row = warm(predictor, self._served.golden)
        except MlpackError as error:
            return error
        return Scoring(predictor, settings, self._metrics, per_run=per_run, per_row=per_row)


class _Nothing:
    """A context manager that does nothing."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


def warm(predictor: Predictor, golden: Golden) -> tuple[float, float]:
    """Run golden rows until the model is warm; return seconds per run, and per further row.

    A model of tensors is never called quick: what a run takes depends on their sizes.
    """
    from mlpack.runtime.replay import golden_inputs

    if predictor.layout == "tensors":
        return 1.0, 0.0
    feeds = predictor.feeds(golden_inputs(predictor.inputs, golden))
    if feeds is None:
        return 1.0, 0.0
    rows = len(next(iter(feeds.values())))
    one = {name: values[:1] for name, values in feeds.items()}
    first = min(_timed(predictor, one) for _ in range(5))
    every = min(_timed(predictor, feeds) for _ in range(3))
    return first, max(0.0, every - first) / max(1, rows - 1)


def _timed(predictor: Predictor, feeds: Feeds) -> float:
    start = time.perf_counter()
    predictor.run(feeds, predictor.outputs)
    return time.perf_counter() - start
