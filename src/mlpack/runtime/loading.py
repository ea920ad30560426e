"""From a bundle to a Predictor: only ever from bytes that were verified, or by saying that none were."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlpack.errors import FormatError, PolicyError, UsageError
from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract
from mlpack.format.evidence import Golden, Parity
from mlpack.format.lock import Lock
from mlpack.format.stored import WEIGHTS_FEATURE, StoredFile, is_weights
from mlpack.runtime.engines import open_engine
from mlpack.runtime.notices import UnsignedWarning
from mlpack.runtime.predictor import Predictor

if TYPE_CHECKING:
    from mlpack.format.manifest import Manifest
    from mlpack.format.opening import UnverifiedBundle
    from mlpack.runtime._checks import Ranges
    from mlpack.trust.policy import Policy
    from mlpack.trust.rules import Moment
    from mlpack.trust.unsigned import Unsigned
    from mlpack.trust.verified import VerifiedBundle

__all__ = ["load", "opened_artifact"]


class ReadableBundle(Protocol):
    """A bundle whose files can be read, each checked against its digest as it is."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...

    @property
    def digest(self) -> str:
        """Its digest."""
        ...

    @property
    def manifest(self) -> Manifest:
        """What it says it is."""
        ...

    def read(self, path: str, /) -> bytes:
        """Return one file's bytes."""
        ...

    def copy(self, path: str, target: Path, /) -> StoredFile:
        """Copy one file to a new private one."""
        ...


def load(
    bundle: VerifiedBundle | UnverifiedBundle | str | os.PathLike[str],
    *,
    policy: Policy | Unsigned | str | os.PathLike[str] | None = None,
    moment: Moment = "admission",
    ranges: Ranges = "warn",
    threads: int | None = None,
    replay: bool = True,
    unsafe_code: bool = False,
) -> Predictor:
    """Load a bundle's model, ready to predict.

    Args:
        bundle: What `verify` returned; or a path or `oci:DIR[:TAG]`, which is verified first.
        policy: For paths: a policy, the path of one, None to take `MLPACK_POLICY` or the user's own, or
            `mlpack.UNSIGNED` to load what nobody vouches for, which warns.
        moment: `admission`; or `start` in a server that loads again what was admitted before: rules that
            depend on the clock (expiry, age) are then asked only where the policy says so, so that a healthy
            deployment does not stop restarting one night. All other rules are asked all the same.
        ranges: What happens to values that the original accepts but did not see in training: `warn` counts
            them and warns once per column, `refuse` raises InputError, `ignore` does not look.
        threads: Threads of one prediction; None takes the number that parity was measured with.
        replay: Whether to run the golden rows first and compare them with the original's answers.
        unsafe_code: Whether code in a bundle that nobody vouches for may run. Under a policy it is the policy
            that allows code, for a named signer.

    Raises:
        VerificationError: The bundle does not fulfil the policy.
        PolicyError: There is no usable policy.
        ParityError: The runtime on this machine does not reproduce the golden rows.
        FormatError: Parts of the bundle contradict one another.
        StorageError: The bundle cannot be read.
        UsageError: An argument has the wrong type or value.
        MlpackError: The engine refuses the model, or there is none for it.
    """
    opened = _open(bundle, policy, moment)
    manifest = opened.manifest
    if manifest.model.format == "code":
        _admit_code(opened, unsafe=unsafe_code)
    if manifest.model.format != "onnx" and not replay:
        raise UsageError(
            "a model that its own library runs is always held to its golden rows", where="replay"
        )
    threads = manifest.model.threads if threads is None else threads
    contract = Contract.from_bytes(opened.read(manifest.one("contract")))
    with opened_artifact(opened) as artifact:
        session = open_engine(artifact, contract, threads=threads)
    if replay:
        from mlpack.runtime.replay import replay_golden

        replay_golden(
            Predictor(contract, session, ranges="ignore"),
            Golden.from_bytes(opened.read(manifest.one("golden"))),
            Parity.from_bytes(opened.read(manifest.one("parity"))),
            exact=threads == manifest.model.threads,
        )
    return Predictor(
        contract, session, ranges=ranges, name=opened.name, version=opened.version, digest=opened.digest
    )


def _admit_code(bundle: ReadableBundle, *, unsafe: bool) -> None:
    """Refuse code that nobody answers for, and code whose libraries are not in the bundle's lock.

    Raises:
        PolicyError: No policy allowed it.
        FormatError: A library is not locked.
    """
    from mlpack.trust.verified import VerifiedBundle

    if not unsafe and not isinstance(bundle, VerifiedBundle):
        raise PolicyError(
            "loading this bundle runs code, and nobody vouches for it",
            code="unsafe-code",
            where=bundle.manifest.model.path,
            hint="verify it under a policy that allows code for its signer; unsafe_code=True runs it",
        )
    lock = Lock.from_bytes(bundle.read(bundle.manifest.one("lock")))
    locked = {package.name for package in lock.packages}
    if missing := sorted(set(bundle.manifest.runtime) - locked):
        raise FormatError(f"not in the lock: {', '.join(missing)}", where="manifest.json.runtime")


@contextlib.contextmanager
def opened_artifact(bundle: ReadableBundle) -> Iterator[Artifact]:
    """Give the model's own files: in memory, and large weights as copies in a private folder.

    The copies last until the model is open: onnxruntime has mapped them by then, and a mapping outlives its
    file. From then on no path leads to them.
    """
    manifest = bundle.manifest
    paths = [path for path, entry in manifest.files.items() if entry.role in ("model", "code")]
    large = [path for path in paths if WEIGHTS_FEATURE in manifest.requires and is_weights(path)]
    with contextlib.ExitStack() as stack:
        stored = {}
        if large:
            import tempfile  # rarely needed, and not free

            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlpack-")))
            stored = {path: bundle.copy(path, folder / path.rpartition("/")[2]) for path in large}
        yield Artifact(
            format=manifest.model.format,
            path=manifest.model.path,
            files={path: bundle.read(path) for path in paths if path not in stored},
            requires=manifest.requires,
            runtime=manifest.runtime,
            stored=stored,
        )


def _open(
    bundle: VerifiedBundle | UnverifiedBundle | str | os.PathLike[str],
    policy: Policy | Unsigned | str | os.PathLike[str] | None,
    moment: Moment,
) -> ReadableBundle:
    from mlpack.format.opening import UnverifiedBundle, inspect
    from mlpack.trust.unsigned import Unsigned
    from mlpack.trust.verified import VerifiedBundle

    if isinstance(bundle, VerifiedBundle):
        if isinstance(policy, Unsigned) or policy is None:
            return bundle
        # Verified, but perhaps under other rules: the ones given here are the ones that count.
        return _verify(bundle, policy, moment)
    if not isinstance(bundle, (UnverifiedBundle, str, os.PathLike)):
        raise UsageError(
            f"expected a verified bundle or a path, found {type(bundle).__name__}", where="bundle"
        )
    if not isinstance(policy, Unsigned):
        return _verify(bundle, policy, moment)
    opened = bundle if isinstance(bundle, UnverifiedBundle) else inspect(bundle)
    warnings.warn(
        f"{opened.name} {opened.version} is loaded unsigned: nobody vouches for it",
        UnsignedWarning,
        stacklevel=3,
    )
    return opened


def _verify(
    bundle: VerifiedBundle | UnverifiedBundle | str | os.PathLike[str],
    policy: Policy | str | os.PathLike[str] | None,
    moment: Moment,
) -> VerifiedBundle:
    from mlpack.trust.verification import verify  # all of verification, which an unsigned bundle never meets

    return verify(bundle, policy, moment=moment)
