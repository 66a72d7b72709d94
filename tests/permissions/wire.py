"""Requests to AWS as IAM sees them: actions and ARNs. What is not known here gives an action that IAM does not have."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from tests.faults.requests import Request

_CREDENTIAL: Final = re.compile(rb"([A-Z0-9]{12,128})/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_FORM_FIELD: Final = rb'name="%s"\r\n\r\n([^\r]+)\r\n'
_OBJECT: Final = re.compile(rb"<Object>(.*?)</Object>", re.DOTALL)
_KEY: Final = re.compile(rb"<Key>(.*?)</Key>")
_TRANSACTED: Final[Mapping[str, str]] = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}


class Signer(NamedTuple):
    """Who signed a request, and for which Region and service."""

    access_key_id: str
    region: str
    service: str


class Place(NamedTuple):
    """The account and Region that a request is sent to."""

    account: str
    region: str

    def arn(self, service: str, rest: str) -> str:
        """Return an ARN there."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"


class Needed(NamedTuple):
    """An action of IAM on a resource."""

    action: str
    resource: str


def signer_of(request: Request) -> Signer | None:
    """Return who signed: by the header, by a link's query, or by the fields of a form."""
    signed = (request.headers.get("Authorization") or "").encode()
    query = unquote(urlsplit(request.path).query).encode()
    is_form = "multipart/form-data" in (request.headers.get("Content-Type") or "")
    found = _CREDENTIAL.search(signed) or _CREDENTIAL.search(query)
    if found is None and is_form:
        found = _CREDENTIAL.search(request.body)
    return None if found is None else Signer(found[1].decode(), found[3].decode(), found[4].decode())


def needed_by(request: Request, place: Place, streams: Mapping[str, str]) -> Iterator[Needed]:
    """Iterate over what a request needs. ``streams`` has the stream of each iterator that was given out."""
    if request.protocol == "json":
        body = msgspec.json.decode(request.body or b"{}")
        read = _JSON.get(request.service)
        if read is None:
            yield Needed(f"{request.service}:{request.operation}", "*")
        else:
            yield from read(request.operation, body, place, streams)
    elif request.protocol == "query":
        yield from _query(request.operation, parse_qs(request.body.decode()))
    else:
        yield from _s3(request)


def _tables(operation: str, body: Any, place: Place, _streams: Mapping[str, str]) -> Iterator[Needed]:
    if operation in {"TransactWriteItems", "TransactGetItems"}:
        for item in body["TransactItems"]:
            ((kind, action),) = item.items()
            yield Needed(f"dynamodb:{_TRANSACTED[kind]}", _table(action["TableName"], place))
        return
    table = _table(body["TableName"], place) if "TableName" in body else "*"
    index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
    yield Needed(f"dynamodb:{operation}", table + index)


def _table(name: str, place: Place) -> str:
    return name if name.startswith("arn:") else place.arn("dynamodb", f"table/{name}")


def _streams(operation: str, body: Any, _place: Place, streams: Mapping[str, str]) -> Iterator[Needed]:
    if operation == "ListStreams":
        resource = "*"
    elif operation == "GetRecords":
        resource = streams.get(body["ShardIterator"], "unknown iterator")
    else:
        resource = body["StreamArn"]
    yield Needed(f"dynamodb:{operation}", resource)


def _queues(operation: str, body: Any, place: Place, _streams: Mapping[str, str]) -> Iterator[Needed]:
    name = body["QueueUrl"].rpartition("/")[2] if "QueueUrl" in body else body.get("QueueName", "*")
    # A batch needs the permission of the single call (SQS Developer Guide, API permissions).
    yield Needed(f"sqs:{operation.removesuffix('Batch')}", place.arn("sqs", name))


def _keys(operation: str, body: Any, place: Place, _streams: Mapping[str, str]) -> Iterator[Needed]:
    key = body.get("KeyId", "unnamed")
    yield Needed(f"kms:{operation}", key if key.startswith("arn:") else place.arn("kms", f"key/{key}"))


def _secrets(operation: str, body: Any, place: Place, _streams: Mapping[str, str]) -> Iterator[Needed]:
    secret = body.get("SecretId", "*")
    resource = secret if secret.startswith("arn:") else place.arn("secretsmanager", f"secret:{secret}")
    yield Needed(f"secretsmanager:{operation}", resource)


_JSON: Final[Mapping[str, Callable[[str, Any, Place, Mapping[str, str]], Iterator[Needed]]]] = {
    "AmazonSQS": _queues,
    "DynamoDB": _tables,
    "DynamoDBStreams": _streams,
    "TrentService": _keys,
    "secretsmanager": _secrets,
}


def _query(operation: str, fields: Mapping[str, list[str]]) -> Iterator[Needed]:
    if operation == "Publish":
        yield Needed("sns:Publish", fields["TopicArn"][0])
    elif operation == "AssumeRole":
        yield Needed("sts:AssumeRole", fields["RoleArn"][0])
        if any(name.startswith("Tags.") for name in fields):
            yield Needed("sts:TagSession", fields["RoleArn"][0])
    else:
        yield Needed(f"unknown:{operation}", "*")


def _s3(request: Request) -> Iterator[Needed]:
    """Iterate over what a request to S3 needs, whose bucket is in the path (Service Authorization Reference, S3)."""
    url = urlsplit(request.path)
    bucket, _, key = unquote(url.path).lstrip("/").partition("/")
    query = parse_qs(url.query, keep_blank_values=True)
    if key:
        yield from _s3_object(request, f"arn:aws:s3:::{bucket}/{key}", query)
    elif request.method == "POST" and "delete" in query:
        for found in _OBJECT.findall(request.body):
            version = "Version" if b"<VersionId>" in found else ""
            yield Needed(f"s3:DeleteObject{version}", f"arn:aws:s3:::{bucket}/{_first(_KEY, found)}")
    elif request.method == "POST":
        posted = re.compile(_FORM_FIELD % b"key")
        yield Needed("s3:PutObject", f"arn:aws:s3:::{bucket}/{_first(posted, request.body)}")
    elif request.method in {"GET", "HEAD"}:
        action = "s3:ListBucketVersions" if "versions" in query else "s3:ListBucket"
        yield Needed(action, f"arn:aws:s3:::{bucket}")
    else:
        yield Needed(f"s3:unknown {request.method}", f"arn:aws:s3:::{bucket}")


def _s3_object(request: Request, arn: str, query: Mapping[str, list[str]]) -> Iterator[Needed]:
    version = "Version" if "versionId" in query else ""
    if request.method in {"GET", "HEAD"}:
        yield Needed(f"s3:GetObject{version}", arn)
    elif request.method == "PUT":
        source = request.headers.get("x-amz-copy-source")
        if source is not None:
            path, _, copied = unquote(source).lstrip("/").partition("?versionId=")
            yield Needed("s3:GetObjectVersion" if copied else "s3:GetObject", f"arn:aws:s3:::{path}")
        yield Needed("s3:PutObject", arn)
    elif request.method == "DELETE":
        yield Needed(f"s3:DeleteObject{version}", arn)
    else:
        yield Needed(f"s3:unknown {request.method}", arn)


def _first(pattern: re.Pattern[bytes], text: bytes) -> str:
    found = pattern.search(text)
    return "" if found is None else unquote(found[1].decode())
