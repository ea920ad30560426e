"""The parent of the workers: verifies once, forks, replaces who dies, passes on the signal to stop.

Workers are forked after the bundle was verified and before any numerical library starts a thread, so that all
of them load the very bytes that were verified, from pages that they share. The parent keeps the listening
sockets, one per worker: what waits for a worker that died is answered by the one that takes its place.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.errors import MlpackError, StorageError
from mlpack.runtime.server.journal import Journal
from mlpack.runtime.server.metrics import Metrics
from mlpack.runtime.server.settings import ServerSettings
from mlpack.runtime.server.worker import Listening, Worker, describe

if TYPE_CHECKING:
    from mlpack.format.opening import UnverifiedBundle
    from mlpack.trust.verified import VerifiedBundle

__all__ = ["serve"]

REFUSED = 3
"""Exit status of a worker that cannot load its bundle: another one could not either."""

QUICK_DEATHS = 5
"""Workers that may die within QUICK_SECONDS before the server gives up."""
QUICK_SECONDS = 30.0


@dataclass(slots=True)
class _Child:
    pid: int
    number: int
    born: float


class _Pool:
    def __init__(
        self, worker: Worker, metrics: Metrics, listening: list[socket.socket], grpc_port: int | None
    ) -> None:
        self._worker, self._metrics = worker, metrics
        self._listening, self._grpc_port = listening, grpc_port
        self._workers: dict[int, _Child] = {}
        self._alive, self._held = os.pipe()
        self._stopping = False
        self._deaths: list[float] = []
        self._journal = Journal()
        self._status = 0

    def run(self) -> int:
        """Keep the workers going until told to stop; return the exit status."""
        wake, woken = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(woken)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(name, lambda *_: None)
        for number in range(len(self._listening)):
            self._start(number)
        while self._workers:
            select.select([wake], [], [], 1.0)
            try:
                received = os.read(wake, 64)
            except BlockingIOError:
                received = b""
            if {signal.SIGTERM, signal.SIGINT} & set(received):
                self._stop()
            self._reap()
        return self._status

    def _start(self, number: int, *, replaces: bool = False) -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(self._child(number, replaces=replaces))
        self._workers[pid] = _Child(pid, number, time.monotonic())

    def _child(self, number: int, *, replaces: bool) -> int:
        signal.set_wakeup_fd(-1)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(name, signal.SIG_DFL)
        os.close(self._held)
        self._metrics.counters.claim(number)
        self._metrics.ready(ready=False)
        self._metrics.waiting(0)
        try:
            self._worker.run(
                Listening(
                    http=self._listening[number],
                    grpc_port=self._grpc_port,
                    parent=self._alive,
                    replaces=replaces,
                )
            )
        except MlpackError as error:
            self._journal.write("failed", error=str(error))
            return REFUSED
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        return 0

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if (worker := self._workers.pop(pid, None)) is not None:
                self._buried(worker, os.waitstatus_to_exitcode(status))

    def _buried(self, worker: _Child, status: int) -> None:
        if self._stopping:
            return
        self._journal.write("worker ended", worker=worker.number, status=status)
        now = time.monotonic()
        self._deaths = [*(then for then in self._deaths if now - then < QUICK_SECONDS), now]
        if status == REFUSED or len(self._deaths) > QUICK_DEATHS:
            self._status = 1
            self._stop()
            return
        self._metrics.restarted()
        self._start(worker.number, replaces=True)

    def _stop(self) -> None:
        self._stopping = True
        for pid in self._workers:
            os.kill(pid, signal.SIGTERM)


def serve(bundle: VerifiedBundle | UnverifiedBundle, settings: ServerSettings, *, signer: str) -> int:
    """Serve a bundle until SIGTERM or SIGINT; return the exit status.

    Args:
        bundle: What `verify` returned, or what nobody vouches for.
        settings: How to serve.
        signer: Who signed it, in a few words.

    Raises:
        StorageError: The address cannot be listened on.
        FormatError: Parts of the bundle contradict one another.
    """
    served = describe(bundle, signer)
    listening = _listen(settings, settings.port, settings.workers)
    reserved = [] if settings.grpc_port is None else _reserve(settings, settings.grpc_port)
    grpc_port = reserved[0].getsockname()[1] if reserved else None
    metrics = Metrics(
        served.contract,
        {"name": served.name, "version": served.version, "digest": served.digest, "signer": signer},
    )
    metrics.counters.share(settings.workers)
    host, port = listening[0].getsockname()[:2]
    Journal().write(
        "listening",
        host=host,
        port=port,
        grpc_port=grpc_port,
        workers=settings.workers,
        bundle=served.digest,
        signer=signer,
    )
    try:
        return _Pool(Worker(bundle, served, settings, metrics), metrics, listening, grpc_port).run()
    finally:
        for item in (*listening, *reserved):
            item.close()


def _listen(settings: ServerSettings, port: int, sockets: int) -> list[socket.socket]:
    """Return listening sockets, all on the same port, among which the kernel deals connections.

    Raises:
        StorageError: The address is not to be had.
    """
    found: list[socket.socket] = []
    try:
        for _ in range(sockets):
            found.append(_bound(settings, port, shared=sockets > 1))
            found[-1].listen(2048)
            port = found[-1].getsockname()[1]
    except OSError as error:
        for item in found:
            item.close()
        raise _taken(settings, port, error) from error
    return found


def _reserve(settings: ServerSettings, port: int) -> list[socket.socket]:
    """Return a socket that holds a port without listening: every worker's gRPC server listens there itself.

    Raises:
        StorageError: The address is not to be had.
    """
    try:
        return [_bound(settings, port, shared=True)]
    except OSError as error:
        raise _taken(settings, port, error) from error


def _bound(settings: ServerSettings, port: int, *, shared: bool) -> socket.socket:
    item = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        item.bind((settings.host, port))
    except OSError:
        item.close()
        raise
    return item


def _taken(settings: ServerSettings, port: int, error: OSError) -> StorageError:
    return StorageError(
        f"cannot listen: {error.strerror}",
        where=f"{settings.host}:{port}",
        hint="another program may have the port; --port and --grpc-port name others",
    )
