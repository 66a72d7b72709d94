"""Calls to one SQS queue on the worker's event loop: signed by botocore, sent by curl, completed by callback.

Nothing here blocks: a stalled or refusing queue costs its own callbacks only. Each call has a time limit, which
kombu's own client lacks (a half-open socket stopped a queue for ever: kombu PR 2488).
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pycurl
from kombu.asynchronous.aws.ext import AWSRequest, get_cert_path
from kombu.asynchronous.http import Request, Response
from kombu.asynchronous.http.curl import CurlClient
from kombu.asynchronous.hub import Hub

_OK: Final = 200
_NO_ANSWER: Final = 599  # what kombu's client says for a connection that gave none
_CONNECT_SECONDS: Final = 5
_SPARE_HANDLES: Final = 16  # for deletes beside the long polls
# The session's token is not, or no longer, known: a restarted STS, an ended session. SQS API Reference, common errors.
_REFUSED_TOKEN: Final = re.compile(rb"InvalidClientTokenId|UnrecognizedClient|ExpiredToken|InvalidToken")
_ERROR_TYPE: Final = re.compile(rb'"__type"\s*:\s*"(?:[^"#]*#)?([^"]{1,80})"')


@dataclass(frozen=True)
class QueueResponse:
    """A response of SQS: HTTP status (599: none) and body."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.status == _OK

    @property
    def token_refused(self) -> bool:
        """Whether the session must be renewed."""
        return not self.ok and _REFUSED_TOKEN.search(self.body) is not None

    @property
    def reason(self) -> str:
        """The failure for a log line: status and error code of SQS, never the message."""
        found = _ERROR_TYPE.search(self.body)
        return f"HTTP {self.status}" + (f" {found[1].decode(errors='replace')}" if found else "")

    def messages(self) -> list[dict[str, Any]] | None:
        """Return the received messages; None if this is not a valid response to a receive."""
        try:
            response = json.loads(self.body) if self.ok else None
        except ValueError:
            return None
        return list(response.get("Messages") or ()) if isinstance(response, dict) else None


Done = Callable[[QueueResponse], None]

#: A call of ``QueueCalls``, all but its callback given.
Call = Callable[[Done], None]


class LoopHTTP(CurlClient):
    """kombu's curl client with room for any number of queues, and timers in the unit that curl uses.

    kombu passes curl's milliseconds to a timer that counts seconds: each request leaves a timer of over an hour behind.
    """

    _reserved = 0

    def _set_timeout(self, msecs: int) -> None:
        if msecs >= 0:  # -1: curl wants none
            self.hub.call_later(msecs / 1000, self._timeout_check)  # type: ignore[attr-defined]  # not in the stubs

    def reserve(self, handle_count: int) -> None:
        """Reserve this many more (or fewer) handles: with too few, long polls of idle queues block one another."""
        self._reserved += handle_count
        missing = max(0, self._reserved + _SPARE_HANDLES - len(self._curls))
        handles = [pycurl.Curl() for _ in range(missing)]
        self._curls.extend(handles)
        self._free_list.extend(handles)
        self.max_clients = len(self._curls)


def loop_http(hub: Hub) -> LoopHTTP:
    """Return the client of the loop, created on first use; it closes with the loop."""
    client = getattr(hub, "_current_http_client", None)  # where kombu keeps and finds it
    if not isinstance(client, LoopHTTP):
        client = LoopHTTP(hub)
        hub._current_http_client = client  # type: ignore[attr-defined]  # noqa: SLF001 - same; not in the stubs
    return client


class QueueCalls:
    """ReceiveMessage, DeleteMessage and ChangeMessageVisibility of one queue."""

    def __init__(self, *, http: LoopHTTP, client: Any, url: str, call_seconds: int) -> None:
        """Store the botocore client, of which only the signer and the endpoint are used."""
        self._call_seconds = call_seconds
        self._http = http
        self._client = client
        self._url = url

    def receive(self, *, count: int, wait_seconds: int, done: Done) -> None:
        """Long-poll for up to ``count`` messages."""
        parameters = {
            "MaxNumberOfMessages": count,
            "WaitTimeSeconds": wait_seconds,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
        }
        self._call("ReceiveMessage", parameters, seconds=wait_seconds + self._call_seconds, done=done)

    def delete(self, receipt_handle: str, done: Done) -> None:
        """Delete a received message."""
        self._call("DeleteMessage", {"ReceiptHandle": receipt_handle}, seconds=self._call_seconds, done=done)

    def hide(self, receipt_handle: str, seconds: int, done: Done) -> None:
        """Make a received message visible after ``seconds``."""
        parameters = {"ReceiptHandle": receipt_handle, "VisibilityTimeout": seconds}
        self._call("ChangeMessageVisibility", parameters, seconds=self._call_seconds, done=done)

    def delete_now(self, receipt_handle: str) -> None:
        """Delete a received message, blocking: for a loop that has ended."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt_handle)

    def show_now(self, receipt_handle: str) -> None:
        """Make a received message visible, blocking: for a loop that has ended."""
        self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=0)

    def _call(self, operation: str, parameters: Mapping[str, Any], *, seconds: int, done: Done) -> None:
        def prepare(curl: Any) -> None:
            curl.setopt(pycurl.CONNECTTIMEOUT, _CONNECT_SECONDS)
            curl.setopt(pycurl.TIMEOUT, seconds)
            curl.setopt(pycurl.TCP_KEEPALIVE, 1)
            curl.setopt(pycurl.NOSIGNAL, 1)  # threads run beside the loop

        def on_response(response: Response) -> None:
            done(QueueResponse(response.code or _NO_ANSWER, response.body or b""))

        signed = self._sign(operation, parameters)
        self._http.add_request(
            Request(
                signed.url,
                method="POST",
                headers=dict(signed.headers.items()),
                body=signed.body,
                ca_certs=_ca_file(),
                follow_redirects=False,  # a signature holds for one host
                on_prepare=prepare,
                on_ready=on_response,
            )
        )

    def _sign(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        meta = self._client.meta
        model = meta.service_model
        headers = {
            "Content-Type": f"application/x-amz-json-{model.metadata['jsonVersion']}",
            "X-Amz-Target": f"{model.metadata['targetPrefix']}.{operation}",
        }
        body = json.dumps({"QueueUrl": self._url, **parameters}).encode()
        request = AWSRequest(method="POST", url=meta.endpoint_url + "/", headers=headers, data=body)
        self._client._request_signer.sign(operation, request)  # noqa: SLF001 - the client's own credentials and region, as kombu signs
        return request.prepare()


def _ca_file() -> bytes:
    """Return the path of the trusted certificates in the file system's encoding: pycurl takes text for ASCII."""
    return os.fsencode(get_cert_path(True) or "")  # noqa: FBT003 - botocore's signature
