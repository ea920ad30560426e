"""What a server writes about itself: one JSON object a line, never a value of a row."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

__all__ = ["Journal"]


class Journal:
    """Lines on standard error, which platforms collect."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write there."""
        self._stream = stream or sys.stderr

    def write(self, event: str, **facts: Any) -> None:  # noqa: ANN401  (what JSON holds)
        """Write one line."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "event": event, "pid": os.getpid(), **facts}
        self._stream.write(json.dumps(line, ensure_ascii=True) + "\n")
        self._stream.flush()

    def request(
        self, method: str, path: str, status: int, seconds: float, headers: Mapping[bytes, bytes]
    ) -> None:
        """Write what became of a request, with the ids of the trace that it belongs to."""
        facts: dict[str, Any] = {
            "method": method,
            "path": path[:200],
            "status": status,
            "seconds": round(seconds, 6),
        }
        parts = headers.get(b"traceparent", b"").split(b"-")
        if len(parts) == 4 and len(parts[1]) == 32 and len(parts[2]) == 16:
            facts |= {"trace_id": parts[1].decode("latin-1"), "span_id": parts[2].decode("latin-1")}
        self.write("request", **facts)
