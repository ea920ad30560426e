"""Predicates made from what a bundle says of itself, honest about how little some of them prove."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlpack.errors import FormatError
from mlpack.format.documents import parse_json
from mlpack.format.evidence import Parity
from mlpack.format.lock import Lock

if TYPE_CHECKING:
    from mlpack.format.opening import UnverifiedBundle
    from mlpack.trust.verified import VerifiedBundle

__all__ = ["cyclonedx", "parity_result", "slsa_provenance", "verification_summary"]

LOCAL_BUILDER = "urn:mlpack:builder:local-unverified"
"""Builder of whatever was not made by a build service that we know: SLSA Build level 1 at best."""

_BUILD_TYPE = "urn:mlpack:build:pack:1"

_GITHUB = (
    "GITHUB_SERVER_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_SHA",
    "GITHUB_REF",
    "GITHUB_RUN_ID",
    "GITHUB_WORKFLOW_REF",
)
_GITLAB = ("CI_PROJECT_URL", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_JOB_URL")


def slsa_provenance(
    bundle: UnverifiedBundle,
    *,
    environment: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return SLSA provenance v1 of a bundle: who built it, from which commit, with which packages.

    On GitHub and GitLab the builder, the commit and the run are taken from a fixed list of variables, and
    nothing else of the environment is. Anywhere else the builder is `urn:mlpack:builder:local-unverified`: a
    laptop vouches for nothing. What a build says of itself is worth as much as the identity that signs it.

    Args:
        bundle: The bundle.
        environment: Variables; None for those of this process.
        parameters: External parameters to add, such as the command that ran.

    Raises:
        FormatError: The bundle changed since it was opened.

    Source: slsa.dev/spec/v1.0/provenance.
    """
    variables = os.environ if environment is None else environment
    source, builder, run = _build_service(variables)
    external = {"name": bundle.name, "version": bundle.version, **(parameters or {})}
    if source:
        external["source"] = source["uri"]
    lock = Lock.from_bytes(bundle.read(bundle.manifest.one("lock")))
    wheels = [
        {"name": file.name, "digest": {"sha256": file.sha256}}
        for package in lock.packages
        for file in package.files
    ]
    return {
        "buildDefinition": {
            "buildType": _BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": {},
            "resolvedDependencies": ([source] if source else []) + wheels,
        },
        "runDetails": {
            "builder": {"id": builder},
            "metadata": {"invocationId": run} if run else {},
        },
    }


def _build_service(variables: Mapping[str, str]) -> tuple[dict[str, Any], str, str]:
    """Return (source, builder, run) as a known build service gives them, or what is honest elsewhere."""
    if variables.get("GITHUB_ACTIONS") == "true" and all(variables.get(name) for name in _GITHUB):
        server, repository, commit, ref, run, workflow = (variables[name] for name in _GITHUB)
        uri = f"git+{server}/{repository}@{ref}"
        source = {"uri": uri, "digest": {"gitCommit": commit}}
        return source, f"{server}/{workflow}", f"{server}/{repository}/actions/runs/{run}"
    if variables.get("GITLAB_CI") == "true" and all(variables.get(name) for name in _GITLAB):
        project, commit, ref, job = (variables[name] for name in _GITLAB)
        source = {"uri": f"git+{project}@{ref}", "digest": {"gitCommit": commit}}
        return source, f"{project}//.gitlab-ci.yml@{ref}", job
    return {}, LOCAL_BUILDER, ""


def cyclonedx(bundle: UnverifiedBundle) -> dict[str, Any]:
    """Return the bundle's own bill of materials.

    Raises:
        FormatError: The bundle changed since it was opened.
    """
    path = bundle.manifest.one("bom")
    document = parse_json(bundle.read(path), where=path)
    if not isinstance(document, dict):
        raise FormatError("expected an object", where=path)
    return document


def parity_result(bundle: UnverifiedBundle) -> dict[str, Any]:
    """Return the measured parity as an in-toto test result. A method that is only `loose` is a warning.

    Raises:
        FormatError: The bundle changed since it was opened.

    Source: in-toto Attestation Framework, predicate test-result v0.1.
    """
    paths = [bundle.manifest.one("parity"), bundle.manifest.one("golden")]
    parity = Parity.from_bytes(bundle.read(paths[0]))
    names = {item.method: f"parity/{item.method}: {item.certificate}" for item in parity.methods}
    warned = [names[item.method] for item in parity.methods if item.certificate == "loose"]
    return {
        "result": "WARNED" if warned else "PASSED",
        "configuration": [{"name": path, "digest": {"sha256": bundle.checksums[path]}} for path in paths],
        "passedTests": [name for name in names.values() if name not in warned],
        "warnedTests": warned,
        "failedTests": [],
    }


def verification_summary(
    verified: VerifiedBundle, *, verifier: str, resource: str, now: dt.datetime | None = None
) -> dict[str, Any]:
    """Return a verification summary (VSA): that this bundle fulfilled this policy, now.

    No SLSA level was looked at, and it says so.

    Args:
        verified: What `verify` returned.
        verifier: URI of who verified.
        resource: URI where the bundle is meant to be found.
        now: Time of verification; None for this moment.

    Source: slsa.dev/spec/v1.0/verification_summary.
    """
    moment = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).replace(microsecond=0, tzinfo=None)
    counted = [item for item in verified.attestations if item.counts]
    return {
        "verifier": {"id": verifier},
        "timeVerified": moment.isoformat() + "Z",
        "resourceUri": resource,
        "policy": {
            "uri": f"urn:mlpack:policy:{verified.policy.id.replace(' ', '-')}",
            "digest": {"sha256": verified.policy.sha256},
        },
        "inputAttestations": [{"uri": item.path, "digest": {"sha256": item.sha256}} for item in counted],
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_UNEVALUATED"],
    }
