"""SLSA provenance v1 of a bundle: who built it, from what, and how little that proves on a laptop.

Source: slsa.dev/spec/v1.0/provenance; in-toto Attestation Framework, ResourceDescriptor and DigestSet.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mlpack.errors import UsageError
from mlpack.format.documents import parse_json
from mlpack.format.lock import Lock

if TYPE_CHECKING:
    from mlpack.format.opening import UnverifiedBundle

__all__ = ["LOCAL_BUILDER", "slsa_provenance"]

LOCAL_BUILDER: Final = "urn:mlpack:builder:local-unverified"
"""Builder of whatever was not made by a build service that we know: SLSA Build level 1 at best."""

_BUILD_TYPE: Final = "urn:mlpack:build:pack:1"
_DATASET_DIGEST: Final = "mlpack-arrow-1"
"""How a data set is hashed: over its columns, whatever file it came from. It is no hash of a file."""

_GITHUB: Final = (
    *("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_REF"),
    *("GITHUB_RUN_ID", "GITHUB_WORKFLOW_REF"),
)
_GITHUB_FACTS: Final = {
    "event_name": "GITHUB_EVENT_NAME",
    "repository_id": "GITHUB_REPOSITORY_ID",
    "repository_owner_id": "GITHUB_REPOSITORY_OWNER_ID",
    "runner_environment": "RUNNER_ENVIRONMENT",
}
_GITLAB: Final = ("CI_PROJECT_URL", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_JOB_URL")
_GITLAB_FACTS: Final = {"pipeline_source": "CI_PIPELINE_SOURCE", "project_id": "CI_PROJECT_ID"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Build:
    """What a build service says of itself; the defaults are what is honest without one."""

    source: Mapping[str, Any] = field(default_factory=dict)
    builder: str = LOCAL_BUILDER
    run: str = ""
    started: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def slsa_provenance(
    bundle: UnverifiedBundle,
    *,
    environment: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    started: dt.datetime | None = None,
    finished: dt.datetime | None = None,
    machine: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return SLSA provenance v1 of a bundle: who built it, from which commit, with which packages and data.

    On GitHub and GitLab the builder, the commit and the run are taken from a fixed list of variables, and
    nothing else of the environment is. Anywhere else the builder is `urn:mlpack:builder:local-unverified`: a
    laptop vouches for nothing. What a build says of itself is worth as much as the identity that signs it.

    Args:
        bundle: The bundle.
        environment: Variables; None for those of this process.
        parameters: External parameters to add, such as the command that ran.
        started: When the build began, with its zone; None takes it from GitLab, or says nothing.
        finished: When it ended, with its zone; None says nothing.
        machine: What to say of the machine, as `machine_facts()` returns it; None says nothing.

    Raises:
        FormatError: The bundle changed since it was opened.
        UsageError: A parameter has a name that is taken, a time has no zone, or the end is before the start.
    """
    build = _build_service(os.environ if environment is None else environment)
    external: dict[str, Any] = {"name": bundle.name, "version": bundle.version}
    if build.source:
        external["source"] = build.source["uri"]
    if taken := sorted(external.keys() & (parameters or {}).keys()):
        raise UsageError(f"{taken[0]} is a parameter already", where="parameters")
    metadata: dict[str, str] = {"invocationId": build.run} if build.run else {}
    if begun := _time(started, "started") or build.started:
        metadata["startedOn"] = begun
    if ended := _time(finished, "finished"):
        if ended < begun:
            raise UsageError(f"{ended} is before the start, {begun}", where="finished")
        metadata["finishedOn"] = ended
    return {
        "buildDefinition": {
            "buildType": _BUILD_TYPE,
            "externalParameters": {**external, **(parameters or {})},
            "internalParameters": {**build.facts, **({"machine": dict(machine)} if machine else {})},
            "resolvedDependencies": [
                *([dict(build.source)] if build.source else []),
                *_datasets(bundle),
                *_wheels(bundle),
            ],
        },
        "runDetails": {
            "builder": {"id": build.builder},
            "metadata": metadata,
            "byproducts": _byproducts(bundle),
        },
    }


def _time(moment: dt.datetime | None, where: str) -> str:
    if moment is None:
        return ""
    if moment.tzinfo is None:
        raise UsageError("expected a time with its zone", where=where)
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wheels(bundle: UnverifiedBundle) -> list[dict[str, Any]]:
    lock = Lock.from_bytes(bundle.read(bundle.manifest.one("lock")))
    return [
        {"name": file.name, "digest": {"sha256": file.sha256}}
        for package in lock.packages
        for file in package.files
    ]


def _datasets(bundle: UnverifiedBundle) -> list[dict[str, Any]]:
    """Return the data sets that the bill of materials names; those without a fingerprint have no digest."""
    path = bundle.manifest.one("bom")
    document = parse_json(bundle.read(path), where=path)
    components = document.get("components") if isinstance(document, dict) else None
    found = []
    for item in components if isinstance(components, list) else ():
        if not isinstance(item, dict) or item.get("type") != "data" or not isinstance(item.get("name"), str):
            continue
        entry: dict[str, Any] = {"uri": f"urn:mlpack:dataset:{item['name']}", "name": item["name"]}
        if digest := _fingerprint(item):
            entry["digest"] = {_DATASET_DIGEST: digest}
        found.append(entry)
    return found


def _fingerprint(component: Mapping[str, Any]) -> str:
    hashes = component.get("hashes")
    for item in hashes if isinstance(hashes, list) else ():
        if isinstance(item, dict) and item.get("alg") == "SHA-256" and isinstance(item.get("content"), str):
            return str(item["content"])
    return ""


def _byproducts(bundle: UnverifiedBundle) -> list[dict[str, Any]]:
    """Return what the build made besides the model: bill of materials and evidence."""
    paths = (bundle.manifest.one(role) for role in ("bom", "golden", "parity"))
    return [{"name": path, "digest": {"sha256": bundle.checksums[path]}} for path in paths]


def _build_service(variables: Mapping[str, str]) -> _Build:
    if variables.get("GITHUB_ACTIONS") == "true" and all(variables.get(name) for name in _GITHUB):
        server, repository, commit, ref, run, workflow = (variables[name] for name in _GITHUB)
        attempt = variables.get("GITHUB_RUN_ATTEMPT", "")
        return _Build(
            source={"uri": f"git+{server}/{repository}@{ref}", "digest": {"gitCommit": commit}},
            builder=f"{server}/{workflow}",
            run=f"{server}/{repository}/actions/runs/{run}" + (f"/attempts/{attempt}" if attempt else ""),
            facts=_facts("github", _GITHUB_FACTS, variables),
        )
    if variables.get("GITLAB_CI") == "true" and all(variables.get(name) for name in _GITLAB):
        project, commit, ref, job = (variables[name] for name in _GITLAB)
        return _Build(
            source={"uri": f"git+{project}@{ref}", "digest": {"gitCommit": commit}},
            builder=f"{project}//.gitlab-ci.yml@{ref}",
            run=job,
            started=_gitlab_time(variables.get("CI_JOB_STARTED_AT", "")),
            facts=_facts("gitlab", _GITLAB_FACTS, variables),
        )
    return _Build()


def _facts(service: str, names: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, Any]:
    said = {fact: variables[name] for fact, name in names.items() if variables.get(name)}
    return {service: said} if said else {}


def _gitlab_time(text: str) -> str:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return ""
    return _time(moment, "CI_JOB_STARTED_AT") if moment.tzinfo else ""
