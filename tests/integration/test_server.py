"""A real server over a real bundle: every protocol answers what the original answers."""

from __future__ import annotations

import gzip
import json
import os
import signal
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.serving import Running, serving

import mlpack

pytestmark = pytest.mark.network


def made(rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "charge": rng.gamma(4.0, 15.0, rows).round(2),
            "city": rng.choice(np.array(["Łódź", "Oslo", "Rome"], dtype=object), rows),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "charge"] = np.nan
    return frame


@pytest.fixture(scope="module")
def original() -> Pipeline:
    frame = made(500)
    columns = make_column_transformer(
        (SimpleImputer(), ["age", "charge"]), (OneHotEncoder(handle_unknown="ignore"), ["city"])
    )
    target = np.where(frame["age"] > 40, "yes", "no")
    return make_pipeline(columns, GradientBoostingClassifier(n_estimators=20, random_state=0)).fit(
        frame, target
    )


@pytest.fixture(scope="module")
def bundle(original: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    packed = mlpack.pack(
        original, name="churn", version="1.2.0", example=made(500), output=tmp_path_factory.mktemp("dist")
    )
    return Path(packed.path)


@pytest.fixture(scope="module")
def server(bundle: Path) -> Iterator[Running]:
    with serving(bundle, "--unsigned", "--grpc-port", 0, "--workers", 2) as running:
        yield running


ROWS = made(40, seed=1)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(frame.to_json(orient="records"))
    return found


def ask(method: str, url: str, **what: Any) -> httpx.Response:  # noqa: ANN401  (httpx's own)
    return httpx.request(method, url, timeout=60, **what)


def post(server: Running, path: str, document: object, **headers: str) -> httpx.Response:
    return ask("POST", f"{server.url}{path}", json=document, headers=headers)


def test_plain_rows_get_the_originals_answers(server: Running, original: Pipeline) -> None:
    answer = post(server, "/predict", {"rows": records(ROWS)})

    found = answer.json()["rows"]
    assert [row["predict"] for row in found] == original.predict(ROWS).tolist()
    probabilities = np.array([[row["predict_proba"]["no"], row["predict_proba"]["yes"]] for row in found])
    np.testing.assert_allclose(probabilities, original.predict_proba(ROWS), rtol=0, atol=1e-12)


def test_one_row_at_a_time_answers_the_same(server: Running, original: Pipeline) -> None:
    found = [
        post(server, "/predict", {"rows": [record], "methods": ["predict"]}).json()["rows"][0]["predict"]
        for record in records(ROWS)
    ]

    assert found == original.predict(ROWS).tolist()


def test_v2_takes_columns_and_answers_what_is_asked(server: Running, original: Pipeline) -> None:
    answer = post(
        server,
        "/v2/models/churn/versions/1.2.0/infer",
        {
            "id": "42",
            "inputs": [
                {"name": "age", "shape": [40, 1], "datatype": "INT64", "data": ROWS["age"].tolist()},
                {
                    "name": "charge",
                    "shape": [40],
                    "datatype": "FP64",
                    "data": [None if np.isnan(value) else value for value in ROWS["charge"]],
                },
                {"name": "city", "shape": [40, 1], "datatype": "BYTES", "data": ROWS["city"].tolist()},
            ],
            "outputs": [{"name": "predict_proba"}],
        },
    ).json()

    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("churn", "1.2.0", "42")
    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("predict_proba", "FP64", [40, 2])
    np.testing.assert_allclose(
        np.array(output["data"]).reshape(40, 2), original.predict_proba(ROWS), rtol=0, atol=1e-12
    )


def test_v2_takes_and_gives_binary_data(server: Running, original: Pipeline) -> None:
    texts = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in ROWS["city"])
    parts = [ROWS["age"].to_numpy().tobytes(), ROWS["charge"].to_numpy().tobytes(), texts]
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": name,
                    "shape": [40, 1],
                    "datatype": datatype,
                    "parameters": {"binary_data_size": len(part)},
                }
                for name, datatype, part in zip(
                    ("age", "charge", "city"), ("INT64", "FP64", "BYTES"), parts, strict=True
                )
            ],
            "outputs": [{"name": "predict_proba", "parameters": {"binary_data": True}}],
        }
    ).encode()
    answer = ask(
        "POST",
        f"{server.url}/v2/models/churn/infer",
        content=head + b"".join(parts),
        headers={"Inference-Header-Content-Length": str(len(head))},
    )

    length = int(answer.headers["Inference-Header-Content-Length"])
    found = np.frombuffer(answer.content[length:]).reshape(40, 2)
    np.testing.assert_allclose(found, original.predict_proba(ROWS), rtol=0, atol=1e-12)


def test_sagemaker_csv_goes_by_position(server: Running, original: Pipeline) -> None:
    answer = ask(
        "POST",
        f"{server.url}/invocations",
        content=ROWS.to_csv(index=False, header=False),
        headers={"Content-Type": "text/csv"},
    )

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines() == original.predict(ROWS).tolist()


@pytest.mark.parametrize(
    "document",
    [
        {"instances": records(ROWS)},
        {"dataframe_records": records(ROWS)},
        {"dataframe_split": json.loads(ROWS.to_json(orient="split", index=False))},
        records(ROWS),
    ],
    ids=["instances", "records", "split", "list"],
)
def test_sagemaker_json_comes_in_several_shapes(
    server: Running, original: Pipeline, document: object
) -> None:
    assert post(server, "/invocations", document).json()["predictions"] == original.predict(ROWS).tolist()


def test_sagemaker_json_lines_answer_in_lines(server: Running, original: Pipeline) -> None:
    lines = "\n".join(json.dumps({"features": list(row.values())}) for row in records(ROWS))
    answer = ask(
        "POST", f"{server.url}/invocations", content=lines, headers={"Content-Type": "application/jsonlines"}
    )

    assert [json.loads(line) for line in answer.text.splitlines()] == original.predict(ROWS).tolist()


def test_arrow_goes_in_and_comes_out(server: Running, original: Pipeline) -> None:
    table = pa.Table.from_pandas(ROWS, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    media = "application/vnd.apache.arrow.stream"
    answer = ask(
        "POST",
        f"{server.url}/invocations",
        content=bytes(sink.getvalue()),
        headers={"Content-Type": media, "Accept": media},
    )

    with pa.ipc.open_stream(answer.content) as reader:
        assert reader.read_all().column("predict").to_pylist() == original.predict(ROWS).tolist()


def test_vertex_answers_instances(server: Running, original: Pipeline) -> None:
    document = {"instances": records(ROWS), "parameters": {"method": "predict_proba"}}
    answer = post(server, "/v1/models/churn:predict", document)

    found = np.array(answer.json()["predictions"])
    np.testing.assert_allclose(found, original.predict_proba(ROWS), rtol=0, atol=1e-12)


def test_azure_answers_the_bare_list(server: Running, original: Pipeline) -> None:
    document = {"input_data": json.loads(ROWS.to_json(orient="split"))}

    assert post(server, "/score", document).json() == original.predict(ROWS).tolist()


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/predict", {"rows": [{"age": "SECRET-7331", "charge": 1.0, "city": "Rome"}]}),
        ("/invocations", {"instances": [{"age": "SECRET-7331", "charge": 1.0, "city": "Rome"}]}),
        ("/v1/models/churn:predict", {"instances": [["SECRET-7331", 1.0, "Rome"]]}),
        ("/score", {"data": [["SECRET-7331", 1.0, "Rome"]]}),
        (
            "/v2/models/churn/infer",
            {"inputs": [{"name": "age", "shape": [1], "datatype": "INT64", "data": ["SECRET-7331"]}]},
        ),
    ],
)
def test_a_refusal_never_echoes_what_was_sent(server: Running, path: str, document: object) -> None:
    answer = post(server, path, document)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert "SECRET-7331" not in answer.text
    assert not any("SECRET-7331" in str(line) for line in server.lines)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/predict", b"{", 400),
        ("POST", "/predict", b"[" * 100_000, 400),
        ("POST", "/predict", b'{"rows": {"age": [1]}}', 400),
        ("POST", "/predict", b'{"rows": [{"age": [1, 2], "charge": [1, 2], "city": ["a", "b"]}]}', 400),
        ("POST", "/predict", b"\xff", 400),
        ("GET", "/predict", b"", 405),
        ("POST", "/nowhere", b"{}", 404),
        ("POST", "/v2/models/other/infer", b"{}", 404),
        ("POST", "/v2/models/churn/infer", b"[]", 400),
        ("POST", "/v2/models/churn/infer", b'{"inputs": [{"name": "age", "shape": [-1]}]}', 400),
    ],
)
def test_nonsense_is_refused_in_one_line_of_json(
    server: Running, method: str, path: str, body: bytes, status: int
) -> None:
    answer = httpx.request(method, f"{server.url}{path}", content=body)

    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)


def test_metrics_can_be_read_and_add_up_over_workers(server: Running) -> None:
    before = _samples(server)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda row: post(server, "/predict", [row]), records(ROWS)))
    after = _samples(server)

    def grown(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after[key] - before.get(key, 0.0)

    assert grown("mlpack_requests_total", protocol="predict", code="200") == 40
    bins = [
        grown("mlpack_feature_values_total", feature="city", bin=city) for city in ("Oslo", "Rome", "Łódź")
    ]
    assert bins == [int((ROWS["city"] == city).sum()) for city in ("Oslo", "Rome", "Łódź")]
    assert grown("mlpack_feature_missing_total", feature="charge") == int(ROWS["charge"].isna().sum())


def _samples(server: Running) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = ask("GET", f"{server.url}/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_worker_that_is_killed_is_replaced(bundle: Path, original: Pipeline) -> None:
    with serving(bundle, "--unsigned", "--workers", 1) as server:
        os.kill(server.events("ready")[0]["pid"], signal.SIGKILL)
        answer = None
        limit = time.monotonic() + 20
        while answer is None and time.monotonic() < limit:
            try:
                answer = httpx.get(f"{server.url}/v2/health/ready", timeout=20)
                answer = answer if answer.status_code == 200 else None
            except httpx.TransportError:
                time.sleep(0.05)

        assert (
            post(server, "/predict", records(ROWS[:1])).json()["rows"][0]["predict"]
            == (original.predict(ROWS[:1])[0])
        )
        assert _samples(server)["mlpack_worker_restarts_total", frozenset()] == 1


def test_sigterm_drains_and_loses_nothing(bundle: Path) -> None:
    with serving(bundle, "--unsigned", "--workers", 2, "--drain", 1) as server, ThreadPoolExecutor(4) as pool:
        asked = time.monotonic()

        def keep_asking(_: int) -> list[int]:
            found: list[int] = []
            with httpx.Client(timeout=60) as client:
                while time.monotonic() - asked < 1.0:
                    found.append(client.post(f"{server.url}/predict", json=records(ROWS[:1])).status_code)
            return found

        answers = [pool.submit(keep_asking, number) for number in range(4)]
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)

        statuses = [status for answer in answers for status in answer.result()]
        assert len(statuses) > 8
        assert set(statuses) == {200}
        assert server.process.wait(20) == 0


def test_the_platforms_variables_are_obeyed(bundle: Path) -> None:
    with serving(
        bundle,
        "--unsigned",
        "--workers",
        1,
        AIP_HTTP_PORT="0",
        AIP_HEALTH_ROUTE="/v1/endpoints/7/deployedModels/9",
        AIP_PREDICT_ROUTE="/v1/endpoints/7/deployedModels/9:predict",
    ) as server:
        assert httpx.get(f"{server.url}/v1/endpoints/7/deployedModels/9").status_code == 200
        answer = post(server, "/v1/endpoints/7/deployedModels/9:predict", {"instances": records(ROWS[:2])})
        assert len(answer.json()["predictions"]) == 2


def test_a_body_over_the_limit_is_refused(bundle: Path) -> None:
    with serving(bundle, "--unsigned", "--workers", 1, "--max-body", 1000) as server:
        declared = ask("POST", f"{server.url}/predict", content=b"x" * 1001)
        streamed = ask("POST", f"{server.url}/predict", content=iter([b"x" * 600, b"x" * 600]))

        assert (declared.status_code, streamed.status_code) == (413, 413)


def test_an_unsigned_bundle_is_not_served_without_a_word(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no 'listening'"), serving(bundle, HOME=str(tmp_path)):
        pass


class Collector(BaseHTTPRequestHandler):
    """Takes traces as an OpenTelemetry collector does."""

    spans: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        request = ExportTraceServiceRequest.FromString(body)
        self.spans.extend(
            (resource.resource, span)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        )
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def test_traces_go_on_from_the_callers_and_hold_no_values(bundle: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{collector.server_port}"
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with serving(
            bundle, "--unsigned", "--workers", 1, "--access-log", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint
        ) as server:
            post(server, "/predict", records(ROWS[:1]), traceparent=parent)
            server.stop()
            (line,) = [line for line in server.events("request") if line["path"] == "/predict"]
        collector.shutdown()

    ((resource, span),) = Collector.spans
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (parent.split("-")[1], parent.split("-")[2])
    assert span.name == "POST /predict"
    about = {item.key: item.value.string_value for item in resource.attributes}
    assert about["service.name"] == "churn"
    assert about["mlpack.bundle.digest"].startswith("bundle:sha256:")
    assert str(ROWS["charge"].iloc[0]) not in str(span)
    assert line["trace_id"] == parent.split("-")[1]
