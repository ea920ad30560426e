"""Provenance as CI makes it: the command runs in the environment of a job, signs as it, and a gate reads."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlpack._cli.main import main
from mlpack.errors import UsageError
from mlpack.format.opening import inspect
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.provenance import slsa_provenance
from mlpack.trust.signing import sign

if TYPE_CHECKING:
    from tests.local_sigstore import LocalSigstore

MakeBundle = Callable[..., Path]
COMMIT = "a" * 40
WORKFLOW = "acme/models/.github/workflows/release.yml@refs/heads/main"
JOB = {
    "GITHUB_ACTIONS": "true",
    "CI": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/models",
    "GITHUB_REPOSITORY_ID": "4711",
    "GITHUB_SHA": COMMIT,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_RUN_ID": "99",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_WORKFLOW_REF": WORKFLOW,
    "GITHUB_EVENT_NAME": "push",
    "RUNNER_ENVIRONMENT": "github-hosted",
    "GITHUB_TOKEN": "very-secret",
    "AWS_SECRET_ACCESS_KEY": "very-secret",
}
BOM = {
    "bomFormat": "CycloneDX",
    "components": [
        {"type": "library", "name": "numpy"},
        {"type": "data", "name": "train", "hashes": [{"alg": "SHA-256", "content": "e" * 64}]},
        {"type": "data", "name": "holdout"},
    ],
}


@pytest.fixture
def bundle(tmp_path: Path, make_bundle: MakeBundle) -> Path:
    (tmp_path / "made").mkdir()
    bom = (json.dumps(BOM) + "\n").encode()
    bundle = make_bundle(tmp_path / "made", more={"sbom/bom.cdx.json": ("bom", bom)})
    generate_key(tmp_path / "release")
    sign(bundle, KeySigner.from_file(tmp_path / "release.key"))
    return bundle


def attested(bundle: Path) -> dict[str, Any]:
    (file,) = (bundle / "attestations").iterdir()
    statement = json.loads(base64.b64decode(json.loads(file.read_bytes())["dsseEnvelope"]["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    predicate: dict[str, Any] = statement["predicate"]
    return predicate


def run_in_job(sigstore: LocalSigstore, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a job on GitHub would: with its variables, and nothing of this machine's."""
    ambient = {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{sigstore.url}/ambient?x=1",
    }
    environment = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(sys.path), **JOB, **ambient}
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, mlpack._cli.main as m; sys.exit(m.main(sys.argv[1:]))",
            *arguments,
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def policy_text(sigstore: LocalSigstore, folder: Path, builder: str, commit: str = COMMIT) -> Path:
    path = folder / "policy.yaml"
    path.write_text(
        f"""schema: mlpack-policy/1
id: gate
version: "1"
signers:
  - {{name: release, key: release.pub}}
attesters:
  - name: ci
    identity: https://github.com/{WORKFLOW}
    issuer: https://token.actions.githubusercontent.com
    trusted_root: {sigstore.root}
    github: {{repository_id: "4711", ref: refs/heads/main}}
require:
  - type: slsa-provenance
    signer: ci
    fields:
      /runDetails/builder/id: {builder}
      /buildDefinition/resolvedDependencies/0/digest/gitCommit: {commit}
"""
    )
    return path


def test_a_job_attests_as_itself_and_a_gate_asks_for_that(
    bundle: Path, sigstore: LocalSigstore, tmp_path: Path
) -> None:
    options = ("--keyless", "--trust-config", str(sigstore.config("v2")), "--yes")
    more = ("--parameter", "command=python train.py", "--started-on", "2026-01-31T12:00:00+01:00")
    done = run_in_job(sigstore, "attest", str(bundle), "--type", "slsa-provenance", *options, *more)
    assert done.returncode == 0, done.stderr
    predicate = attested(bundle)
    assert "very-secret" not in json.dumps(predicate)
    definition, details = predicate["buildDefinition"], predicate["runDetails"]
    assert definition["externalParameters"]["command"] == "python train.py"
    assert definition["externalParameters"]["source"] == "git+https://github.com/acme/models@refs/heads/main"
    assert definition["internalParameters"]["github"]["runner_environment"] == "github-hosted"
    assert details["metadata"] == {
        "invocationId": "https://github.com/acme/models/actions/runs/99/attempts/2",
        "startedOn": "2026-01-31T11:00:00Z",
    }
    builder = f"https://github.com/{WORKFLOW}"
    good = policy_text(sigstore, tmp_path, builder)
    assert main(["verify", str(bundle), "--policy", str(good)]) == 0
    for wrong in ({"builder": "https://github.com/evil"}, {"builder": builder, "commit": "b" * 40}):
        bad = policy_text(sigstore, tmp_path, **wrong)
        assert main(["verify", str(bundle), "--policy", str(bad)]) == 3


def test_a_laptop_says_that_it_is_one(bundle: Path) -> None:
    details = slsa_provenance(inspect(bundle), environment={"USER": "ann"})["runDetails"]
    assert details["builder"]["id"] == "urn:mlpack:builder:local-unverified"
    assert details["metadata"] == {}


def test_data_sets_are_dependencies_with_their_own_kind_of_digest(bundle: Path) -> None:
    found = slsa_provenance(inspect(bundle), environment={})["buildDefinition"]["resolvedDependencies"]
    assert found[:2] == [
        {"uri": "urn:mlpack:dataset:train", "name": "train", "digest": {"mlpack-arrow-1": "e" * 64}},
        {"uri": "urn:mlpack:dataset:holdout", "name": "holdout"},
    ]


def test_gitlab_says_when_its_job_began(bundle: Path) -> None:
    job = {
        "GITLAB_CI": "true",
        "CI_PROJECT_URL": "https://lab.example/acme/churn",
        "CI_COMMIT_SHA": "c" * 40,
        "CI_COMMIT_REF_NAME": "main",
        "CI_JOB_URL": "https://lab.example/acme/churn/-/jobs/1",
        "CI_JOB_STARTED_AT": "2026-01-31T12:00:00+01:00",
    }
    metadata = slsa_provenance(inspect(bundle), environment=job)["runDetails"]["metadata"]
    assert metadata["startedOn"] == "2026-01-31T11:00:00Z"
    junk = slsa_provenance(inspect(bundle), environment={**job, "CI_JOB_STARTED_AT": "soon"})
    assert "startedOn" not in junk["runDetails"]["metadata"]


def test_times_have_a_zone_and_an_order(bundle: Path) -> None:
    late, early = dt.datetime(2026, 2, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    opened = inspect(bundle)
    good = slsa_provenance(opened, environment={}, started=early, finished=late)["runDetails"]["metadata"]
    assert good == {"startedOn": "2026-01-01T00:00:00Z", "finishedOn": "2026-02-01T00:00:00Z"}
    for started, finished in ((late, early), (early.replace(tzinfo=None), late)):
        with pytest.raises(UsageError):
            slsa_provenance(opened, environment={}, started=started, finished=finished)
    with pytest.raises(UsageError, match="parameter already"):
        slsa_provenance(opened, environment={}, parameters={"name": "other"})


@pytest.mark.parametrize(
    "option",
    [["--started-on", "yesterday"], ["--finished-on", "2026-01-01T00:00:00"], ["--parameter", "x"]],
)
def test_wrong_arguments_are_said(bundle: Path, tmp_path: Path, option: list[str]) -> None:
    key = ["--key", str(tmp_path / "release.key")]
    assert main(["attest", str(bundle), "--type", "slsa-provenance", *key, *option]) == 2
    assert not (bundle / "attestations").exists()
