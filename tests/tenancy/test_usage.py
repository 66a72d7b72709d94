"""Usage in the registry: added by many at once, reported by day with its cost."""

import io
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.core.metering import USAGE
from apps.tenancy.errors import TenantNotFound
from apps.tenancy.tenants import save_tenant
from apps.tenancy.usage import report_usage, save_usage
from apps.tenancy.usage_tables import TenantUsage
from resale.domain.ids import TenantId
from resale.domain.tenants import Tenant
from resale.domain.usage import Meter
from tests.fixtures.tenants import record_of
from tests.fixtures.web_roles import ECHO, request, web_role

DAY = date(2026, 11, 30)
ONE = TenantId("ten_one")


@pytest.fixture
def registered(db: None) -> tuple[Tenant, Tenant]:  # noqa: ARG001 - opens the database
    slugs = (("northwind", "111111111111"), ("atelier", "222222222222"))
    one, other = (save_tenant(record_of(slug, account, issuer="https://issuer.example")) for slug, account in slugs)
    return one, other


@pytest.mark.django_db(transaction=True)
def test_what_is_saved_at_once_adds_up() -> None:
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: save_usage({(ONE, DAY, Meter.READ_UNITS): 1.5}), range(24)))
    assert TenantUsage.objects.get().quantity == 36


@pytest.mark.django_db
class TestReport:
    def test_by_day_and_tenant_with_costs(self, registered: tuple[Tenant, Tenant]) -> None:
        one, other = registered
        save_usage({(one.id, DAY, Meter.WRITE_UNITS): 2_000_000, (other.id, DAY, Meter.API_REQUESTS): 3})
        save_usage(
            {(TenantId("ten_closed"), DAY, Meter.API_REQUESTS): 1, (one.id, date(2026, 11, 1), Meter.READ_UNITS): 1}
        )
        found = {line.slug: line for line in report_usage(since=DAY, until=DAY)}
        assert set(found) == {one.slug, other.slug, "ten_closed"}
        assert (found[one.slug].cost, found[other.slug].cost) == (Decimal("1.25"), Decimal(0))

    def test_of_one_tenant(self, registered: tuple[Tenant, Tenant]) -> None:
        save_usage({(tenant.id, DAY, Meter.API_REQUESTS): 1 for tenant in registered})
        assert [line.slug for line in report_usage(since=DAY, until=DAY, slug=registered[0].slug)] == [
            registered[0].slug
        ]

    def test_of_nobody(self) -> None:
        with pytest.raises(TenantNotFound):
            report_usage(since=DAY, until=DAY, slug="nobody")


@pytest.mark.django_db
class TestCommand:
    def test_prints_csv(self, registered: tuple[Tenant, Tenant]) -> None:
        today = datetime.now(UTC).date()
        save_usage({(registered[0].id, today, Meter.API_REQUESTS): 12})
        out = io.StringIO()
        call_command("report_usage", registered[0].slug, "--csv", stdout=out)
        head, row = out.getvalue().splitlines()
        assert head.startswith("day,tenant,api_requests,read_units")
        assert row == f"{today},{registered[0].slug},12,0,0,0,0.0,0,0.000000"

    @pytest.mark.parametrize("days", ["0", "401"])
    def test_refuses_a_number_of_days(self, days: str) -> None:
        with pytest.raises(CommandError, match="from 1 to 400"):
            call_command("report_usage", "--days", days)


@pytest.mark.parametrize("end_with", [signal.SIGTERM, signal.SIGQUIT])
def test_what_a_web_process_counted_is_saved_at_its_end(tmp_path: Path, end_with: signal.Signals) -> None:
    saved = tmp_path / "usage"
    with web_role(tmp_path, application=ECHO, end_with=end_with, ECHO_USAGE=str(saved)) as port:
        assert [request(port, "/count") for _ in range(3)] == [200] * 3
        assert not saved.exists()
    assert saved.read_text() == "ten_echo api_requests 3.0\n"


def test_nothing_is_saved_by_itself_in_tests() -> None:
    assert not USAGE._every_seconds
