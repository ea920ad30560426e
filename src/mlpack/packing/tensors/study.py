"""What a child process learns about a model of tensors, and how it is asked to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlpack.format.evidence import Precision
from mlpack.format.stored import StoredFile
from mlpack.format.tensors import Dimension

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Arrays", "Call", "Calling", "InputFacts", "Study", "StudyTask"]

Arrays = Mapping[str, "np.ndarray"]
"""Named tensors of one call."""


Calling = Literal["arguments", "list", "dict"]
"""Whether inputs are arguments of their own, or all together one list or dict."""


@dataclass(frozen=True, kw_only=True)
class StudyTask:
    """What the child is asked.

    Attributes:
        model: The model as bytes: cloudpickle's, or whatever the child of its framework reads; or where it
            lies, if it is large.
        folder: Private folder that large constants are written to; it outlives the child.
        example: One call, by input name; `positional` of them are passed by position.
        positional: How many inputs are passed by position, the first ones.
        route: Which way to ONNX to try.
        tokenizer: A transformer's tokenizer; the example is text then.
        calling: How the inputs are passed.
        paths: What the child adds to `sys.path`, so that it finds the modules that this process has.
    """

    model: bytes | Path
    example: Arrays
    positional: int
    route: str
    folder: Path
    tokenizer: bytes = b""
    calling: Calling = "arguments"
    paths: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class InputFacts:
    """What was learnt of one input.

    Attributes:
        shape: Sizes and names of dimensions.
        tensor: Graph input.
        bounds: Smallest and largest integer that the original accepts; None for all.
    """

    shape: tuple[int | str, ...]
    tensor: str
    bounds: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the original.

    Attributes:
        name: What it tries.
        inputs: By name.
        outputs: By the name of the part, "" where there is one; None when the original refused.
        kind: `ordinary`; or `NaN`, `infinity`, which a contract can refuse if the packed model differs there.
        golden: Whether the call may be stored in the bundle: it holds no row of the example.
    """

    name: str
    inputs: Arrays
    outputs: Mapping[str, np.ndarray] | None
    kind: str = "ordinary"
    golden: bool = False


@dataclass(frozen=True, kw_only=True)
class Study:
    """What the child found.

    Attributes:
        graph: Canonical ONNX bytes with the contract's names; empty when there is a refusal.
        refusal: Why there is no graph, one line.
        final: Whether the refusal holds for every other route too.
        inputs: Facts by input name, in order.
        outputs: Part of the answer, "" for the only one -> graph output.
        dimensions: Ranges by name.
        calls: Every probe with the original's answer.
        notes: What the author should know, one sentence each.
        architecture: Class names, outermost first.
        framework: Distribution and version.
        precision: In which the original computes.
        onnxruntime: The oldest that runs the graph.
        files: Bundle path -> bytes of what the graph needs beside it.
        stored: Bundle path -> file with large constants of the graph.
        runtime: Distributions that serving needs beside onnxruntime: name -> version specifier.
        classes: Part of the answer -> names of its columns.
    """

    graph: bytes = b""
    refusal: str = ""
    final: bool = False
    inputs: Mapping[str, InputFacts] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    calls: Sequence[Call] = ()
    notes: Sequence[str] = ()
    architecture: Sequence[str] = ()
    framework: tuple[str, str] = ("", "")
    precision: Precision = "float64"
    onnxruntime: str = "1.22"
    files: Mapping[str, bytes] = field(default_factory=dict)
    stored: Mapping[str, StoredFile] = field(default_factory=dict)
    runtime: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
