"""The queue client's certificates in a folder whose name is not ASCII, as a checkout's may be."""

import shutil
from pathlib import Path
from typing import Any

import botocore.session
import pycurl
import pytest
from botocore.httpsession import get_cert_path
from kombu.asynchronous.http import Request

from apps.workers.transport.queue_calls import QueueCalls


class Taking:
    """A loop's client that keeps its requests."""

    def __init__(self) -> None:
        self.taken: list[Request] = []

    def add_request(self, request: Request) -> None:
        self.taken.append(request)


class TestCertificates:
    def test_are_found_in_a_folder_with_any_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        trusted = tmp_path / "Björn 店 dir" / "cacert.pem"
        trusted.parent.mkdir()
        shutil.copy(str(get_cert_path(True)), trusted)  # noqa: FBT003 - botocore's signature
        monkeypatch.setattr("botocore.httpsession.where", lambda: str(trusted))  # where certifi lies in such a checkout
        http: Any = Taking()
        client = botocore.session.Session().create_client(
            "sqs", region_name="eu-west-2", aws_access_key_id="k", aws_secret_access_key="s"
        )
        QueueCalls(http=http, client=client, url="https://sqs.example/1/q", call_seconds=1).receive(
            count=1, wait_seconds=0, done=lambda _answer: None
        )
        (request,) = http.taken
        pycurl.Curl().setopt(pycurl.CAINFO, request.ca_certs)  # raises UnicodeEncodeError for text
        assert Path(request.ca_certs.decode()) == trusted
