"""``docs/reference/degradation.md``: what is refused first under load, what never, and the limits of each tier."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from apps.core.fair_shares.priorities import RULES, Priority
from apps.core.fair_shares.process import THREADS, TOTAL_FACTOR
from apps.core.fair_shares.rates import MIN_BURST
from apps.core.hot_listings.copies import COPY_SECONDS
from apps.core.hot_listings.line import ATTEMPTS_AT_ONCE, GRACE_SECONDS, MAX_RETRY_SECONDS
from apps.core.hot_listings.process import (
    ATTEMPTS_COOL_PER_SECOND,
    ATTEMPTS_HOT_PER_SECOND,
    VIEWS_COOL_PER_SECOND,
    VIEWS_HOT_PER_SECOND,
)
from apps.core.hot_listings.tickets import TICKET_SECONDS
from apps.storefront.docs import ENDPOINTS
from deploy.local.reference.markdown import code, codes, opening, page, table
from resale.domain.entitlements import ENTITLEMENTS, Limits, Tier

#: Requests that no priority is declared for, because no limit applies to them.
_ELSEWHERE: Final = (
    ("`/healthz`", "never: a thread of its own"),
    ("Pages of the admin", "never by these rules; sign-ins have their own limit"),
    (
        "Tasks of workers",
        "never; they wait in their queues; one shop's have half of a worker's slots at most, beside other shops",
    ),
)

#: What many requests for one listing get: requests, from, until, what happens, what never happens.
_HOT: Final = (
    (
        "Views (`getListing`) by those who see the public form",
        f"{VIEWS_HOT_PER_SECOND} a second",
        f"fewer than {VIEWS_COOL_PER_SECOND} in a second",
        (
            f"shown from a copy that is at most {COPY_SECONDS:g} s old and is read once for all; a change by the same "
            "process ends it at once"
        ),
        "refused; the seller and the brand never see a copy",
    ),
    (
        "Orders (`submitOrder`)",
        f"{ATTEMPTS_HOT_PER_SECOND} a second",
        f"fewer than {ATTEMPTS_COOL_PER_SECOND} in a second",
        (
            f"{ATTEMPTS_AT_ONCE} at a time; others 429 `waiting_line` with a ticket ({TICKET_SECONDS // 60} min) and "
            f"`Retry-After` (1 to {MAX_RETRY_SECONDS} s); others pass a buyer who is {GRACE_SECONDS:g} s late"
        ),
        "sold twice: the order reads the table. Once the listing is reserved, all receive 409 `listing_not_for_sale`",
    ),
)


def degradation_page() -> str:
    """Return the page."""
    return page(_lines())


def _lines() -> Iterator[str]:
    yield from opening(
        "Limits and degradation",
        "What a tenant can use of the web service, and what is refused when that or the service is exhausted. "
        "A request is refused before it has an effect: it can be repeated, with the same `Idempotency-Key`. "
        "[Operations](../operations.md#fair-shares) explains how to change a limit.",
        source=(
            "`resale/domain/entitlements.py`, `apps/core/fair_shares`, `apps/core/hot_listings` and the declarations "
            "of the endpoints"
        ),
    )
    yield from ("## Limits by tier", "")
    yield from table(
        ("limit", "what it is", *Tier),
        map(_limit_row, msgspec.json.schema(Limits)["$defs"]["Limits"]["properties"].items()),
    )
    yield "Rates and bursts are of all web processes together: each process enforces its part"
    yield "(`RESALE_WEB_PROCESSES`), and never less than 1 request per second and a burst of"
    yield f"{MIN_BURST}, so that chance refuses nobody. With `RESALE_VALKEY_URL` they are counted together, exactly;"
    yield from (
        "while Valkey is not available, each process enforces its part. Concurrent requests are of one process.",
        "",
    )
    yield from ("## What is refused first", "")
    yield "From the last that is refused to the first. *Part of the burst*: what the requests of this priority can use"
    yield "of the tenant's and the key's burst (429 `rate_limited`); the rest is for higher priorities. *Load*: the"
    yield "requests with the same API key in one process, running and waiting, above which they are refused (503"
    yield f"`overloaded`); all keys together can have {TOTAL_FACTOR} times as many. A process has {THREADS} threads."
    yield ""
    yield from table(("priority", "requests", "part of the burst", "load", "operations"), map(_priority_row, Priority))
    yield from ("## Hot listings", "")
    yield "One listing that very many want harms neither other listings nor other shops. Rates are of one listing in"
    yield "one process, which counts in its own memory. *Never*: what does not happen to these requests by this rule."
    yield ""
    yield from table(("requests", "from", "until", "what happens", "never"), _HOT)
    yield from ("## What no limit applies to", "")
    yield from table(("requests", "refused"), _ELSEWHERE)


def _limit_row(item: tuple[str, Mapping[str, object]]) -> tuple[str, ...]:
    name, schema = item
    return (code(name), str(schema["description"]), *(str(getattr(ENTITLEMENTS[tier].limits, name)) for tier in Tier))


def _priority_row(priority: Priority) -> tuple[str, ...]:
    rule = RULES[priority]
    named = sorted(one.id for one in ENDPOINTS if one.rank is priority)
    shown = codes(named) if priority in _LISTED else f"{len(named)} operations"
    load = "never" if rule.load is None else f"above {rule.load:g} per thread"
    return (code(priority.value), rule.covers, f"{rule.bucket_part:.0%}", load, shown)


_LISTED: Final = (Priority.ESSENTIAL, Priority.ORDER, Priority.BATCH)
