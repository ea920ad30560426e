"""mlpack attest."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

from mlpack._cli.signing import (
    add_signer_arguments,
    ask_before_publishing,
    bundle_subject,
    chosen_signer,
    label,
)
from mlpack.errors import StorageError, UsageError

__all__ = ["add_arguments", "run"]

_MAX_PREDICATE = 4 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="a .mlpack file, a bundle directory, or oci:DIR[:TAG]"
    )
    parser.add_argument(
        "--type",
        metavar="TYPE",
        required=True,
        help="slsa-provenance, cyclonedx, test-result, svr, vsa, approval, or the URI of another type",
    )
    parser.add_argument(
        "--predicate",
        metavar="FILE",
        help="JSON file with the predicate; made for all of these but svr",
    )
    add_signer_arguments(parser)
    parser.add_argument(
        "--parameter",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="for slsa-provenance: a parameter of the build, such as the command that ran; may be repeated",
    )
    for name, what in (("started", "began"), ("finished", "ended")):
        parser.add_argument(
            f"--{name}-on",
            metavar="TIME",
            help=f"for slsa-provenance: when the build {what}, such as 2026-01-31T12:00:00Z",
        )
    parser.add_argument(
        "--machine",
        action="store_true",
        help="for slsa-provenance: name the host, its system, processor and GPUs",
    )
    parser.add_argument("--stage", metavar="STAGE", help="for approval: the stage that the bundle may enter")
    parser.add_argument("--policy", metavar="FILE", help="for vsa: the policy to verify the bundle against")
    parser.add_argument("--verifier", metavar="URI", help="for vsa: who verifies")
    parser.add_argument("--resource", metavar="URI", help="for vsa: where the bundle is meant to be found")


def run(arguments: argparse.Namespace) -> int:
    """Sign a statement about a bundle, put it inside, and say where it is."""
    from mlpack.trust.attesting import attest

    predicate = _read(Path(arguments.predicate)) if arguments.predicate else _make(arguments)
    signer = chosen_signer(arguments)
    ask_before_publishing(signer, lambda: bundle_subject(arguments.bundle), yes=arguments.yes)
    path = attest(arguments.bundle, predicate, signer, type=arguments.type)
    print(f"attested:  {arguments.bundle}")
    print(f"file:      {path}")
    print(f"signer:    {label(signer)}")
    return 0


def _read(path: Path) -> dict[str, Any]:
    from mlpack.format.documents import parse_json

    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_PREDICATE + 1)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > _MAX_PREDICATE:
        raise UsageError(f"more than {_MAX_PREDICATE} bytes", where=str(path))
    document = parse_json(data, where=str(path))
    if not isinstance(document, dict):
        raise UsageError("expected a JSON object", where=str(path))
    return document


def _make(arguments: argparse.Namespace) -> dict[str, Any]:
    from mlpack.format.opening import inspect
    from mlpack.trust import predicates
    from mlpack.trust.machine import machine_facts
    from mlpack.trust.predicate_types import PREDICATE_TYPES, full_type
    from mlpack.trust.provenance import slsa_provenance
    from mlpack.trust.verification import verify

    words = {kind: word for word, kind in PREDICATE_TYPES.items()}
    match words.get(full_type(arguments.type)):
        case "slsa-provenance":
            return slsa_provenance(
                inspect(arguments.bundle),
                parameters=_parameters(arguments.parameter),
                started=_time(arguments.started_on, "--started-on"),
                finished=_time(arguments.finished_on, "--finished-on"),
                machine=machine_facts() if arguments.machine else None,
            )
        case "cyclonedx":
            return predicates.cyclonedx(inspect(arguments.bundle))
        case "test-result":
            return predicates.parity_result(inspect(arguments.bundle))
        case "replay":
            from mlpack.packing.attested import replay_predicate

            return replay_predicate(arguments.bundle)
        case "vsa" if arguments.verifier and arguments.resource:
            verified = verify(arguments.bundle, arguments.policy)
            return predicates.verification_summary(
                verified, verifier=arguments.verifier, resource=arguments.resource
            )
        case "approval" if arguments.stage:
            return predicates.approval(arguments.stage)
        case "approval":
            raise UsageError("an approval needs --stage", where="--type")
        case "vsa":
            raise UsageError("a verification summary needs --verifier and --resource", where="--type")
        case _:
            raise UsageError("nothing is made for this type; pass --predicate FILE", where="--type")


def _parameters(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or name in found:
            raise UsageError(f"expected NAME=VALUE, each name once; found {text[:80]!r}", where="--parameter")
        found[name] = value
    return found


def _time(text: str | None, where: str) -> dt.datetime | None:
    if text is None:
        return None
    try:
        moment: dt.datetime | None = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError("expected a time with its zone, such as 2026-01-31T12:00:00Z", where=where)
    return moment
