"""A request as the proxy sees it, and a response as it gives one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs

HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Response:
    """Status, headers (without the ones of one hop) and body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Request:
    """One request, read to its end."""

    method: str
    path: str
    headers: Mapping[str, str]  # http.client's: any case
    body: bytes

    @property
    def protocol(self) -> Literal["json", "query", "rest"]:
        """``json`` has a target header, ``query`` a form with an Action; all else is ``rest`` (S3)."""
        if self.headers.get("X-Amz-Target"):
            return "json"
        if "x-www-form-urlencoded" in (self.headers.get("Content-Type") or "") and b"Action=" in self.body:
            return "query"
        return "rest"

    @property
    def service(self) -> str:
        """The target's service without its version: ``DynamoDB``, ``AmazonSQS``, ``TrentService`` (KMS)."""
        return (self.headers.get("X-Amz-Target") or "").partition(".")[0].partition("_")[0]

    @property
    def operation(self) -> str:
        """``PutItem``, ``AssumeRole``, or for S3 ``PUT /bucket/key``."""
        if self.protocol == "json":
            return self.headers["X-Amz-Target"].rpartition(".")[2]
        if self.protocol == "query":
            return parse_qs(self.body.decode())["Action"][0]
        return f"{self.method} {self.path}"
