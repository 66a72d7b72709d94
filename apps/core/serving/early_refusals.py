"""Refusals of reads above a limit by the poll loop: a flood costs no threads, and a fraction of the CPU."""

import re
from typing import Final

from django.conf import settings

from apps.core.fair_shares.fence import FENCE, Closed
from apps.core.fair_shares.process import COUNTS
from apps.core.serving.framing import RequestBuffer
from apps.core.serving.refusals import render_refusal

_READS: Final = (b"GET /v1/", b"HEAD /v1/")
_ORIGIN: Final = re.compile(rb"\norigin:[ \t]*([^\r\n]*)", re.IGNORECASE)


def refuse_early(received: RequestBuffer, *, started: float, now: float, is_kept: bool) -> bytes | None:
    """Return the refusal of a read whose API key is above a limit; None if the application decides.

    Args:
        received: A complete request and nothing after it.
        started: Monotonic seconds at which it began to arrive.
        now: Monotonic seconds.
        is_kept: Whether the connection stays open.
    """
    closed = FENCE.find(received.api_key, now)
    if closed is None or not received.data.startswith(_READS):
        return None
    COUNTS.add(closed.tenant.slug, closed.refusal.policy, now)
    return render_refusal(
        closed.refusal,
        method=received.data[:4].split(b" ", 1)[0].decode("latin-1"),
        started=started,
        is_kept=is_kept,
        headers={**closed.refusal.headers, **_cors_headers(received, closed)},
        tenant=closed.tenant.slug,
        key=closed.key_id,
    )


def _cors_headers(received: RequestBuffer, closed: Closed) -> dict[str, str]:
    found = _ORIGIN.search(received.head())
    origin = found[1].strip().decode("latin-1") if found else ""
    if not origin or not closed.tenant.allows_origin(origin):
        return {"Vary": "origin"}
    exposed = ", ".join(settings.CORS_EXPOSE_HEADERS)
    return {"Vary": "origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": exposed}
