"""Prometheus' text format. Source: Prometheus, Exposition formats (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mlpack.runtime.server.counters import Histogram

__all__ = ["MEDIA", "Labels", "family", "histograms"]

MEDIA = b"text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


def family(name: str, kind: str, what: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Yield the lines of counters or gauges of one name."""
    yield f"# HELP {name} {what}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        yield f"{name}{_braces(labels)} {value:.17g}\n"


def histograms(name: str, what: str, series: Iterable[tuple[Labels, Histogram]]) -> Iterator[str]:
    """Yield the lines of histograms of one name."""
    yield f"# HELP {name} {what}\n# TYPE {name} histogram\n"
    for labels, histogram in series:
        buckets, total = histogram.totals
        seen = 0.0
        for bound, count in zip(
            (*(f"{bound:g}" for bound in histogram.bounds), "+Inf"), buckets, strict=True
        ):
            seen += count
            yield f"{name}_bucket{_braces({**labels, 'le': bound})} {seen:.17g}\n"
        yield f"{name}_sum{_braces(labels)} {total:.17g}\n{name}_count{_braces(labels)} {seen:.17g}\n"


def _braces(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
