"""What an operator does about messages that a queue gave up on, on real queues."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.local.engines.local import LocalEngines
from resale.domain.tenants import Queue
from tests.fixtures.storefront import Front
from tests.integration.callers import root

BODIES = ["body one", "body two", "body three"]


@pytest.fixture
def owner(front: Front, engines: LocalEngines) -> Iterator[Any]:
    """The account's owner, who may put messages where only SQS itself puts them; both queues are empty around it."""
    tenant = front.shop.tenant
    client = root(tenant.account_id, engines.aws_endpoint_url).client("sqs", tenant.region)
    queue = queue_of(front)
    for url in (queue.url, queue.dlq_url):
        client.purge_queue(QueueUrl=url)
    yield client
    for url in (queue.url, queue.dlq_url):
        client.purge_queue(QueueUrl=url)


@pytest.fixture
def ids(front: Front, owner: Any) -> dict[str, str]:
    """Three dead letters, by body."""
    url = queue_of(front).dlq_url
    return {body: owner.send_message(QueueUrl=url, MessageBody=body)["MessageId"] for body in BODIES}


def queue_of(front: Front) -> Queue:
    return front.shop.tenant.resources.queues.images


def said(front: Front, *words: str) -> str:
    output = StringIO()
    call_command("dead_letters", front.shop.tenant.slug, "images", *words, stdout=output)
    return output.getvalue()


def listed(front: Front) -> set[str]:
    return {line.split()[0] for line in said(front, "list").splitlines()}


class TestDeadLetters:
    def test_are_listed_without_their_bodies(self, front: Front, ids: dict[str, str]) -> None:
        assert listed(front) == set(ids.values())
        assert "body" not in said(front, "list")

    def test_one_is_shown_with_its_body(self, front: Front, ids: dict[str, str]) -> None:
        assert said(front, "show", ids["body two"]) == "body two\n"

    def test_one_is_replayed_and_the_others_stay(self, front: Front, ids: dict[str, str], owner: Any) -> None:
        said(front, "replay", ids["body two"])
        (message,) = owner.receive_message(QueueUrl=queue_of(front).url, MaxNumberOfMessages=10)["Messages"]
        assert message["Body"] == "body two"
        assert listed(front) == set(ids.values()) - {ids["body two"]}

    @pytest.mark.parametrize("action", ["show", "replay"])
    def test_one_that_is_not_there_is_not(self, front: Front, ids: dict[str, str], action: str) -> None:
        with pytest.raises(CommandError, match="No such message"):
            said(front, action, "another")
        assert listed(front) == set(ids.values())

    @pytest.mark.parametrize("words", [("replay",), ("show",), ("list", "an-id")])
    def test_only_one_named_message_at_a_time(self, front: Front, words: tuple[str, ...]) -> None:
        with pytest.raises(CommandError, match="id of one message"):
            said(front, *words)

    @pytest.mark.django_db
    def test_of_nobody_are_refused(self) -> None:
        with pytest.raises(CommandError, match="No such tenant"):
            call_command("dead_letters", "nobody", "images", "list")
