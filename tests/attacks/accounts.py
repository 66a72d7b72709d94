"""What a tenant's account holds, to compare before and after attacks."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from deploy.local.engines.local import LocalEngines
from resale.domain.tenants import Tenant
from tests.integration.callers import Caller, queue_urls, root, table_names

_ID = re.compile(r"\b[a-z]{3}_[0-9a-f]{32}\b")
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True)
class Account:
    """One tenant's account, as its owner sees it."""

    tenant: Tenant
    engines: LocalEngines

    def contents(self) -> Mapping[str, str]:
        """Return every item, object version and count of messages, by its name."""
        return {**dict(self._items()), **dict(self._objects()), **dict(self._messages())}

    def ids(self) -> frozenset[str]:
        """Return every id in the tables."""
        return frozenset(found for _, item in self._items() for found in _ID.findall(item))

    def item(self, table: str, entity_id: str) -> Mapping[str, Any]:
        """Return the item of an entity, in DynamoDB's own form."""
        return next(item for item in self._scan(table) if f'"id":"{entity_id}"' in item.get("doc", {}).get("S", ""))

    def _items(self) -> Iterator[tuple[str, str]]:
        for table in table_names(self.tenant).values():
            for item in self._scan(table):
                key = " ".join(item[name]["S"] for name in ("pk", "sk") if name in item)
                yield f"{table} {key}", _text(item)

    def _scan(self, table: str) -> Iterator[Mapping[str, Any]]:
        url = self.engines.dynamodb_endpoints[self.tenant.account_id]
        pages = root(self.tenant.account_id, url).client("dynamodb", self.tenant.region).get_paginator("scan")
        for page in pages.paginate(TableName=table):
            yield from page["Items"]

    def _objects(self) -> Iterator[tuple[str, str]]:
        s3 = self._owner.client("s3", self.tenant.region)
        for bucket in (self.tenant.resources.media_bucket, self.tenant.resources.audit_bucket):
            for one in s3.list_object_versions(Bucket=bucket).get("Versions", []):
                yield f"{bucket} {one['Key']} {one['VersionId']}", one["ETag"]

    def _messages(self) -> Iterator[tuple[str, str]]:
        sqs = self._owner.client("sqs", self.tenant.region)
        for url in queue_urls(self.tenant):
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))["Attributes"]
            yield url, str(sum(int(found[name]) for name in _COUNTS))

    @cached_property
    def _owner(self) -> Caller:
        return root(self.tenant.account_id, self.engines.aws_endpoint_url)


def _text(item: Mapping[str, Any]) -> str:
    return msgspec.json.encode(item, order="sorted").decode()
