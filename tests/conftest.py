"""Fixtures of all tests. Each lives in a file of ``tests/fixtures`` named for what it gives."""

pytest_plugins = ["tests.fixtures.engines", "tests.fixtures.tenants"]
