"""What each refusal of DynamoDB means; the codes are botocore's, so that a new one is noticed when it is raised."""

import json
from pathlib import Path

import botocore
import msgspec
import pytest
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from resale.adapters.dynamodb.error_classification import (
    RequestInvalid,
    RequestRefused,
    TokenRefused,
    TransactionCanceled,
    Transient,
    TransientKind,
    failure_of,
)
from resale.adapters.dynamodb.http_connections import Response

_NAMESPACE = "com.amazonaws.dynamodb.v20120810#"


def failure(code: str, *, status: int = 400, **fields: object) -> Exception:
    body = msgspec.json.encode({"__type": _NAMESPACE + code, "message": "why", **fields})
    return failure_of(Response(status, body, "REQUEST1"))


def kind(code: str, *, status: int = 400) -> TransientKind | None:
    found = failure(code, status=status)
    return found.kind if isinstance(found, Transient) else None


def legacy_codes() -> set[str]:
    path = Path(botocore.__file__).parent / "data" / "_retry.json"
    retry = json.loads(path.read_text(encoding="utf-8"))
    policies = [*retry["definitions"].values(), *retry["retry"]["dynamodb"]["__default__"]["policies"].values()]
    found = {policy.get("applies_when", {}).get("response", {}).get("service_error_code") for policy in policies}
    return found - {None}


class TestTransient:
    def test_every_code_that_botocore_repeats_is_repeated(self) -> None:
        throttled = set(vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"])
        broken = set(vars(TransientRetryableChecker)["_TRANSIENT_ERROR_CODES"])
        codes = throttled | broken | legacy_codes()
        assert len(codes) > 15
        assert [code for code in sorted(codes) if kind(code) is None] == []

    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("ThrottlingException", 400, TransientKind.THROTTLED),
            ("LimitExceededException", 400, TransientKind.THROTTLED),
            ("Whatever", 429, TransientKind.THROTTLED),
            ("TransactionConflictException", 400, TransientKind.CONTENDED),
            ("ReplicatedWriteConflictException", 409, TransientKind.CONTENDED),
            ("InternalServerError", 500, TransientKind.BROKEN),
            ("NewException", 503, TransientKind.BROKEN),
        ],
    )
    def test_is_told_apart(self, code: str, status: int, expected: TransientKind) -> None:
        assert kind(code, status=status) is expected

    @pytest.mark.parametrize("body", [b"", b"<html>413</html>", b"\xff", b"[]", b"{}"])
    def test_an_answer_that_is_not_the_stores_own_is_repeated(self, body: bytes) -> None:
        assert isinstance(failure_of(Response(413, body)), Transient)


class TestRefused:
    @pytest.mark.parametrize(
        "code", ["AccessDeniedException", "KMSInvalidStateException", "RequestTimeTooSkewed", "UnheardOfException"]
    )
    def test_is_the_tenants_fault_and_not_a_mistake_of_ours(self, code: str) -> None:
        found = failure(code)
        assert isinstance(found, RequestRefused)
        assert code in found.detail

    def test_a_request_that_makes_no_sense_is_ours(self) -> None:
        found = failure("ValidationException")
        assert isinstance(found, RequestInvalid)
        assert "request REQUEST1" in str(found)  # what AWS Support asks for

    def test_a_stale_token_is_neither(self) -> None:
        assert isinstance(failure("ExpiredTokenException"), TokenRefused)


class TestCancelled:
    @pytest.mark.parametrize(
        ("codes", "expected"),
        [
            (["TransactionConflict", "None"], TransientKind.CONTENDED),
            (["ThrottlingError", "TransactionConflict"], TransientKind.THROTTLED),
            (["ProvisionedThroughputExceeded"], TransientKind.THROTTLED),
            (["ConditionalCheckFailed", "TransactionConflict"], None),
            (["ValidationError"], None),
            (["None"], None),
        ],
    )
    def test_is_repeated_for_contention_and_throttling_only(
        self, codes: list[str], expected: TransientKind | None
    ) -> None:
        found = failure("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])
        assert isinstance(found, TransactionCanceled)
        assert found.kind is expected
