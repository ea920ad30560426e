"""mlpack serve."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from mlpack._cli.trusting import add_policy_arguments, chosen_policy

if TYPE_CHECKING:
    from mlpack.trust.verified import VerifiedBundle

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="a .mlpack file, a bundle directory, or oci:DIR[:TAG]"
    )
    add_policy_arguments(parser, unsigned=True)
    parser.add_argument(
        "--start",
        action="store_true",
        help="the bundle was admitted before and only starts again: rules that depend on the clock rest",
    )
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1; the platform's, where set)")
    parser.add_argument("--port", type=int, help="port for HTTP (default: PORT, AIP_HTTP_PORT or 8080)")
    parser.add_argument("--grpc-port", type=int, metavar="PORT", help="offer gRPC too, there")
    parser.add_argument(
        "--workers", type=int, help="processes that answer (default: one per usable processor)"
    )
    parser.add_argument(
        "--threads", type=int, help="threads of one prediction (default: as parity was measured)"
    )
    parser.add_argument(
        "--max-body", type=int, metavar="BYTES", help="largest body of a request (default: 64 MiB)"
    )
    parser.add_argument(
        "--max-rows", type=int, metavar="N", help="rows of one run of the model (default: 4096)"
    )
    parser.add_argument(
        "--queue", type=int, metavar="N", help="requests that may wait in each worker (default: 128)"
    )
    parser.add_argument(
        "--deadline", type=float, metavar="SECONDS", help="time a request may take, 0 for any (default: 60)"
    )
    parser.add_argument(
        "--drain", type=float, metavar="SECONDS", help="time to go on answering after SIGTERM (default: 2)"
    )
    parser.add_argument(
        "--ranges",
        choices=("warn", "refuse", "ignore"),
        help="what values outside those of training do (default: warn, which counts them)",
    )
    parser.add_argument("--access-log", action="store_true", default=None, help="log every request")


def run(arguments: argparse.Namespace) -> int:
    """Verify, then serve until told to stop."""
    from mlpack.format.opening import inspect
    from mlpack.runtime.server.processes import serve
    from mlpack.runtime.server.settings import ServerSettings, platform_settings, usable_cpus
    from mlpack.trust.policy import Unsigned
    from mlpack.trust.verification import verify

    given: dict[str, Any] = {"workers": usable_cpus()} | platform_settings(os.environ)
    for item in fields(ServerSettings):
        if (value := getattr(arguments, item.name, None)) is not None:
            given[item.name] = value
    settings = ServerSettings(**given)
    policy = chosen_policy(arguments)
    if isinstance(policy, Unsigned):
        return serve(inspect(arguments.bundle), settings, signer="unsigned")
    verified = verify(arguments.bundle, policy, moment="start" if arguments.start else "admission")
    return serve(verified, settings, signer=_signer(verified))


def _signer(verified: VerifiedBundle) -> str:
    return ", ".join(signer.name for signer in verified.signers) or "pinned digest"
