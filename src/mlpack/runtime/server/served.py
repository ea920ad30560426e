"""The model that a server answers with, as protocols see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlpack.runtime.server.http import Refusal

if TYPE_CHECKING:
    from mlpack.format.contract import Contract, Output
    from mlpack.format.evidence import Golden
    from mlpack.runtime.server.scoring import Answers, Scoring

__all__ = ["Served", "State"]

State = Literal["loading", "ready", "draining"]


def _always() -> bool:
    return True


@dataclass(slots=True)
class Served:
    """One bundle, from before it is loaded until the server ends.

    Attributes:
        name: Name of the bundle.
        version: Version of the bundle.
        digest: Digest of the bundle, with its type.
        signer: Who signed it, in a few words; `unsigned` where nobody vouches for it.
        contract: What goes in and what comes out.
        golden: Rows to show as an example.
        scoring: The warm model; None while it is loaded.
        state: Whether this worker answers requests.
        others_ready: Whether all other workers do.
    """

    name: str
    version: str
    digest: str
    signer: str
    contract: Contract
    golden: Golden
    scoring: Scoring | None = None
    state: State = "loading"
    others_ready: Callable[[], bool] = _always

    @property
    def ready(self) -> bool:
        """Whether a request that comes now is answered, whichever worker gets it."""
        return self.state == "ready" and self.others_ready()

    async def answers(self, rows: object, outputs: Sequence[Output], count: int) -> Answers:
        """Return outputs of the model for `count` rows.

        Raises:
            Refusal: There is no answer.
        """
        if self.scoring is None:
            raise Refusal(503, "the model is being loaded", reason="loading", retry_after=1)
        return await self.scoring.answers(rows, outputs, count)

    def chosen(self, keys: Sequence[str]) -> tuple[Output, ...]:
        """Return the outputs of these keys (`predict`, `predict_proba`); all where there are none.

        Raises:
            Refusal: There is no such output.
        """
        if not keys:
            return self.contract.outputs
        offered = {output.key: output for output in self.contract.outputs}
        if any(key not in offered for key in keys):
            raise Refusal(400, f"no such output; the model offers {', '.join(offered)}", reason="contract")
        return tuple(offered[key] for key in keys)

    def first(self) -> tuple[Output, ...]:
        """Return the outputs of the bundle's first method."""
        method = self.contract.outputs[0].method
        return tuple(output for output in self.contract.outputs if output.method == method)
