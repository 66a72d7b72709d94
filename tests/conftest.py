"""Fixtures of all tests. Each lives in a file of ``tests/fixtures`` named for what it gives."""

from hypothesis import settings

# An example takes as long as the machine lets it; pytest's own timeout ends a test that hangs.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

# In the order in which they import each other: pytest rewrites asserts of what is not imported yet.
pytest_plugins = [
    "tests.fixtures.engines",
    "tests.fixtures.provisioned",
    "tests.fixtures.guarded",
    "tests.fixtures.clocks",
    "tests.fixtures.shares",
    "tests.fixtures.tenants",
    "tests.fixtures.postgresql",
    "tests.fixtures.storefront",
    "tests.fixtures.consumption",
    "tests.fixtures.graveyard",
    "tests.fixtures.stripe_mock",
    "tests.fixtures.sockets",
    "tests.fixtures.web_roles",
    "tests.fixtures.valkeys",
]
