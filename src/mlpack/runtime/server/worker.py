"""One worker: loads the verified bundle, warms it up, answers until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
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

if TYPE_CHECKING:
    from mlpack.format.opening import UnverifiedBundle
    from mlpack.runtime.predictor import Predictor
    from mlpack.trust.verified import VerifiedBundle

__all__ = ["describe", "run_worker"]


def describe(bundle: VerifiedBundle | UnverifiedBundle, signer: str) -> Served:
    """Return what is known of a bundle before its model is loaded."""
    manifest = bundle.manifest
    return Served(
        name=bundle.name,
        version=bundle.version,
        digest=f"bundle:{bundle.digest}" if not bundle.digest.startswith("bundle:") else bundle.digest,
        signer=signer,
        contract=Contract.from_bytes(bundle.read(manifest.one("contract"))),
        golden=Golden.from_bytes(bundle.read(manifest.one("golden"))),
    )


def dialects(served: Served, settings: ServerSettings) -> dict[str, Dialect]:
    """Return the protocols over HTTP, by the name that metrics have for them."""
    from mlpack.runtime.server.protocols.azure import Azure
    from mlpack.runtime.server.protocols.invocations import Invocations
    from mlpack.runtime.server.protocols.oip import OpenInference
    from mlpack.runtime.server.protocols.predict import PlainPrediction
    from mlpack.runtime.server.protocols.vertex import Vertex

    return {
        "v2": OpenInference(served),
        "invocations": Invocations(served, settings),
        "vertex": Vertex(served, settings),
        "azure": Azure(served),
        "predict": PlainPrediction(served),
    }


def run_worker(
    bundle: VerifiedBundle | UnverifiedBundle,
    served: Served,
    settings: ServerSettings,
    metrics: Metrics,
    listening: socket.socket,
    grpc_port: int | None,
    parent: int,
) -> int:
    """Serve until told to stop; return the exit status.

    Args:
        bundle: What was verified, or what nobody vouches for and is served all the same.
        served: What is known of it.
        settings: How to serve.
        metrics: What is counted.
        listening: Socket that listens already.
        grpc_port: Port for gRPC, which all workers share; None for none.
        parent: Descriptor that reads as ended when the parent is gone.
    """
    try:
        import uvicorn
        import uvloop
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed", where="serve", hint="pip install 'mlpack-sdk[server]'"
        ) from error

    journal = Journal()
    application = Application(served, settings, metrics, dialects(served, settings), journal)
    server = uvicorn.Server(
        uvicorn.Config(
            application,  # type: ignore[arg-type]
            http="httptools",
            loop="uvloop",
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            date_header=True,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=30,
        )
    )
    return uvloop.run(
        _serve(server, bundle, served, settings, metrics, listening, grpc_port, parent, journal)
    )


async def _serve(
    server: Any,  # noqa: ANN401  (uvicorn's, imported late)
    bundle: VerifiedBundle | UnverifiedBundle,
    served: Served,
    settings: ServerSettings,
    metrics: Metrics,
    listening: socket.socket,
    grpc_port: int | None,
    parent: int,
    journal: Journal,
) -> int:
    import signal

    loop = asyncio.get_running_loop()
    failed: list[MlpackError] = []

    def stop() -> None:
        if served.state != "draining":
            served.state = "draining"
            metrics.ready(ready=False)
            loop.call_later(settings.drain, setattr, server, "should_exit", True)

    def ready(scoring: Scoring) -> None:
        served.scoring = scoring
        if served.state == "loading":
            served.state = "ready"
            metrics.ready(ready=True)
        journal.write("ready", bundle=served.digest, signer=served.signer)

    def fail(error: MlpackError) -> None:
        failed.append(error)
        server.should_exit = True

    loop.add_reader(parent, stop)
    server.capture_signals = _no_signals
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loading = threading.Thread(
        target=_load, args=(bundle, served, settings, metrics, loop, ready, fail), daemon=True
    )
    rpc = None
    if grpc_port is not None:
        from mlpack.runtime.server.rpc import start_grpc

        rpc = await start_grpc(served, settings, metrics, grpc_port)
    loading.start()
    await server.serve(sockets=[listening])
    if rpc is not None:
        await rpc.stop(settings.drain)
    metrics.ready(ready=False)
    if failed:
        journal.write("failed", error=str(failed[0]))
        return 3
    journal.write("stopped")
    return 0


class _no_signals:  # noqa: N801  (stands where uvicorn has a context manager)
    def __enter__(self) -> None:
        """The worker has handlers of its own, which drain first."""

    def __exit__(self, *_: object) -> None:
        """Leave them."""


def _load(
    bundle: VerifiedBundle | UnverifiedBundle,
    served: Served,
    settings: ServerSettings,
    metrics: Metrics,
    loop: asyncio.AbstractEventLoop,
    ready: Callable[[Scoring], None],
    fail: Callable[[MlpackError], None],
) -> None:
    """Load and warm the model, beside the loop that says meanwhile that it is not ready."""
    try:
        predictor = admitted_predictor(bundle, settings)
        per_run, per_row = warm(predictor, served.golden)
    except MlpackError as error:
        loop.call_soon_threadsafe(fail, error)
        return
    scoring = Scoring(predictor, settings, metrics, per_run=per_run, per_row=per_row)
    loop.call_soon_threadsafe(ready, scoring)


def admitted_predictor(bundle: VerifiedBundle | UnverifiedBundle, settings: ServerSettings) -> Predictor:
    """Load the bytes that were verified; golden rows are replayed first."""
    from mlpack.trust.policy import UNSIGNED
    from mlpack.trust.verified import VerifiedBundle

    policy = None if isinstance(bundle, VerifiedBundle) else UNSIGNED
    return load(bundle, policy=policy, ranges=settings.ranges, threads=settings.threads)


def warm(predictor: Predictor, golden: Golden) -> tuple[float, float]:
    """Run golden rows until the model is warm; return seconds per run, and per further row."""
    from mlpack.runtime.replay import golden_inputs

    if predictor.layout == "tensors":
        return 1.0, 0.0  # its size is anybody's guess: it always runs in its thread
    feeds = predictor.feeds(golden_inputs(predictor.inputs, golden))
    if feeds is None:
        return 1.0, 0.0
    rows = len(next(iter(feeds.values())))
    one = {name: values[:1] for name, values in feeds.items()}
    first = min(_timed(predictor, one) for _ in range(5))
    every = min(_timed(predictor, feeds) for _ in range(3))
    return first, max(0.0, every - first) / max(1, rows - 1)


def _timed(predictor: Predictor, feeds: Any) -> float:  # noqa: ANN401  (tensors by name)
    start = time.perf_counter()
    predictor.run(feeds, predictor.outputs)
    return time.perf_counter() - start
