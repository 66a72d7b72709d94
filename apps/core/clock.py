"""The time doors pass to the library. Signatures and token expiry never use it: they take the wall clock."""

from datetime import UTC, datetime

from resale.domain.tenants import Tenant

_test_clocks: dict[str, datetime] = {}


def for_tenant(tenant: Tenant) -> datetime:
    """Say what time it is for a tenant, aware UTC: the wall clock, or a sandbox tenant's test clock."""
    if _test_clocks and tenant.sandbox and (moment := _test_clocks.get(tenant.slug)) is not None:
        return moment
    return datetime.now(UTC)


def for_platform() -> datetime:
    """Say what time it is for what is no tenant's: the wall clock, aware UTC."""
    return datetime.now(UTC)


def set_test_clock(tenant: Tenant, moment: datetime | None) -> None:
    """Stop a sandbox tenant's clock at a moment, in this process; None lets it run again.

    Raises:
        ValueError: The tenant is not a sandbox, or the moment has no time zone.
    """
    if not tenant.sandbox:
        raise ValueError("only a sandbox tenant has a test clock")
    if moment is None:
        _test_clocks.pop(tenant.slug, None)
        return
    if moment.tzinfo is None:
        raise ValueError("a test clock needs a time zone")
    _test_clocks[tenant.slug] = moment.astimezone(UTC)
