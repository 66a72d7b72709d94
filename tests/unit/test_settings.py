"""What the environment may say, and what refuses to start. Each in a process of its own: settings are read once."""

import ast
import os
import subprocess
import sys

import pytest

GOOD = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "DJANGO_SECRET_KEY": "s" * 40,
    "DATABASE_URL": "postgres://resale@db.example/resale",
    "RESALE_ALLOWED_HOSTS": "admin.example",
    "RESALE_LOOKUP_SECRET": "l" * 40,
    "RESALE_CURSOR_SECRET": "c" * 40,
    "RESALE_STATIC_BUCKET": "static",
    "RESALE_EMAIL_FROM": "Resale <staff@admin.example>",
    "PATH": os.environ["PATH"],
}


def start(shown: str = "RESALE.platform_region", **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in {**GOOD, **changes}.items() if value}
    command = f"from django.conf import settings; print(settings.{shown})"
    return subprocess.run(  # noqa: PLW1510 - the caller looks
        [sys.executable, "-W", "error", "-c", command], env=environment, capture_output=True, text=True, timeout=60
    )


class TestProduction:
    def test_exports_have_a_bucket_or_no_storage(self) -> None:
        assert start("STORAGES.get('exports')").stdout == "None\n"
        started = start("STORAGES['exports']['OPTIONS']['bucket_name']", RESALE_EXPORTS_BUCKET="exports")
        assert started.stdout == "exports\n", started.stderr

    def test_starts_with_everything(self) -> None:
        started = start(AWS_REGION="eu-central-1")
        assert started.stdout == "eu-central-1\n", started.stderr

    def test_checks_the_database_certificate_as_its_url_says(self) -> None:
        url = "postgres://resale@db.example/resale?sslmode=verify-full&sslrootcert=/etc/rds.pem&connect_timeout=9"
        options = ast.literal_eval(start("DATABASES['default']['OPTIONS']", DATABASE_URL=url).stdout)
        assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/etc/rds.pem")
        assert options["connect_timeout"] == 9
        assert options["options"] == "-c statement_timeout=5000"
        assert options["deadline_seconds"] == 7

    @pytest.mark.parametrize(
        ("url", "user", "password"),
        [
            ("postgres://db.example/resale", "resale", "a/b:c@d"),
            ("postgres://owner:own@db.example/resale", "owner", "own"),
        ],
    )
    def test_takes_user_and_password_apart_from_an_address_without_them(
        self, url: str, user: str, password: str
    ) -> None:
        shown = "[DATABASES['default'][part] for part in ('USER', 'PASSWORD', 'HOST')]"
        command = {"DATABASE_URL": url, "DATABASE_USER": "resale", "DATABASE_PASSWORD": "a/b:c@d"}
        started = start(f"DEBUG or {shown.replace('DATABASES', 'settings.DATABASES')}", **command)
        assert ast.literal_eval(started.stdout) == [user, password, "db.example"], started.stderr

    def test_lets_a_migration_take_its_time(self) -> None:
        started = start("DATABASES['default']['OPTIONS']", RESALE_STATEMENT_SECONDS="0")
        options = ast.literal_eval(started.stdout)
        assert (options["options"], options["deadline_seconds"]) == ("-c statement_timeout=0", None)

    def test_looks_for_static_files_that_come_late(self) -> None:
        assert start("STORAGES['staticfiles']['BACKEND']").stdout == "apps.core.static_files.S3StaticFiles\n"

    def test_trusts_one_proxy_unless_told_of_more(self) -> None:
        assert start("PROXY_HOPS").stdout == "1\n"
        assert start("PROXY_HOPS", RESALE_PROXY_HOPS="2").stdout == "2\n"
        assert "RESALE_PROXY_HOPS is not a whole number" in start(RESALE_PROXY_HOPS="-1").stderr

    def test_shares_limits_by_a_url_of_valkey_alone(self) -> None:
        assert start("VALKEY_URL").stdout == "None\n"
        url = "valkeys://:secret@limits.example:6379/0"
        assert start("VALKEY_URL", RESALE_VALKEY_URL=url).stdout == f"{url}\n"
        for wrong in ("limits.example:6379", "http://limits.example", "valkey://", "valkey://limits.example:port"):
            refused = start(RESALE_VALKEY_URL=wrong)
            assert "RESALE_VALKEY_URL must be valkey://host:port or valkeys://host:port" in refused.stderr, wrong

    def test_has_one_worker_service_unless_told_of_more(self) -> None:
        assert start("WORKER_SHARD").stdout == "WorkerShard(number=1, count=1)\n"
        assert start("WORKER_SHARD", RESALE_WORKER_SHARD="3/8").stdout == "WorkerShard(number=3, count=8)\n"
        mixed = start(RESALE_WORKER_SHARD="3/8", RESALE_TENANTS="atelier")
        assert "RESALE_WORKER_SHARD divides pooled tenants, and RESALE_TENANTS lists others" in mixed.stderr
        assert start("WORKER_SHARD", RESALE_WORKER_SHARD="3/8", RESALE_TENANTS="-atelier").returncode == 0

    def test_requires_two_factor_sign_in_unless_told_otherwise(self) -> None:
        assert start("STAFF_MFA_REQUIRED").stdout == "True\n"
        assert start("STAFF_MFA_REQUIRED", RESALE_STAFF_MFA_REQUIRED="0").stdout == "False\n"
        assert "RESALE_STAFF_MFA_REQUIRED must be 0 or 1" in start(RESALE_STAFF_MFA_REQUIRED="no").stderr

    @pytest.mark.parametrize(
        "name",
        [
            "DJANGO_SECRET_KEY",
            "DATABASE_URL",
            "RESALE_ALLOWED_HOSTS",
            "RESALE_LOOKUP_SECRET",
            "RESALE_CURSOR_SECRET",
            "RESALE_STATIC_BUCKET",
            "RESALE_EMAIL_FROM",
        ],
    )
    def test_refuses_without(self, name: str) -> None:
        started = start(**{name: ""})
        assert started.returncode != 0
        assert f"missing: {name}" in started.stderr

    @pytest.mark.parametrize(
        ("name", "value", "complaint"),
        [
            ("DJANGO_SECRET_KEY", "short", "too short: DJANGO_SECRET_KEY"),
            ("RESALE_LOOKUP_SECRET", "short", "too short: RESALE_LOOKUP_SECRET"),
            ("RESALE_ALLOWED_HOSTS", "admin.example,*", "wildcard host: *"),
            ("RESALE_ALLOWED_HOSTS", "*.example", "wildcard host: *.example"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566", "local only: AWS_ENDPOINT_URL"),
            ("RESALE_ORGANIZATION", '{"tenants_unit": "ou-1"}', "RESALE_ORGANIZATION is not valid: Object missing"),
            ("RESALE_TENANTS", "atelier,-northwind", "RESALE_TENANTS names tenants with and without -"),
            ("RESALE_TENANTS", "-", "RESALE_TENANTS has a - that names no tenant"),
            ("RESALE_WORKER_SHARD", "9/8", "RESALE_WORKER_SHARD must be a number and a count of services such as 3/8"),
            ("RESALE_SESSION_CACHE", "none", "RESALE_SESSION_CACHE must be a whole number of at least 1"),
            ("RESALE_STATEMENT_SECONDS", "-1", "RESALE_STATEMENT_SECONDS must be a whole number of at least 0"),
            ("RESALE_DYNAMODB_ENDPOINTS", '{"1":"http://127.0.0.1"}', "local only: RESALE_DYNAMODB_ENDPOINTS"),
        ],
    )
    def test_refuses(self, name: str, value: str, complaint: str) -> None:
        started = start(**{name: value})
        assert started.returncode != 0
        assert complaint in started.stderr


@pytest.mark.parametrize("module", ["config.settings.production", "config.settings.local"])
class TestEverywhere:
    def test_refuses_an_account_id_as_access_key(self, module: str) -> None:
        started = start(DJANGO_SETTINGS_MODULE=module, AWS_ACCESS_KEY_ID="111111111111", AWS_SECRET_ACCESS_KEY="x")
        assert "account id" in started.stderr

    def test_refuses_half_a_key(self, module: str) -> None:
        started = start(DJANGO_SETTINGS_MODULE=module, AWS_ACCESS_KEY_ID="AKIAEXAMPLE")
        assert "go together" in started.stderr
