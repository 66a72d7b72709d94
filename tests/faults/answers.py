"""Answers of a service in trouble, as AWS words them, in the protocol of the request they respond to."""

import json
import random
import zlib
from http import HTTPStatus

from tests.faults.requests import Request, Response

_TRANSACTIONS = {"TransactWriteItems", "TransactGetItems"}
_THROTTLED = {
    "DynamoDB": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    "AmazonSQS": "com.amazon.coral.service#RequestThrottled",
}


def transaction_conflict(request: Request, rng: random.Random) -> Response:
    """Another transaction holds an item: one reason per action, in request order, at least one of them the conflict.

    Source: DynamoDB API Reference, TransactWriteItems, CancellationReasons.
    """
    if request.operation not in _TRANSACTIONS:
        return _json("com.amazonaws.dynamodb.v20120810#TransactionConflictException", "Transaction is ongoing")
    count = len(json.loads(request.body)["TransactItems"])
    hit = {rng.randrange(count)} | {index for index in range(count) if rng.random() < 1 / count}
    conflict = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    reasons = [conflict if index in hit else {"Code": "None"} for index in range(count)]
    codes = ", ".join(reason["Code"] for reason in reasons)
    return _json(
        "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


def throttled(request: Request) -> Response:
    """Too fast: each service's own word for it."""
    if request.protocol == "json":
        return _json(_THROTTLED.get(request.service, "ThrottlingException"), "Rate exceeded")
    if request.protocol == "query":
        return _query(HTTPStatus.BAD_REQUEST, "Throttling", "Rate exceeded")
    return _rest(HTTPStatus.SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.")


def unavailable(request: Request) -> Response:
    """503, as from a fleet that is being replaced."""
    if request.protocol == "json":
        return _json("ServiceUnavailableException", "Try again", status=HTTPStatus.SERVICE_UNAVAILABLE)
    response = _query if request.protocol == "query" else _rest
    return response(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", "Try again")


def invalid_contents(_request: Request) -> Response:
    """SQS does not take a character of the request.

    Source: SQS API Reference, SendMessage; AWS answers a whole batch with it, ministack names the one entry.
    """
    return _json("com.amazonaws.sqs#InvalidMessageContents", "Invalid characters found.")


def forbidden(request: Request) -> Response:
    """403: the session is not (or no longer) known."""
    message = "The security token included in the request is invalid."
    if request.protocol == "json":
        return _json("UnrecognizedClientException", message, status=HTTPStatus.FORBIDDEN)
    if request.protocol == "query":
        return _query(HTTPStatus.FORBIDDEN, "InvalidClientTokenId", message)
    return _rest(HTTPStatus.FORBIDDEN, "InvalidToken", message)


def _json(kind: str, message: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST, **more: object) -> Response:
    body = json.dumps({"__type": kind, "message": message, "Message": message, **more}).encode()
    headers = [("Content-Type", "application/x-amz-json-1.0"), ("x-amz-crc32", str(zlib.crc32(body)))]
    return Response(status, headers, body)


def _query(status: HTTPStatus, code: str, message: str) -> Response:
    """Response as STS, SNS and IAM do."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return _xml(status, f"<ErrorResponse>{error}<RequestId>fault</RequestId></ErrorResponse>")


def _rest(status: HTTPStatus, code: str, message: str) -> Response:
    """Response as S3 does."""
    return _xml(status, f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>fault</RequestId></Error>")


def _xml(status: HTTPStatus, body: str) -> Response:
    return Response(status, [("Content-Type", "application/xml")], body.encode())
