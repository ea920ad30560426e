"""The word for packing a model in a form that runs whatever it says."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["UnsafePickle"]


@dataclass(frozen=True, slots=True)
class UnsafePickle:
    """A model to be packed as a pickle: `pack(UnsafePickle(model), ...)`.

    Loading a pickle does whatever the pickle says, so the bundle counts as code wherever it is shown, and
    loads only under a policy that allows code for whoever signed it, or by `load(..., unsafe_code=True)`.

    Attributes:
        model: The fitted model.
    """

    model: object
