"""The media bucket."""

import uuid
from typing import Any

import pytest
import urllib3

from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.s3.store import S3MediaStore
from resale.domain.ids import ListingId
from resale.domain.media import ImageRefused, RefusalReason, public_key, rendition_key, retired_key
from resale.domain.tenants import Tenant
from resale.errors import NotFound, Unavailable
from tests.adapters.conftest import OpenSessions
from tests.faults.proxy import Fault, FaultProxy


@pytest.fixture
def store(session: TenantSession) -> S3MediaStore:
    return S3MediaStore(session)


@pytest.fixture
def key() -> str:
    return f"originals/lst_{uuid.uuid4().hex}/med_{uuid.uuid4().hex}"


@pytest.fixture
def listing_id() -> ListingId:
    return ListingId(f"lst_{uuid.uuid4().hex}")


def upload(session: TenantSession, key: str, body: bytes) -> str:
    client: Any = session.client("s3")
    response = client.put_object(Bucket=session.tenant.resources.media_bucket, Key=key, Body=body)
    return str(response["VersionId"])


class TestFirstVersion:
    def test_is_the_oldest(self, store: S3MediaStore, session: TenantSession, key: str) -> None:
        versions = [upload(session, key, b"x" * size) for size in (3, 2, 1)]
        found = store.find_first_version(key)
        assert found is not None
        assert (found.key, found.version_id, found.bytes) == (key, versions[0], 3)

    def test_is_not_that_of_a_longer_key(self, store: S3MediaStore, session: TenantSession, key: str) -> None:
        upload(session, key + "0", b"x")
        assert store.find_first_version(key) is None

    def test_is_found_behind_a_thousand_others(self, store: S3MediaStore, session: TenantSession, key: str) -> None:
        client: Any = session.client("s3")
        first = upload(session, key, b"first")
        pages = client.get_paginator("list_object_versions")
        for number in range(3):
            upload(session, key, b"later %d" % number)
        # The same walk, in pages of one.
        listed = pages.paginate(
            Bucket=session.tenant.resources.media_bucket, Prefix=key, PaginationConfig={"PageSize": 1}
        )
        assert [version["VersionId"] for page in listed for version in page["Versions"]][-1] == first
        found = store.find_first_version(key)
        assert found is not None
        assert found.version_id == first


class TestReading:
    def test_gives_that_version(self, store: S3MediaStore, session: TenantSession, key: str) -> None:
        first = upload(session, key, b"first")
        upload(session, key, b"second")
        assert store.read(key, version_id=first, max_bytes=5) == b"first"

    def test_refuses_more_than_allowed(self, store: S3MediaStore, session: TenantSession, key: str) -> None:
        version = upload(session, key, b"123456")
        with pytest.raises(ImageRefused) as refusal:
            store.read(key, version_id=version, max_bytes=5)
        assert refusal.value.reason is RefusalReason.TOO_LARGE

    def test_finds_nothing_where_nothing_is(self, store: S3MediaStore, session: TenantSession, key: str) -> None:
        version = upload(session, key, b"x")
        with pytest.raises(NotFound):
            store.read(key + "0", version_id=version, max_bytes=5)

    @pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.DROP_ANSWER, Fault.TRUNCATE_ANSWER])
    def test_says_when_it_cannot(
        self,
        fault: Fault,
        aws_proxy: FaultProxy,
        open_sessions: OpenSessions,
        tenants: tuple[Tenant, Tenant],
        key: str,
    ) -> None:
        session = open_sessions().for_tenant(tenants[0])
        version = upload(session, key, b"x" * 1000)
        aws_proxy.inject(fault, "GET *")
        with pytest.raises(Unavailable):
            S3MediaStore(session).read(key, version_id=version, max_bytes=1000)


class TestRenditions:
    def test_are_stored_where_nobody_can_open_them(
        self, store: S3MediaStore, session: TenantSession, listing_id: ListingId
    ) -> None:
        (key,) = put(store, listing_id, uuid.uuid4().hex)
        assert public_status(session, key) == 403
        assert public_status(session, public_key(key)) in {403, 404}
        assert headers(session, key) == ("image/webp", "private, max-age=900")
        assert store.list_pending(listing_id) == (key,)

    def test_are_stored_once(self, store: S3MediaStore, session: TenantSession, listing_id: ListingId) -> None:
        digest = uuid.uuid4().hex
        (key,) = {*put(store, listing_id, digest), *put(store, listing_id, digest)}
        client: Any = session.client("s3")
        listed = client.list_object_versions(Bucket=session.tenant.resources.media_bucket, Prefix=key)
        assert len(listed["Versions"]) == 1


class TestPublishing:
    def test_moves_what_it_is_told_to_the_public(
        self, store: S3MediaStore, session: TenantSession, listing_id: ListingId
    ) -> None:
        approved, other = put(store, listing_id, *(uuid.uuid4().hex for _ in range(2)))
        store.publish((approved,))
        assert public_status(session, public_key(approved)) == 200
        assert public_status(session, public_key(other)) in {403, 404}
        assert headers(session, public_key(approved)) == (
            "image/webp",
            "public, max-age=31536000, s-maxage=30, immutable",
        )
        assert store.list_pending(listing_id) == (other,)

    def test_repeated_has_no_effect(self, store: S3MediaStore, session: TenantSession, listing_id: ListingId) -> None:
        keys = put(store, listing_id, uuid.uuid4().hex)
        for _ in range(2):
            store.publish(keys)
            assert public_status(session, public_key(keys[0])) == 200
        store.publish(())

    def test_leaves_what_was_retired_first(
        self, store: S3MediaStore, session: TenantSession, listing_id: ListingId
    ) -> None:
        keys = put(store, listing_id, uuid.uuid4().hex)
        assert store.retire(listing_id) == 0
        store.publish(keys)
        assert public_status(session, public_key(keys[0])) in {403, 404}

    @pytest.mark.parametrize("operation", ["PUT *", "POST *"])
    def test_is_finished_by_the_next_try(
        self,
        operation: str,
        aws_proxy: FaultProxy,
        open_sessions: OpenSessions,
        tenants: tuple[Tenant, Tenant],
        listing_id: ListingId,
    ) -> None:
        session = open_sessions().for_tenant(tenants[0])
        store = S3MediaStore(session)
        keys = put(store, listing_id, uuid.uuid4().hex)
        aws_proxy.inject(Fault.UNAVAILABLE, operation)
        with pytest.raises(Unavailable):
            store.publish(keys)
        aws_proxy.clear()
        store.publish(keys)
        assert public_status(session, public_key(keys[0])) == 200
        assert store.list_pending(listing_id) == ()


class TestRetiring:
    def test_makes_a_listings_renditions_private(
        self, store: S3MediaStore, session: TenantSession, listing_id: ListingId
    ) -> None:
        other_id, digest = ListingId(f"lst_{uuid.uuid4().hex}"), uuid.uuid4().hex  # the same photo in two listings
        for album in (listing_id, other_id):
            store.publish(put(store, album, digest, content_type="image/jpeg"))
            (key,) = put(store, album, digest)
            store.publish((key,))
        (pending,) = put(store, listing_id, uuid.uuid4().hex)
        webp = rendition_key(listing_id, digest, "image/webp")
        assert store.retire(listing_id) == 2
        assert public_status(session, public_key(webp)) in {403, 404}
        assert public_status(session, retired_key(webp)) == 403
        assert public_status(session, public_key(rendition_key(other_id, digest, "image/webp"))) == 200
        jpeg = retired_key(rendition_key(listing_id, digest, "image/jpeg"))
        client: Any = session.client("s3")
        kept = client.get_object(Bucket=session.tenant.resources.media_bucket, Key=jpeg)
        assert (kept["Body"].read(), *headers(session, jpeg)) == (b"photo", "image/jpeg", "private, max-age=900")
        assert headers(session, retired_key(pending)) == ("image/webp", "private, max-age=900")
        assert store.list_pending(listing_id) == ()
        assert store.retire(listing_id) == 0

    @pytest.mark.parametrize("operation", ["GET *", "PUT *", "POST *"])
    def test_is_finished_by_the_next_try(
        self,
        operation: str,
        aws_proxy: FaultProxy,
        open_sessions: OpenSessions,
        tenants: tuple[Tenant, Tenant],
        listing_id: ListingId,
    ) -> None:
        session = open_sessions().for_tenant(tenants[0])
        store = S3MediaStore(session)
        keys = put(store, listing_id, uuid.uuid4().hex)
        store.publish(keys)
        aws_proxy.inject(Fault.UNAVAILABLE, operation)
        with pytest.raises(Unavailable):
            store.retire(listing_id)
        aws_proxy.clear()
        assert store.retire(listing_id) == 1
        assert public_status(session, public_key(keys[0])) in {403, 404}

    def test_goes_on_where_it_was_interrupted(
        self,
        aws_proxy: FaultProxy,
        open_sessions: OpenSessions,
        tenants: tuple[Tenant, Tenant],
        listing_id: ListingId,
    ) -> None:
        session = open_sessions().for_tenant(tenants[0])
        store = S3MediaStore(session)
        store.publish(put(store, listing_id, *(f"{number:064x}" for number in range(25))))
        aws_proxy.inject(Fault.UNAVAILABLE, f"PUT *{24:064x}*")
        with pytest.raises(Unavailable):
            store.retire(listing_id)
        aws_proxy.clear()
        assert store.retire(listing_id) == 5
        assert store.retire(listing_id) == 0


def put(store: S3MediaStore, listing_id: ListingId, *digests: str, content_type: str = "image/webp") -> tuple[str, ...]:
    """Store renditions as the worker does; return their keys."""
    keys = tuple(rendition_key(listing_id, digest, content_type) for digest in digests)
    for key in keys:
        store.put_rendition(key, body=b"photo", content_type=content_type)
    return keys


def headers(session: TenantSession, key: str) -> tuple[str, str]:
    """The type of an object, and for how long who may keep it."""
    client: Any = session.client("s3")
    head = client.head_object(Bucket=session.tenant.resources.media_bucket, Key=key)
    return head["ContentType"], head["CacheControl"]


def public_status(session: TenantSession, key: str) -> int:
    """Ask for an object as anybody may."""
    url = f"{session.tenant.resources.media_base_url}/{key}"
    return urllib3.request("GET", url, retries=False).status


class TestTenancy:
    def test_a_tenants_store_is_its_own_bucket(
        self, sessions: TenantSessions, tenants: tuple[Tenant, Tenant], key: str
    ) -> None:
        northwind, atelier = (sessions.for_tenant(tenant) for tenant in tenants)
        upload(northwind, key, b"x")
        assert S3MediaStore(atelier).find_first_version(key) is None
