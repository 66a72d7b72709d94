"""Bad input and bad days, each a problem document with a stable code and pointer."""

import json
import logging
import re

import pytest
from django.test import Client

from apps.core.logs import Formatter
from tests.fixtures.tenants import Shop

pytestmark = pytest.mark.usefixtures("_base_api")

GOOD = {"title": "Coat", "price": {"amount": 100}}


def post(client: Client, shop: Shop, body: bytes | str, content_type: str = "application/json") -> tuple[int, str, str]:
    """Send a body; status, code and first pointer."""
    response = client.post(
        "/v1/things", data=body, content_type=content_type, headers={"X-API-Key": shop.publishable.text}
    )
    problem = response.json()
    errors = problem.get("errors") or [{"pointer": None}]
    return response.status_code, problem.get("code", ""), errors[0]["pointer"]


class TestBodies:
    def test_takes_a_good_one(self, client: Client, northwind: Shop) -> None:
        assert post(client, northwind, json.dumps(GOOD))[0] == 201

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b" ", (400, "malformed_body", None)),
            (b"{", (400, "malformed_body", None)),
            (b'{"title": NaN}', (400, "malformed_body", None)),
            (b'{"title": Infinity}', (400, "malformed_body", None)),
            (b'{"title": "\xff"}', (400, "malformed_body", None)),
            (b'{"title": "\\ud800"}', (400, "malformed_body", None)),
            (b'{"title": "a\x00"}', (400, "malformed_body", None)),
            (b'{"title":"a","price":{"amount":1},"anything":' + b"[" * 100_000, (400, "malformed_body", None)),
            (b'{"title":"a","price":{"amount":1},"anything":' + b'{"a":' * 40_000, (400, "malformed_body", None)),
            (b"[]", (422, "validation_failed", "")),
            (b"null", (422, "validation_failed", "")),
            (b"{}", (422, "validation_failed", "/title")),
            (b'{"title": 1}', (422, "validation_failed", "/title")),
            (b'{"nope": 1}', (422, "validation_failed", "/nope")),
            (b'{"a~/b": 1}', (422, "validation_failed", "/a~0~1b")),
            (b'{"title":"a","price":{"amount":-1}}', (422, "validation_failed", "/price/amount")),
            (b'{"title":"a","price":{"amount":1.5}}', (422, "validation_failed", "/price/amount")),
            (b'{"title":"a","price":{"amount":1e400}}', (422, "validation_failed", "/price/amount")),
            (b'{"title":"a","price":{"amount":' + b"9" * 9999 + b"}}", (422, "validation_failed", "/price/amount")),
            (b'{"title":"a","price":{"amount":true}}', (422, "validation_failed", "/price/amount")),
            (b'{"title":"a","price":{"amount":1,"x":1}}', (422, "validation_failed", "/price/x")),
        ],
    )
    def test_refuses_a_bad_one(
        self, client: Client, northwind: Shop, body: bytes, expected: tuple[int, str, str | None]
    ) -> None:
        assert post(client, northwind, body) == expected

    def test_refuses_a_long_one_unread(self, client: Client, northwind: Shop) -> None:
        assert post(client, northwind, b"x" * (10 * 1024 * 1024))[:2] == (413, "body_too_large")

    def test_says_how_long_one_may_be(self, client: Client, northwind: Shop) -> None:
        headers = {"X-API-Key": northwind.publishable.text}
        response = client.post("/v1/things", data=b"x" * 300_000, content_type="application/json", headers=headers)
        assert response.json()["detail"] == "The body is larger than 256 KiB. Send a smaller one."

    @pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "", "application/xml"])
    def test_refuses_another_type(self, client: Client, northwind: Shop, kind: str) -> None:
        assert post(client, northwind, b"{}", kind)[:2] == (415, "unsupported_media_type")

    def test_refuses_a_compressed_one(self, client: Client, northwind: Shop) -> None:
        headers = {"X-API-Key": northwind.publishable.text, "Content-Encoding": "gzip"}
        response = client.post("/v1/things", data=b"{}", content_type="application/json", headers=headers)
        assert response.status_code == 415

    def test_takes_a_charset(self, client: Client, northwind: Shop) -> None:
        assert post(client, northwind, json.dumps(GOOD), "application/json; charset=utf-8")[0] == 201


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "pointer"),
        [
            ("limit=0", "/limit"),
            ("limit=101", "/limit"),
            ("limit=x", "/limit"),
            ("limit=" + "9" * 400, "/limit"),
            ("limit=%ff", "/limit"),
            ("limit=1&limit=2", "/limit"),
            ("nope=1", "/nope"),
        ],
    )
    def test_refuses_a_bad_one(self, client: Client, northwind: Shop, query: str, pointer: str) -> None:
        response = client.get(f"/v1/things?{query}", headers={"X-API-Key": northwind.publishable.text})
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == pointer

    def test_reads_numbers(self, client: Client, northwind: Shop) -> None:
        response = client.get("/v1/things?limit=7", headers={"X-API-Key": northwind.publishable.text})
        assert response.json() == {"limit": 7}

    def test_refuses_thousands_of_parameters(self, client: Client, northwind: Shop) -> None:
        query = "&".join(f"a{number}=1" for number in range(2000))
        response = client.get(f"/v1/things?{query}", headers={"X-API-Key": northwind.publishable.text})
        assert (response.status_code, response.json()["code"]) == (400, "bad_request")


class TestOutcomes:
    @pytest.mark.parametrize(
        ("name", "status", "code"),
        [
            ("missing", 404, "not_found"),
            ("refused", 409, "rejected"),
            ("raced", 409, "conflict"),
            ("later", 503, "unavailable"),
            ("broken", 500, "internal_error"),
        ],
    )
    def test_has_its_status(self, client: Client, northwind: Shop, name: str, status: int, code: str) -> None:
        response = client.get(f"/v1/broken/{name}", headers={"X-API-Key": northwind.publishable.text})
        assert response.status_code == status
        assert response["Content-Type"] == "application/problem+json"
        problem = response.json()
        assert (problem["status"], problem["code"]) == (status, code)
        assert problem["type"] == f"urn:resale:problem:{code}"
        assert problem["title"]
        assert problem["request_id"] == response["X-Request-Id"]

    def test_says_when_to_come_back(self, client: Client, northwind: Shop) -> None:
        response = client.get("/v1/broken/later", headers={"X-API-Key": northwind.publishable.text})
        assert response["Retry-After"] == "7"

    def test_says_nothing_of_what_broke(
        self, client: Client, northwind: Shop, caplog: pytest.LogCaptureFixture
    ) -> None:
        response = client.get("/v1/broken/broken", headers={"X-API-Key": northwind.publishable.text})
        assert "jane" not in response.content.decode()
        line = "".join(Formatter().format(record) for record in caplog.records)
        assert "builtins.KeyError" in line
        assert "conftest.py" in line
        assert "jane" not in line


class TestPaths:
    @pytest.mark.parametrize("path", ["/", "/v1/nope", "/v1/%ff%fe", "/nope/\x00", "/v1/things/../../etc"])
    def test_unknown_ones_are_problems(self, client: Client, path: str) -> None:
        response = client.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
        assert response.json()["request_id"] == response["X-Request-Id"]

    def test_unknown_methods_are_problems(self, client: Client, northwind: Shop) -> None:
        response = client.delete("/v1/who", headers={"X-API-Key": northwind.publishable.text})
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
        assert response["Allow"] == "GET, HEAD"

    def test_options_without_a_preflight_is_no_method(self, client: Client, northwind: Shop) -> None:
        response = client.options("/v1/who", headers={"X-API-Key": northwind.publishable.text})
        assert response.status_code == 405


class TestRequests:
    @pytest.mark.parametrize("given", ["short", "x" * 65, "bad id!!", "é" * 10, "a\nb\nc\nd\ne"])
    def test_drops_a_clients_id_that_is_none(self, client: Client, given: str) -> None:
        response = client.get("/healthz", headers={"X-Request-Id": given})
        assert re.fullmatch(r"req_[0-9a-f]{32}", response["X-Request-Id"])
        assert "X-Client-Request-Id" not in response

    def test_has_a_name_of_ours_whatever_the_client_calls_it(
        self, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        given = "req_" + "0" * 32
        answers = [client.get("/v1/nope", headers={"X-Request-Id": given}) for _ in range(2)]
        ids = {response["X-Request-Id"] for response in answers}
        assert len(ids) == 2
        assert given not in ids
        assert {response.json()["request_id"] for response in answers} == ids
        assert {response["X-Client-Request-Id"] for response in answers} == {given}
        lines = [json.loads(Formatter().format(record)) for record in caplog.records if record.name == "resale.request"]
        assert {(line["request_id"], line["client_request_id"]) for line in lines} == {(one, given) for one in ids}

    def test_carries_security_headers(self, client: Client, northwind: Shop) -> None:
        response = client.get("/v1/who", headers={"X-API-Key": northwind.publishable.text})
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cache-Control"] == "private, no-store"
        assert "default-src 'none'" in response["Content-Security-Policy"]
        assert "Set-Cookie" not in response

    def test_logs_one_line_without_personal_data(
        self, client: Client, northwind: Shop, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        headers = {"X-API-Key": northwind.publishable.text, "User-Agent": "jane's phone"}
        response = client.get("/v1/who?email=jane@example.org", headers=headers)
        lines = [json.loads(Formatter().format(record)) for record in caplog.records]
        (line,) = [line for line in lines if line["logger"] == "resale.request"]
        assert line.pop("duration_ms") >= 0
        assert line.pop("at")
        assert line == {
            "message": "request",
            "level": "INFO",
            "logger": "resale.request",
            "method": "GET",
            "route": "v1/who",
            "status": 200,
            "tenant": "northwind",
            "key": northwind.publishable.id,
            "request_id": response["X-Request-Id"],
        }
        assert "jane" not in json.dumps(lines)
        assert northwind.publishable.text not in json.dumps(lines)
