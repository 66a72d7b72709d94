"""What usage costs, from a table of AWS list prices. An estimate: the account's own bill is what is paid."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from resale.domain.usage import Meter

#: When the prices were noted; compare them with the pages that they name before anybody is told a figure.
PRICES_CHECKED_ON: Final = "2026-11-30"
PRICE_REGION: Final = "us-east-1"
#: USD a month that an idle tenant may cost, by tier's name: a test holds the templates to it.
IDLE_BUDGET_USD: Final = Decimal(3)

_MILLION: Final = Decimal(1_000_000)
_GIBIBYTE: Final = Decimal(1024**3)


class Price(msgspec.Struct, frozen=True):
    """USD for a number of units, and the page that says so."""

    usd: Decimal
    units: Decimal
    unit: str
    source: str

    def of(self, quantity: float | Decimal) -> Decimal:
        """Return the USD that a quantity costs."""
        return self.usd * Decimal(quantity) / self.units


READ_UNIT: Final = Price(Decimal("0.125"), _MILLION, "read request units", "aws.amazon.com/dynamodb/pricing/on-demand")
WRITE_UNIT: Final = Price(
    Decimal("0.625"), _MILLION, "write request units", "aws.amazon.com/dynamodb/pricing/on-demand"
)
QUEUE_REQUEST: Final = Price(Decimal("0.40"), _MILLION, "requests", "aws.amazon.com/sqs/pricing")
#: Photos are most of what is stored; a GiB of tables (0.25) and of their backups (0.20) is dearer, but they are small.
STORED_GIBIBYTE_MONTH: Final = Price(Decimal("0.023"), _GIBIBYTE, "bytes for a month", "aws.amazon.com/s3/pricing")
#: Half a vCPU and 1 GiB of Fargate for a second.
WORKER_SECOND: Final = Price(
    Decimal("0.04048") / 2 + Decimal("0.004445"), Decimal(3600), "seconds", "aws.amazon.com/fargate/pricing"
)
KEY_MONTH: Final = Price(Decimal("1.00"), Decimal(1), "keys for a month", "aws.amazon.com/kms/pricing")
KEY_REQUEST: Final = Price(Decimal("0.03"), Decimal(10_000), "requests", "aws.amazon.com/kms/pricing")
SECRET_MONTH: Final = Price(
    Decimal("0.40"), Decimal(1), "secrets for a month", "aws.amazon.com/secrets-manager/pricing"
)
ALARM_MONTH: Final = Price(
    Decimal("0.10"), Decimal(1), "alarm metrics for a month", "aws.amazon.com/cloudwatch/pricing"
)

#: Price of each meter. Requests have none of their own: the web service is the platform's and shared.
METER_PRICES: Final[Mapping[Meter, Price]] = {
    Meter.READ_UNITS: READ_UNIT,
    Meter.WRITE_UNITS: WRITE_UNIT,
    Meter.QUEUE_REQUESTS: QUEUE_REQUEST,
    Meter.IMAGE_SECONDS: WORKER_SECOND,
    Meter.STORED_BYTES: STORED_GIBIBYTE_MONTH,
}


def estimate_day(usage: Mapping[Meter, float]) -> dict[Meter, Decimal]:
    """Return the USD that each meter of one day costs; what was stored on it costs its first month."""
    return {meter: METER_PRICES[meter].of(quantity) for meter, quantity in usage.items() if meter in METER_PRICES}
