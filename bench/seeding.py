"""Data for measurements: shoppers and active listings of this project, and the same listings in the naive layout."""

import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import msgspec

from apps.core.container import get_container
from resale.adapters.dynamodb import keys
from resale.adapters.identifiers import new_id
from resale.application.operations.customers import Shopper, enrol_shopper
from resale.application.ports import UnitOfWork
from resale.domain.access import Principal
from resale.domain.actors import Actor, ActorKind
from resale.domain.changes import ChangeType
from resale.domain.command_context import CommandContext
from resale.domain.ids import CUSTOMER_ID, LISTING_ID, MEDIA_ID, CustomerId
from resale.domain.listings import Condition, Listing, ListingStatus, Photo
from resale.domain.media import RENDITION_EDGES_PX, Rendition
from resale.domain.money import Money
from resale.domain.tenants import Tenant

_A_TRANSACTION: Final = 25  # listings; DynamoDB takes 100 items and 4 MB
_WORDS: Final = (
    "waxed",
    "cotton",
    "jacket",
    "worn",
    "twice",
    "no",
    "stains",
    "both",
    "pockets",
    "close",
    "lining",
    "intact",
    "cuff",
    "hem",
    "zip",
    "tin",
    "size",
)


def enrol(tenant: Tenant, count: int, *, named: str) -> tuple[tuple[str, CustomerId], ...]:
    """Create shoppers who are customers; return their subjects and ids."""
    subjects = (f"{named}-{number}" for number in range(count))
    return tuple((subject, _enrol_one(tenant, subject)) for subject in subjects)


def put_on_sale(tenant: Tenant, *, seller_id: CustomerId, count: int) -> tuple[Listing, ...]:
    """Write listings as approved, oldest first, many in a transaction."""
    began = datetime.now(UTC) - timedelta(seconds=count)
    listings = tuple(_make_listing(tenant, seller_id, began + timedelta(seconds=n), n) for n in range(count))
    for start in range(0, count, _A_TRANSACTION):
        uow = open_uow(tenant, now=datetime.now(UTC))
        for listing in listings[start : start + _A_TRANSACTION]:
            uow.listings.add(listing, change_type=ChangeType.LISTING_APPROVED)
        uow.commit()
    return listings


def put_on_sale_naively(listings: Sequence[Listing], *, dynamodb_url: str, table_name: str, region: str) -> None:
    """Create the naive table with the same listings, one attribute for each field."""
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=dynamodb_url,
        region_name=region,
        aws_access_key_id="AKIANAIVE",
        aws_secret_access_key="naive",  # noqa: S106 - the local engine checks none
    )
    table = resource.create_table(
        TableName=table_name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("id", "market", "published_at")
        ],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_market",
                "KeySchema": [
                    {"AttributeName": "market", "KeyType": "HASH"},
                    {"AttributeName": "published_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    with table.batch_writer() as batch:
        for listing in listings:
            batch.put_item(Item=_flat(listing))


def release_holds(tenant: Tenant, buyer_id: CustomerId) -> None:
    """End the unpaid orders of a buyer, so that the next one is measured like a buyer's first."""
    get_container().sessions.for_tenant(tenant).dynamodb.put_item(
        table=tenant.resources.tables.idempotency, item={**keys.holds_key(buyer_id), "holds": "[]"}, condition=None
    )


def shopper_of(tenant: Tenant, subject: str) -> Shopper:
    """Return a shopper of the tenant's issuer."""
    return Shopper(issuer=tenant.oidc_issuer, subject=subject, new_id=CUSTOMER_ID.new(new_id))


def _enrol_one(tenant: Tenant, subject: str) -> CustomerId:
    uow = open_uow(tenant, now=datetime.now(UTC))
    customer_id = enrol_shopper(uow, shopper=shopper_of(tenant, subject))
    uow.commit()
    return customer_id


def open_uow(tenant: Tenant, *, now: datetime, principal: Principal | None = None) -> UnitOfWork:
    """Open a unit of work as the benchmark."""
    actor = Actor(kind=ActorKind.SYSTEM, id="bench")
    context = CommandContext(actor=actor, principal=principal, request_id="req_bench", now=now)
    return get_container().unit_of_work(tenant, context)


def _make_listing(tenant: Tenant, seller_id: CustomerId, at: datetime, number: int) -> Listing:
    rng = random.Random(number)  # noqa: S311 - the same data each time
    photos = tuple(_make_photo(f"{number}-{each}") for each in range(2))
    return Listing(
        id=LISTING_ID.new(new_id),
        livemode=not tenant.sandbox,
        status=ListingStatus.ACTIVE,
        seller_id=seller_id,
        title=f"Waxed jacket {number}",
        description=" ".join(rng.choices(_WORDS, k=100)),
        product=f"jacket-{number % 100}",
        condition=Condition.VERY_GOOD,
        price=Money(amount=4_200 + number, currency=tenant.currency),
        market=tenant.market,
        custom_fields={"size": "M", "colour": "olive", "material": "cotton", "year": 2024, "altered": False},
        image_ids=tuple(photo.id for photo in photos),
        photos=photos,
        submitted_at=at,
        published_at=at,
        created_at=at,
        updated_at=at,
    )


def _make_photo(name: str) -> Photo:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Photo(
        id=MEDIA_ID.new(new_id),
        original_sha256=digest,
        perceptual_hash=digest[:16],
        renditions=tuple(
            _make_rendition(name, edge, suffix) for edge in RENDITION_EDGES_PX for suffix in ("webp", "jpeg")
        ),
    )


def _make_rendition(name: str, edge_px: int, suffix: str) -> Rendition:
    digest = hashlib.sha256(f"{name} {edge_px} {suffix}".encode()).hexdigest()
    return Rendition(
        edge_px=edge_px,
        width_px=edge_px,
        height_px=edge_px * 3 // 4,
        content_type=f"image/{suffix}",
        bytes=edge_px * 100,
        sha256=digest,
        key=f"renditions/{digest}.{suffix}",
    )


def _flat(listing: Listing) -> dict[str, Any]:
    kept = (
        "id",
        "object",
        "livemode",
        "version",
        "status",
        "seller_id",
        "title",
        "description",
        "product",
        "condition",
    )
    built = msgspec.to_builtins(listing)
    return {
        **{name: built[name] for name in kept},
        **listing.custom_fields,
        "price_amount": listing.price.amount,
        "price_currency": listing.price.currency,
        "market": listing.market,
        "photos": [rendition.key for photo in listing.photos for rendition in photo.renditions],
        "photo_count": len(listing.photos),
        "order_id": None,
        **{name: built[name] for name in ("submitted_at", "published_at", "created_at", "updated_at")},
    }
