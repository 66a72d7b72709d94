"""What an idle tenant costs a month, from the templates and from what the platform does without a shopper.

Free are resources that cost by use. A type that has no entry here stops the estimate: add its price.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local.provisioning.intrinsics import resolve
from deploy.local.provisioning.sources import read_source
from resale.domain import costs

TEMPLATES: Final = Path(__file__).resolve().parents[2] / "tenant"
#: Years after which the estimate is made: a key costs more with each of its first two rotations.
YEARS: Final = 3

_DEFAULT_ROTATION_DAYS: Final = 365
_MAX_BILLED_ROTATIONS: Final = 2  # the third and later ones are free (AWS KMS pricing, since 2024)
_SECONDS_A_MONTH: Final = Decimal(2_628_000)
_POLL_SECONDS: Final = 20  # a long poll of an empty queue
_POLLED_QUEUES: Final = 3  # changes, orders, images
_POLLERS: Final = 2  # processes of each role, one a zone
_SWEPT_TABLES: Final = 2  # listings and orders: a query of half a unit for each shard of their index of due items
_SWEEP_SECONDS: Final = 60
_SWEEPS: Final = 2  # processes, one a zone
#: Of one sweep a minute: three queues counted for QueueBacklog, changes set aside received, and each two minutes the
#: changes' dead letters and those set aside counted.
_SWEEP_REQUESTS: Final = 5
_KEY_REQUESTS: Final = Decimal(37_000)  # data keys of tables, queues and buckets are asked for again every five minutes
_SECRETS: Final = 2  # of partners: payments and shipping

#: Resources that cost nothing while nobody uses them.
_FREE: Final = frozenset(
    {
        "AWS::Backup::BackupPlan",
        "AWS::Backup::BackupSelection",
        "AWS::Backup::BackupVault",
        "AWS::Budgets::Budget",  # one that only tells; one that acts is paid from the third on
        "AWS::DynamoDB::GlobalTable",
        "AWS::IAM::Role",
        "AWS::KMS::Alias",
        "AWS::Logs::LogGroup",
        "AWS::Pipes::Pipe",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::SSM::Parameter",  # a standard one
    }
)


class UnknownPrice(Exception):  # noqa: N818 - named for what happened
    """Raised when a template has a resource type whose price is not known here."""


class IdleCost(msgspec.Struct, frozen=True):
    """A line of the estimate: what it is, and USD a month."""

    what: str
    usd: Decimal


def estimate_idle(templates: Path = TEMPLATES) -> tuple[IdleCost, ...]:
    """Return what an idle tenant costs a month in its third year, line by line.

    Raises:
        UnknownPrice: A template has a resource type without a price.
    """
    found: Counter[str] = Counter()
    rotations = shards = 0
    for path in sorted(templates.glob("*.yaml")):
        source = read_source(path)
        shards += source.get("Parameters", {}).get("IndexShards", {}).get("Default", 0)
        for resource in _iter_default_resources(source):
            found[resource["Type"]] += _count_billed(resource)
            if resource["Type"] == "AWS::KMS::Key":
                rotations += _count_billed_rotations(resource["Properties"])
    return (*_price_resources(found, rotations), *_price_operation(shards))


class _Defaults:
    """The parameters of a template as they are when nobody gives any. Implements ``intrinsics.Scope``."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._source = source

    def ref(self, name: str) -> str:
        """Return the default of a parameter; empty without one."""
        return str(self._source.get("Parameters", {}).get(name, {}).get("Default", ""))

    def attribute(self, logical_id: str, name: str) -> str:
        """Return a name for the attribute."""
        return f"{logical_id}.{name}"

    def condition(self, name: str) -> bool:
        """Return a condition's value."""
        return bool(resolve(self._source["Conditions"][name], self))


def _iter_default_resources(source: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Iterate over the resources that are made without any option."""
    defaults = _Defaults(source)
    for resource in source["Resources"].values():
        if "Condition" not in resource or defaults.condition(resource["Condition"]):
            yield resource


def _count_billed(resource: Mapping[str, Any]) -> int:
    """Return how many times a resource is billed: an alarm by its metrics, all else once."""
    metrics = resource["Properties"].get("Metrics", []) if resource["Type"] == "AWS::CloudWatch::Alarm" else []
    return max(1, sum("MetricStat" in each for each in metrics))


def _price_resources(found: Counter[str], rotations: int) -> Iterator[IdleCost]:
    for kind, count in sorted(found.items()):
        if kind in _FREE:
            continue
        if kind == "AWS::KMS::Key":
            yield IdleCost(f"{count} KMS key, {rotations} billed rotations", costs.KEY_MONTH.of(count + rotations))
        elif kind == "AWS::CloudWatch::Alarm":
            yield IdleCost(f"CloudWatch alarms of {count} metrics", costs.ALARM_MONTH.of(count))
        else:
            raise UnknownPrice(f"{kind} has no price in deploy/local/reference/idle_costs.py")


def _price_operation(shards: int) -> Iterator[IdleCost]:
    polls = _SECONDS_A_MONTH / _POLL_SECONDS * _POLLED_QUEUES * _POLLERS
    yield IdleCost(f"polls of {_POLLED_QUEUES} queues by {_POLLERS} processes", costs.QUEUE_REQUEST.of(polls))
    reads = _SECONDS_A_MONTH / _SWEEP_SECONDS * _SWEPT_TABLES * shards / 2
    yield IdleCost("reads of the sweep", costs.READ_UNIT.of(reads))
    requests = _SECONDS_A_MONTH / 60 * _SWEEP_REQUESTS * _SWEEPS
    yield IdleCost(f"requests to SQS by {_SWEEPS} sweeps", costs.QUEUE_REQUEST.of(requests))
    yield IdleCost("requests to KMS for data keys", costs.KEY_REQUEST.of(_KEY_REQUESTS))
    yield IdleCost(f"{_SECRETS} secrets of partners", costs.SECRET_MONTH.of(_SECRETS))


def _count_billed_rotations(properties: dict[str, Any]) -> int:
    if not properties.get("EnableKeyRotation"):
        return 0
    period_days = int(properties.get("RotationPeriodInDays", _DEFAULT_ROTATION_DAYS))
    return min(_MAX_BILLED_ROTATIONS, YEARS * 365 // period_days)
