"""``docs/reference/costs.md``: what is metered, the prices, and what an idle tenant and a sale cost."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from deploy.local.reference.idle_costs import YEARS, estimate_idle
from deploy.local.reference.markdown import code, opening, page, table
from resale.domain import costs
from resale.domain.costs import METER_PRICES, Price
from resale.domain.usage import METERS

#: Units of one sale, from the listing to the payout, counted from every request of the local journey (2026-11).
_A_SALE: Final = (
    ("write request units, 47 % of them of indexes", Decimal(631), costs.WRITE_UNIT),
    ("read request units", Decimal(260), costs.READ_UNIT),
    ("requests to SQS", Decimal(75), costs.QUEUE_REQUEST),
)
_OTHER_PRICES: Final = (costs.KEY_MONTH, costs.KEY_REQUEST, costs.SECRET_MONTH, costs.ALARM_MONTH)


def cost_page() -> str:
    """Return the page."""
    return page(_lines())


def _lines() -> Iterator[str]:
    yield from opening(
        "Usage and costs",
        "What is counted of each tenant, by day (UTC), and an estimate of what it costs in the tenant's own account. "
        "`manage.py report_usage` prints both; the account's bill is what is paid. Each process saves its counts every "
        "minute, so up to a minute of them is lost with a process that is killed, or a pool process that is replaced.",
        f"Prices are list prices of {costs.PRICE_REGION}, as noted on {costs.PRICES_CHECKED_ON}; "
        "free tiers are shared by the organisation and are not counted.",
        source="`resale/domain/usage.py`, `resale/domain/costs.py` and `deploy/local/reference/idle_costs.py`",
    )
    yield from ("## Meters", "")
    prices = {meter: _price(price) for meter, price in METER_PRICES.items()}
    yield from table(
        ("meter", "what it counts", "price"),
        ((code(meter), text, prices.get(meter, "of the platform")) for meter, text in METERS.items()),
    )
    yield from ("## Other prices", "")
    yield from table(("price", "source"), ((_price(price), price.source) for price in _OTHER_PRICES))
    idle = estimate_idle()
    total = sum((line.usd for line in idle), Decimal(0))
    yield from (f"## An idle tenant, USD a month in year {YEARS}", "")
    rows = [*((line.what, f"{line.usd:.2f}") for line in idle), ("**sum**", f"**{total:.2f}**")]
    yield from table(("what", "USD"), rows)
    yield f"The budget of a tier is {costs.IDLE_BUDGET_USD} USD: a test fails when templates exceed it. Not counted is"
    yield "whether DynamoDB bills the stream reads of EventBridge Pipes, which AWS does not state: at worst 25 USD."
    yield ""
    yield from ("## 1,000 sales", "")
    sales = [(what, f"{quantity}", f"{price.of(quantity) * 1000:.3f}") for what, quantity, price in _A_SALE]
    yield from table(("what", "of one sale", "USD of 1,000"), sales)


def _price(price: Price) -> str:
    return f"{price.usd.normalize():f} USD for {price.units:,} {price.unit}"
