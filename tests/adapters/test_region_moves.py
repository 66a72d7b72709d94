"""What a move sends to AWS, held by botocore's Stubber; ``tests/local`` compares tables on the engines."""

import pytest

from resale.adapters.region_moves import AccountRegions
from resale.errors import Unavailable
from tests.adapters.test_retirement import TENANT
from tests.adapters.test_table_restores import ARN, Stubs, list_pipes, pipe_of

TABLES = TENANT.resources.tables


class RegionStubs(Stubs):
    """Clients of the account in the tenant's Region."""

    def __init__(self) -> None:
        super().__init__()
        self.regions = AccountRegions(self.tables._client_for)


@pytest.fixture
def stubs() -> RegionStubs:
    return RegionStubs()


class TestPolicies:
    def test_a_table_is_opened_by_removing_its_policy(self, stubs: RegionStubs) -> None:
        stubs.describe(TABLES.orders)
        stubs.add("dynamodb", "delete_resource_policy", {}, {"ResourceArn": f"{ARN}/{TABLES.orders}"})
        stubs.regions.open_table(TENANT, TABLES.orders)
        stubs.check()

    def test_one_that_was_never_closed_is_open(self, stubs: RegionStubs) -> None:
        stubs.describe(TABLES.orders)
        stubs.fail("dynamodb", "delete_resource_policy", "PolicyNotFoundException")
        stubs.regions.open_table(TENANT, TABLES.orders)
        stubs.describe(TABLES.orders)
        stubs.fail("dynamodb", "delete_resource_policy", "AccessDeniedException")
        with pytest.raises(Unavailable, match="AccessDeniedException"):
            stubs.regions.open_table(TENANT, TABLES.orders)


class TestPipes:
    def test_those_of_the_region_are_started_or_stopped_unless_they_are(self, stubs: RegionStubs) -> None:
        for table, state in ((TABLES.listings, "STOPPED"), (TABLES.orders, "RUNNING"), (TABLES.customers, "STOPPED")):
            list_pipes(stubs, table, pipe_of(table, state))
            if state == "STOPPED":
                stubs.add("pipes", "start_pipe", {}, {"Name": table})
        stubs.regions.start_changes(TENANT)
        for table in (TABLES.listings, TABLES.orders, TABLES.customers):
            list_pipes(stubs, table, pipe_of(table, "RUNNING"))
            stubs.add("pipes", "stop_pipe", {}, {"Name": table})
        stubs.regions.stop_changes(TENANT)
        stubs.check()
