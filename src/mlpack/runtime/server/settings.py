"""How a server runs: what its command line, its platform and the machine say."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlpack.errors import UsageError

if TYPE_CHECKING:
    from mlpack.runtime._checks import Ranges

__all__ = ["ServerSettings", "usable_cpus"]

MEBIBYTE = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """How a server runs.

    Attributes:
        host: Address to listen on.
        port: Port for HTTP; 0 takes a free one.
        grpc_port: Port for gRPC; 0 takes a free one, None offers no gRPC.
        workers: Processes that answer, each with the model.
        threads: Threads of one prediction; None takes the number that parity was measured with.
        max_body: Largest body of a request, in bytes.
        max_rows: Most rows that one run of the model gets, joined from several requests.
        queue: Requests that may wait for the model, in each worker; further ones are refused at once.
        deadline: Seconds that a request may take; 0 for any time.
        drain: Seconds after SIGTERM during which requests are still taken.
        ranges: What happens to values outside those of training: `warn` counts, `refuse`, `ignore`.
        vertex_health: Further path that answers whether the server is ready.
        vertex_predict: Further path that takes `instances`.
        access_log: Whether every request is logged.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    grpc_port: int | None = None
    workers: int = 1
    threads: int | None = None
    max_body: int = 64 * MEBIBYTE
    max_rows: int = 4096
    queue: int = 128
    deadline: float = 60.0
    drain: float = 2.0
    ranges: Ranges = "warn"
    vertex_health: str = ""
    vertex_predict: str = ""
    access_log: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            UsageError: A value is out of range.
        """
        for name in ("port", "grpc_port"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 65535:
                raise UsageError("expected 0 to 65535", where=name)
        for name in ("workers", "max_body", "max_rows", "queue"):
            if getattr(self, name) < 1:
                raise UsageError("expected a positive number", where=name)
        for name in ("deadline", "drain"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError("expected seconds, 0 or more", where=name)
        for name in ("vertex_health", "vertex_predict"):
            if (path := getattr(self, name)) and not path.startswith("/"):
                raise UsageError("expected a path that starts with /", where=name)


def platform_settings(environment: Mapping[str, str]) -> dict[str, object]:
    """Return what the platform sets by environment variables, as arguments of ServerSettings.

    Source: Vertex AI, custom container requirements (`AIP_*`); Cloud Run and Knative container contracts
    (`PORT`). On these the server listens to the world, as they ask.

    Raises:
        UsageError: A variable does not hold what its platform says it holds.
    """
    found: dict[str, object] = {}
    for name in ("AIP_HTTP_PORT", "PORT"):
        if (text := environment.get(name, "")) != "":
            if not text.isascii() or not text.isdigit():
                raise UsageError("expected the number of a port", where=name)
            found |= {"port": int(text), "host": "0.0.0.0"}  # noqa: S104  (the platform's contract)
            break
    if health := environment.get("AIP_HEALTH_ROUTE"):
        found["vertex_health"] = health
    if predict := environment.get("AIP_PREDICT_ROUTE"):
        found["vertex_predict"] = predict
    return found


def usable_cpus(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many processors this process may keep busy: its affinity, or less where its cgroup says so.

    Source: Linux, admin-guide/cgroup-v2.rst (`cpu.max`) and scheduler/sched-bwc.rst (version 1).
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return cpus if quota is None else max(1, min(cpus, math.floor(quota)))


def _quota(cgroup: Path) -> float | None:
    try:
        if (unified := cgroup / "cpu.max").is_file():
            quota, period = unified.read_text(encoding="ascii").split()
            return None if quota == "max" else int(quota) / int(period)
        quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text(encoding="ascii")
        period = (cgroup / "cpu/cpu.cfs_period_us").read_text(encoding="ascii")
    except (OSError, ValueError):
        return None  # no limit that can be read
    return int(quota) / int(period) if int(quota) > 0 else None
