"""The three hot paths as most code has them: DRF views, a Serializer, boto3's resource; no keys, tokens or tenants."""

import functools
import os
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import boto3
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.naive.serializers import ListingSerializer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3.client import S3Client

_REGION: Final = "eu-west-2"
_BUCKET: Final = "naive-media"
_KEY: Final = "NAIVE"  # the local engine checks none


@functools.cache
def table() -> "Table":
    """Open the table once a process."""
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=os.environ["NAIVE_DYNAMODB_URL"],
        region_name=_REGION,
        aws_access_key_id=_KEY,
        aws_secret_access_key=_KEY,
    )
    return resource.Table(os.environ["NAIVE_TABLE"])


@functools.cache
def s3() -> "S3Client":
    """Create the client that signs forms; it sends nothing."""
    return boto3.client("s3", region_name=_REGION, aws_access_key_id=_KEY, aws_secret_access_key=_KEY)


class ListingView(APIView):
    """``/listings/{id}``."""

    def get(self, request: Request, listing_id: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Return one listing."""
        item = table().get_item(Key={"id": listing_id}, ConsistentRead=True).get("Item")
        if item is None:
            raise NotFound
        return Response(ListingSerializer(item).data)


class ListingsView(APIView):
    """``/listings``."""

    def get(self, request: Request) -> Response:
        """List a market, newest first."""
        response = table().query(
            IndexName="by_market",
            KeyConditionExpression="market = :market",
            ExpressionAttributeValues={":market": request.query_params["market"]},
            ScanIndexForward=False,
            Limit=20,
        )
        return Response({"data": ListingSerializer(response["Items"], many=True).data})

    def post(self, request: Request) -> Response:
        """Create a listing and two upload forms."""
        serializer = ListingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        item = _new_item(dict(serializer.validated_data))
        table().put_item(Item=item, ConditionExpression="attribute_not_exists(id)")
        uploads = [_form(str(item["id"]), number) for number in range(2)]
        return Response({**ListingSerializer(item).data, "uploads": uploads}, status=201)


def _new_item(given: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        **given,
        "id": uuid.uuid4().hex,
        "object": "listing",
        "livemode": False,
        "version": 1,
        "status": "draft",
        "seller_id": uuid.uuid4().hex,
        "market": "draft",
        "photos": [],
        "photo_count": 0,
        "order_id": None,
        "submitted_at": None,
        "published_at": now,
        "created_at": now,
        "updated_at": now,
    }


def _form(listing_id: str, number: int) -> Any:
    return s3().generate_presigned_post(
        _BUCKET,
        f"originals/{listing_id}/{number}",
        Fields={"Content-Type": "image/jpeg"},
        Conditions=[{"Content-Type": "image/jpeg"}, ["content-length-range", 1, 2_000_000]],
        ExpiresIn=900,
    )
