"""The bounds of one commit, refused before anything is sent; and what a cancelled transaction means."""

from contextlib import closing

import msgspec
import pytest

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.dynamodb.buffer import MAX_ITEM_BYTES, MAX_TRANSACTION_ITEMS, TooLarge, Write, commit
from resale.adapters.dynamodb.client import DynamoDB, Item, RequestInvalid, RequestRefused
from resale.adapters.dynamodb.http_connections import ConnectionPool
from resale.errors import Conflict, Outcome, Unavailable
from tests.adapters.peers import Peer


def refusal(_: Item | None) -> Outcome:
    return Conflict()


def write(number: int, size_bytes: int) -> Write:
    item: Item = {"pk": f"lst_{number}", "sk": "listing", "doc": "x" * size_bytes}
    return Write(
        table="listings",
        item=item,
        expected_version=None,
        refused=refusal,
        contended=refusal,
        mark="txn_1",
        rank=1,
    )


@pytest.mark.parametrize(
    ("count", "size_bytes"), [(1, MAX_ITEM_BYTES), (MAX_TRANSACTION_ITEMS + 1, 10), (45, 95 * 1024)]
)
def test_more_than_a_transaction_holds_is_refused_unsent(count: int, size_bytes: int, lane: DynamoDB) -> None:
    with pytest.raises(TooLarge):
        commit(lane, [write(number, size_bytes) for number in range(count)])


class TestCancelledForGood:
    """What a cancelled transaction means when no retry and no condition explains it."""

    @pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded", "DuplicateItem"])
    def test_a_mistake_of_ours_is_an_error_and_never_called_busy(self, session: TenantSession, code: str) -> None:
        with Peer([cancelled(code)]) as peer, pytest.raises(RequestInvalid, match=f"{code}: too much"):
            commit_two(peer, session)
        assert peer.request_count == 1

    def test_a_refusal_of_the_account_is_the_tenants(self, session: TenantSession) -> None:
        with Peer([cancelled("AccessDenied")]) as peer, pytest.raises(RequestRefused, match="AccessDenied"):
            commit_two(peer, session)

    @pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
    def test_throttling_is_a_matter_of_time(self, session: TenantSession, code: str) -> None:
        with Peer([cancelled(code)]) as peer, pytest.raises(Unavailable) as caught:
            commit_two(peer, session)
        assert not isinstance(caught.value, RequestRefused)


def cancelled(code: str) -> bytes:
    """DynamoDB's response to a transaction whose second action it refuses."""
    reasons = [{"Code": "None"}, {"Code": code, "Message": "too much"}]
    kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    body = msgspec.json.encode({"__type": kind, "Message": "Transaction cancelled", "CancellationReasons": reasons})
    return f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def commit_two(peer: Peer, session: TenantSession) -> None:
    with closing(ConnectionPool(peer.url, connect_timeout_seconds=2, read_timeout_seconds=2)) as pool:
        lane = DynamoDB(pool, region=session.tenant.region, credentials=session)
        commit(lane, [write(1, 10), write(2, 10)])
