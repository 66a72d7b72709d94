"""The 25 fields of a listing as a DRF Serializer."""

from typing import Any

from rest_framework import serializers


class ListingSerializer(serializers.Serializer[Any]):
    """A listing, flat."""

    id = serializers.CharField(read_only=True)
    object = serializers.CharField(read_only=True)
    livemode = serializers.BooleanField(read_only=True)
    version = serializers.IntegerField(read_only=True)
    status = serializers.CharField(read_only=True)
    seller_id = serializers.CharField(read_only=True)
    title = serializers.CharField(max_length=140)
    description = serializers.CharField(max_length=5000, allow_blank=True)
    product = serializers.RegexField(r"^[A-Za-z0-9._:/-]+$", max_length=120)
    condition = serializers.ChoiceField(["new_with_tags", "excellent", "very_good", "good", "fair"])
    price_amount = serializers.IntegerField(min_value=1)
    price_currency = serializers.RegexField(r"^[A-Z]{3}$")
    market = serializers.CharField(read_only=True)
    size = serializers.CharField(max_length=500)
    colour = serializers.CharField(max_length=500)
    material = serializers.CharField(max_length=500)
    year = serializers.IntegerField()
    altered = serializers.BooleanField()
    photos = serializers.ListField(child=serializers.CharField(), read_only=True)
    photo_count = serializers.IntegerField(read_only=True)
    order_id = serializers.CharField(read_only=True, allow_null=True)
    submitted_at = serializers.DateTimeField(read_only=True, allow_null=True)
    published_at = serializers.DateTimeField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
