"""The identity of a CI job: the client's real code against stand-ins for what each CI system offers a job.

Stand-ins are a server on this machine (Google Cloud), a variable (GitLab) and programs on the path
(Buildkite, CircleCI). Each checks that it is asked as documented. GitHub's is in `test_sigstore`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mlpack.trust.policy import Policy
from mlpack.trust.signing import sign
from mlpack.trust.sigstore_signing import SigstoreSigner
from mlpack.trust.trusted_root import TrustedRoot
from mlpack.trust.verification import verify

if TYPE_CHECKING:
    from tests.local_sigstore import LocalSigstore

MakeBundle = Callable[..., Path]
VARIABLES = ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GOOGLE_SERVICE_ACCOUNT_NAME", "CI")
GITLAB = "https://gitlab.com/acme/models//.gitlab-ci.yml@refs/heads/main"
BUILDKITE = "https://buildkite.com/acme/models"
CIRCLECI = "https://circleci.com/api/v2/projects/p-1/pipeline-definitions/d-2"
ROBOT = "robot@acme.iam.gserviceaccount.com"
CLAIMS: dict[str, dict[str, Any]] = {
    "gitlab": {
        "iss": "https://gitlab.com",
        "sub": "project_path:acme/models:ref_type:branch:ref:main",
        "ci_config_ref_uri": GITLAB.removeprefix("https://"),
        "san": GITLAB,
    },
    "buildkite": {
        "iss": "https://agent.buildkite.com",
        "sub": "organization:acme:pipeline:models:ref:refs/heads/main",
        "organization_slug": "acme",
        "pipeline_slug": "models",
        "san": BUILDKITE,
    },
    "circleci": {
        "iss": "https://oidc.circleci.com",
        "sub": "org/o-0/project/p-1/user/u-3",
        "oidc.circleci.com/project-id": "p-1",
        "oidc.circleci.com/pipeline-definition-id": "d-2",
        "san": CIRCLECI,
    },
    "gcp": {
        "iss": "https://accounts.google.com",
        "sub": "1234",
        "email": ROBOT,
        "email_verified": True,
        "san": ROBOT,
    },
}


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Leave every CI system that this test may itself run in."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def programs(tmp_path: Path, clean: pytest.MonkeyPatch) -> Callable[[str, list[str], str], None]:
    """Return a function that puts a program on the path, which answers to exactly these words."""
    folder = tmp_path / "programs"
    folder.mkdir()
    clean.setenv("PATH", str(folder), prepend=os.pathsep)

    def put(name: str, words: list[str], answer: str) -> None:
        text = (
            f"import sys\nif sys.argv[1:] != {words!r}:\n    sys.exit('asked otherwise')\nprint({answer!r})\n"
        )
        (folder / name).write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
        (folder / name).chmod(0o755)

    return put


def signed_as(identity: str, issuer: str, sigstore: LocalSigstore, bundle: Path) -> None:
    """Sign as the CI job that this process is, and verify that the bundle says so."""
    signer = SigstoreSigner(trust_config=sigstore.config())
    assert signer.announcement()[:2] == (("identity", identity), ("vouched for by", issuer))
    sign(bundle, signer)
    root = TrustedRoot.from_file(sigstore.root)
    found = verify(bundle, Policy.from_identity(identity, issuer, trusted_root=root)).signer
    assert found is not None
    assert (found.identity, found.issuer) == (identity, issuer)


def test_gitlab(
    sigstore: LocalSigstore, clean: pytest.MonkeyPatch, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    clean.setenv("GITLAB_CI", "true")
    clean.setenv("SIGSTORE_ID_TOKEN", sigstore.token(**CLAIMS["gitlab"]))
    signed_as(GITLAB, "https://gitlab.com", sigstore, make_bundle(tmp_path))


def test_buildkite(
    *,
    sigstore: LocalSigstore,
    clean: pytest.MonkeyPatch,
    programs: Callable[[str, list[str], str], None],
    tmp_path: Path,
    make_bundle: MakeBundle,
) -> None:
    clean.setenv("BUILDKITE", "true")
    words = ["oidc", "request-token", "--audience", "sigstore"]
    programs("buildkite-agent", words, sigstore.token(**CLAIMS["buildkite"]))
    signed_as(BUILDKITE, "https://agent.buildkite.com", sigstore, make_bundle(tmp_path))


def test_circleci(
    *,
    sigstore: LocalSigstore,
    clean: pytest.MonkeyPatch,
    programs: Callable[[str, list[str], str], None],
    tmp_path: Path,
    make_bundle: MakeBundle,
) -> None:
    clean.setenv("CIRCLECI", "true")
    words = ["run", "oidc", "get", "--claims", '{"aud": "sigstore"}', "--root-issuer"]
    programs("circleci", words, sigstore.token(**CLAIMS["circleci"]))
    signed_as(CIRCLECI, "https://oidc.circleci.com", sigstore, make_bundle(tmp_path))


@pytest.fixture
def metadata(sigstore: LocalSigstore, clean: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Make this machine look like one of Google's: its product name, and the server called `metadata`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            wanted = {"audience": ["sigstore"], "format": ["full"]}
            right = (
                url.path == "/computeMetadata/v1/instance/service-accounts/default/identity"
                and parse_qs(url.query) == wanted
                and self.headers["Metadata-Flavor"] == "Google"
            )
            self.send_response(200 if right else 403)
            self.end_headers()
            if right:
                self.wfile.write(sigstore.token(**CLAIMS["gcp"]).encode())

        def log_message(self, *_: object) -> None:
            pass

    (tmp_path / "product_name").write_text("Google Compute Engine\n")
    clean.setattr("id._internal.oidc.ambient._GCP_PRODUCT_NAME_FILE", str(tmp_path / "product_name"))
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        look_up = socket.getaddrinfo

        def resolve(host: Any, port: Any, *rest: Any, **more: Any) -> Any:  # noqa: ANN401  (as the library's)
            if host == "metadata":
                host, port = "127.0.0.1", server.server_port
            return look_up(host, port, *rest, **more)

        clean.setattr(socket, "getaddrinfo", resolve)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("metadata")
def test_google_cloud(sigstore: LocalSigstore, tmp_path: Path, make_bundle: MakeBundle) -> None:
    signed_as(ROBOT, "https://accounts.google.com", sigstore, make_bundle(tmp_path))


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"GITHUB_ACTIONS": "true"}, "id-token: write"),
        ({"GITLAB_CI": "true"}, "SIGSTORE_ID_TOKEN"),
        ({"BUILDKITE": "true", "PATH": "/nowhere"}, "agent"),
        ({"CIRCLECI": "true", "PATH": "/nowhere"}, "circleci"),
    ],
)
def test_a_job_without_permission_is_told_what_is_missing(
    sigstore: LocalSigstore, tmp_path: Path, make_bundle: MakeBundle, variables: dict[str, str], says: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    for name in ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "SIGSTORE_ID_TOKEN"):
        environment.pop(name, None)
    words = [
        "sign",
        str(make_bundle(tmp_path)),
        "--keyless",
        "--trust-config",
        str(sigstore.config()),
        "--yes",
    ]
    program = "import sys; from mlpack._cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
