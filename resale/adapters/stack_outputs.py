"""The outputs of a tenant's stacks (``deploy/tenant``) as the resource map."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from resale.domain.tenant_onboarding import StackFailed
from resale.domain.tenant_upgrades import TEMPLATE_VERSION, TemplateTooNew
from resale.domain.tenants import Queue, Queues, Resources, Tables


def read_resources(outputs: Mapping[str, str]) -> Resources:
    """Build the resource map from the outputs of data.yaml and access.yaml.

    Raises:
        StackFailed: An output is missing, or the media's base URL names no host.
        TemplateTooNew: The stacks are of a newer template than this release knows.
    """
    version = int(outputs.get("TemplateVersion", "0"))  # none of a stack of before there was one
    if version > TEMPLATE_VERSION:
        raise TemplateTooNew(
            f"The tenant's stack is of the template version {version}; this release knows {TEMPLATE_VERSION}. Deploy "
            "the newer release first."
        )
    try:
        return _read(outputs)
    except KeyError as missing:
        raise StackFailed(f"The stacks have no output {missing}. Deploy the templates of this release.") from None


def _read(outputs: Mapping[str, str]) -> Resources:
    return Resources(
        tables=_tables(outputs),
        queues=Queues(
            changes=_queue(outputs, "Changes"), orders=_queue(outputs, "Orders"), images=_queue(outputs, "Images")
        ),
        media_bucket=outputs["MediaBucket"],
        audit_bucket=outputs["AuditBucket"],
        topic_arn=outputs["TopicArn"],
        key_arn=outputs["KeyArn"],
        access_role_arn=outputs["AccessRoleArn"],
        media_base_url=_base_url(outputs["MediaBaseUrl"]),
        index_shards=int(outputs["IndexShards"]),
        sweep_interval_seconds=int(outputs["SweepIntervalSeconds"]),
        pipes_dlq_url=outputs.get("PipesDeadLettersUrl", ""),  # none of a stack of before there was one
    )


def _base_url(url: str) -> str:
    if not urlsplit(url).netloc:
        raise StackFailed("MediaBaseUrl names no host: give data.yaml a MediaDomain or a PublicMediaOrigin")
    return url


def _tables(outputs: Mapping[str, str]) -> Tables:
    return Tables(
        listings=outputs["ListingsTable"],
        orders=outputs["OrdersTable"],
        customers=outputs["CustomersTable"],
        ledger=outputs["LedgerTable"],
        history=outputs["HistoryTable"],
        keys=outputs["KeysTable"],
        lookups=outputs["LookupsTable"],
        idempotency=outputs["IdempotencyTable"],
    )


def _queue(outputs: Mapping[str, str], purpose: str) -> Queue:
    return Queue(
        name=outputs[f"{purpose}QueueName"],
        url=outputs[f"{purpose}QueueUrl"],
        dlq_url=outputs[f"{purpose}DeadLettersUrl"],
    )
