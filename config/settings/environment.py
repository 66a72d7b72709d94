"""The only module that reads the environment: all variables of the platform, and the values derived from them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import dj_database_url
import msgspec
from django.core.exceptions import ImproperlyConfigured

from resale.domain.served_tenants import ServedTenants, served_tenants_of
from resale.domain.worker_shards import WorkerShard, worker_shard_of
from resale.settings import OrganizationSettings, Settings


class Variable(msgspec.Struct, frozen=True):
    """An environment variable, as ``docs/reference/settings.md`` shows it. ``default`` None: no default."""

    name: str
    meaning: str
    default: str | None = None
    production: bool = False  # production refuses to start without it


VARIABLES: Final = (
    Variable("DJANGO_SETTINGS_MODULE", "Settings module", "config.settings.local"),
    Variable("DJANGO_SECRET_KEY", "Key that signs staff sessions; at least 32 characters", production=True),
    Variable("DATABASE_URL", "Database URL of the registry; PostgreSQL or SQLite", production=True),
    Variable("DATABASE_USER", "User of the registry, if `DATABASE_URL` names none"),
    Variable(
        "DATABASE_PASSWORD",
        "Password of the registry, if `DATABASE_URL` has none; read when a process starts, so processes are restarted "
        "after it was changed",
    ),
    Variable("RESALE_STATEMENT_SECONDS", "Timeout of one registry statement, in seconds; 0: no limit", "5"),
    Variable("RESALE_ALLOWED_HOSTS", "Host names of the admin, comma separated", production=True),
    Variable(
        "RESALE_LOOKUP_SECRET",
        "Key of the hashes by which customers are found; at least 32 characters",
        production=True,
    ),
    Variable("RESALE_CURSOR_SECRET", "Key that signs list cursors; at least 32 characters", production=True),
    Variable(
        "RESALE_EXPORTS_BUCKET",
        "S3 bucket of the platform for exports and certificates of offboarded tenants; none: no tenant can be "
        "offboarded in production, and elsewhere they are in `exports` of the data folder",
    ),
    Variable("RESALE_STATIC_BUCKET", "S3 bucket of the admin's static files", production=True),
    Variable("RESALE_STATIC_HOST", "Host name that serves the static bucket"),
    Variable("RESALE_EMAIL_FROM", "Sender of e-mail to staff, verified in SES", production=True),
    Variable(
        "RESALE_STAFF_MFA_REQUIRED",
        "1: managers and operators must set up two-factor sign-in; 0: it is their choice; none: 1 in production, 0 "
        "elsewhere",
    ),
    Variable(
        "RESALE_ADMIN_URL",
        "Base URL of the admin, in e-mail to staff and for security keys, which work at its host name only; none: "
        "`https://` and the first of `RESALE_ALLOWED_HOSTS` in "
        "production, `http://127.0.0.1:8000` elsewhere",
    ),
    Variable(
        "RESALE_PROXY_HOPS",
        "Proxies in front of the web server that append to X-Forwarded-For: 1 is a load balancer, 2 is CloudFront "
        "and a load balancer; none: 1 in production, 0 elsewhere",
    ),
    Variable("RESALE_DYNAMODB_ENDPOINTS", "Local only: DynamoDB URL by account id, as JSON", "{}"),
    Variable(
        "RESALE_PAYMENTS_URL", "Base URL of the sandbox payment provider; none: sandbox tenants accept no payments"
    ),
    Variable("RESALE_SHIPPING_URL", "Base URL of the sandbox carrier; none: sandbox tenants buy no labels"),
    Variable("RESALE_ENGINE", "Local only: DynamoDB engine, `dynoxide` or `ministack`", "dynoxide"),
    Variable("RESALE_VAR_DIR", "Local only: folder for data, keys and logs of `make run`", "var"),
    Variable(
        "RESALE_GUARD_DIR",
        "Folder that the processes of a worker share to limit calls to partners; none: each process limits its own",
    ),
    Variable(
        "RESALE_HEALTH_FILE", "File that a worker, changes or sweep process rewrites as a heartbeat; none: no file"
    ),
    Variable("RESALE_RELEASE", "Name of the release; noted with each failed message"),
    Variable(
        "RESALE_SESSION_CACHE",
        "Maximum number of tenants whose AWS sessions a process caches for an hour, about 0.5 MiB each",
        "2048",
    ),
    Variable(
        "RESALE_WEB_PROCESSES",
        "Processes of the web service over all machines, by which limits of requests are divided; none: those of this "
        "machine",
    ),
    Variable(
        "RESALE_VALKEY_URL",
        "Valkey that makes the limits of requests exact over all web processes, `valkey://` or with TLS `valkeys://`; "
        "none: each process enforces its part",
    ),
    Variable(
        "RESALE_TENANTS",
        "Slugs of the tenants that this process serves, comma separated, whose tier includes own processes; with `-` "
        "before each: the pooled tenants but these; none: the pooled tenants, which are all without own processes",
    ),
    Variable(
        "RESALE_WORKER_SHARD",
        "Which of the worker services of a purpose this `worker` or `changes` process belongs to, as `3/8`, the third "
        "of eight: each pooled tenant's queues are polled by two of them; none: there is one, which polls all",
    ),
    Variable(
        "RESALE_UPGRADE_BAKE_SECONDS",
        "Seconds that `upgrade_tenants` waits after each tenant before it counts the messages that failed",
        "120",
    ),
    Variable(
        "RESALE_ORGANIZATION",
        "Organisation for `onboard_tenant`, as a JSON object: `management_role_arn`, `account_email` with `{slug}` in "
        "it, `onboarding_unit`, `tenants_unit`; optional `data_stack_set`, `access_stack_set`, `account_role`, and "
        "`sandbox_issuer` of the shoppers of sandboxes, `closed_unit` of accounts that were offboarded, "
        "`template_bucket` of former templates",
    ),
    Variable("RESALE_LOG_LEVEL", "Lowest log level", "INFO"),
    Variable("AWS_REGION", "AWS Region of the platform", "eu-west-2"),
    Variable("AWS_ACCESS_KEY_ID", "AWS access key of the platform; none: the task's role"),
    Variable("AWS_SECRET_ACCESS_KEY", "Secret of the AWS access key"),
    Variable("AWS_ENDPOINT_URL", "Local only: AWS endpoint; read by the AWS SDK"),
)
#: Read by the web server's file (``docker/gunicorn.conf.py``) and by ``make run``.
SERVER_VARIABLES: Final = (
    Variable("BIND_HOST", "Address the web server listens on; the image sets `0.0.0.0`", "127.0.0.1"),
    Variable("PORT", "Port the web server listens on", "8000"),
    Variable("WEB_CONCURRENCY", "Processes of the web server, 8 threads each; none: one per core"),
    Variable("READ_SECONDS", "Longest that a request, headers and body, may take to arrive", "10"),
    Variable("READ_GRACE_SECONDS", "After this time a request must have arrived at 500 bytes a second on average", "5"),
    Variable("ONCE", "`make run` only: 1 stops after the journey"),
)

PLATFORM_FILE: Final = "environment.json"  # in RESALE_VAR_DIR, while `make run` is up; for its owner only
_LOCAL_SETTINGS: Final = "config.settings.local"
_OWN: Final = {"DJANGO_SETTINGS_MODULE", "RESALE_VAR_DIR", "RESALE_LOG_LEVEL"}  # of whoever gives the command
_BY_NAME: Final = {variable.name: variable for variable in (*VARIABLES, *SERVER_VARIABLES)}
_JOINED: Final = {variable.name for variable in VARIABLES} - _OWN
_SECRET_MIN_CHARS: Final = 32
_GRACE_SECONDS: Final = 2  # between the end of a statement's time at the server and at this process
# Twelve digits are an account id: local engines take them for unchecked root (ministack README, "Multi-account").
_ROOT_KEY: Final = re.compile(r"\d{12}")
# A reader of a WAL database never waits for its writer; NORMAL keeps WAL safe from corruption (sqlite.org/wal.html).
_SQLITE_PRAGMAS: Final = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000"


def text(name: str) -> str | None:
    """Return a variable of the table; an empty one counts as absent."""
    return os.environ.get(name, "").strip() or _BY_NAME[name].default


def word_list(name: str) -> list[str]:
    """Return a comma-separated variable as a list."""
    return [word.strip() for word in (text(name) or "").split(",") if word.strip()]


def whole_number(name: str, *, otherwise: int) -> int:
    """Return a variable as an integer, or ``otherwise`` if it is absent.

    Raises:
        ImproperlyConfigured: It is none, or below zero.
    """
    value = text(name)
    if value is None:
        return otherwise
    if not value.isdecimal():
        raise ImproperlyConfigured(f"{name} is not a whole number")
    return int(value)


def switch(name: str, *, otherwise: bool) -> bool:
    """Return a variable that is 1 or 0, or ``otherwise`` if it is absent.

    Raises:
        ImproperlyConfigured: It is neither.
    """
    value = text(name)
    if value not in {None, "0", "1"}:
        raise ImproperlyConfigured(f"{name} must be 0 or 1")
    return otherwise if value is None else value == "1"


def web_processes() -> int:
    """Return the number of web processes that share the limits of a tenant; at least 1.

    Raises:
        ImproperlyConfigured: A number is none.
    """
    here = whole_number("WEB_CONCURRENCY", otherwise=0) or os.cpu_count() or 1
    return max(whole_number("RESALE_WEB_PROCESSES", otherwise=here), 1)


def valkey_url() -> str | None:
    """Return the URL of the Valkey that web processes share; None without one.

    Raises:
        ImproperlyConfigured: It is no such URL.
    """
    url = text("RESALE_VALKEY_URL")
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in {"valkey", "valkeys"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise ImproperlyConfigured("RESALE_VALKEY_URL must be valkey://host:port or valkeys://host:port")
    return url


def served_tenants() -> ServedTenants:
    """Return the tenants that this process serves.

    Raises:
        ImproperlyConfigured: The list cannot be read.
    """
    try:
        return served_tenants_of(word_list("RESALE_TENANTS"))
    except ValueError as error:
        raise ImproperlyConfigured(f"RESALE_TENANTS {error}") from error


def worker_shard() -> WorkerShard:
    """Return the worker service that this process belongs to.

    Raises:
        ImproperlyConfigured: It cannot be read, or the process lists tenants, which have these workers alone.
    """
    given = text("RESALE_WORKER_SHARD")
    if given is None:
        return WorkerShard()
    if not served_tenants().are_excluded:
        raise ImproperlyConfigured("RESALE_WORKER_SHARD divides pooled tenants, and RESALE_TENANTS lists others")
    try:
        return worker_shard_of(given)
    except ValueError as error:
        raise ImproperlyConfigured(f"RESALE_WORKER_SHARD {error}") from error


def join_platform(folder: Path) -> None:
    """Read the variables of a platform that ``make run`` runs in a folder, so that a command reaches it.

    Only with the local settings, and only by who was not told the platform's secrets already, as its own processes
    are. What the caller's shell says of AWS is dropped: a developer's own cloud is never meant here.
    """
    if text("DJANGO_SETTINGS_MODULE") != _LOCAL_SETTINGS or os.environ.get("RESALE_LOOKUP_SECRET"):
        return
    try:
        found = msgspec.json.decode((folder / PLATFORM_FILE).read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):  # none runs here
        return
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update({name: value for name, value in found.items() if name in _JOINED or name.startswith("AWS_")})


def require_production() -> None:
    """Refuse to start in production with missing or unsafe variables, naming all of them.

    Raises:
        ImproperlyConfigured: A variable is missing, a secret is short, or a local-only one is set.
    """
    missing = [variable.name for variable in VARIABLES if variable.production and not text(variable.name)]
    short = [name for name in _BY_NAME if name.endswith(("_SECRET", "SECRET_KEY")) and _is_short(name)]
    local = [name for name in ("RESALE_DYNAMODB_ENDPOINTS", "AWS_ENDPOINT_URL") if os.environ.get(name)]
    wild = [host for host in word_list("RESALE_ALLOWED_HOSTS") if host.startswith("*")]
    complaints = {"missing": missing, "too short": short, "local only": local, "wildcard host": wild}
    if any(complaints.values()):
        said = "; ".join(f"{what}: {', '.join(names)}" for what, names in complaints.items() if names)
        raise ImproperlyConfigured(said)


def resale_settings(*, lookup_secret: str, cursor_secret: str, session_proof_seconds: float = 60.0) -> Settings:
    """Build the library's settings.

    Raises:
        ImproperlyConfigured: A 12-digit access key, half a key, or an endpoint map that is none.
    """
    access_key, secret_key = text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY")
    if access_key is not None and _ROOT_KEY.fullmatch(access_key):
        raise ImproperlyConfigured("AWS_ACCESS_KEY_ID is an account id, not an access key")
    if (access_key is None) != (secret_key is None):
        raise ImproperlyConfigured("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together")
    return Settings(
        platform_region=text("AWS_REGION") or "",
        release=text("RESALE_RELEASE") or "",
        access_key_id=access_key,
        secret_access_key=secret_key,
        dynamodb_endpoints=_endpoints(),
        lookup_secret=lookup_secret.encode(),
        cursor_secret=cursor_secret.encode(),
        session_proof_seconds=session_proof_seconds,
        guard_folder=text("RESALE_GUARD_DIR"),
        session_cache_count=_count("RESALE_SESSION_CACHE", least=1),
        payments_url=text("RESALE_PAYMENTS_URL"),
        shipping_url=text("RESALE_SHIPPING_URL"),
        organization=_organization(),
    )


def database(default_url: str) -> dict[str, Any]:
    """Build the registry's database settings from DATABASE_URL. Parameters of the URL, such as ``sslmode``, win.

    A user and a password that the URL does not have are those of DATABASE_USER and DATABASE_PASSWORD: RDS stores and
    rotates them apart from the address.
    """
    settings: dict[str, Any] = dict(dj_database_url.parse(text("DATABASE_URL") or default_url))
    settings["USER"] = settings.get("USER") or text("DATABASE_USER") or ""
    settings["PASSWORD"] = settings.get("PASSWORD") or text("DATABASE_PASSWORD") or ""
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        # IMMEDIATE: two writers wait for each other instead of failing when a read turns into a write.
        defaults: dict[str, Any] = {"init_command": _SQLITE_PRAGMAS, "transaction_mode": "IMMEDIATE"}
    else:
        seconds = _count("RESALE_STATEMENT_SECONDS", least=0)
        defaults = {"connect_timeout": 2, "options": f"-c statement_timeout={1000 * seconds}"}
        # The server ends a slow statement; this process gives up a server that stands still (apps.core.postgresql).
        defaults["deadline_seconds"] = seconds + _GRACE_SECONDS if seconds else None
        settings["ENGINE"] = "apps.core.postgresql"
        settings["CONN_MAX_AGE"] = 60  # seconds
        settings["CONN_HEALTH_CHECKS"] = True
    settings["OPTIONS"] = {**defaults, **settings.get("OPTIONS", {})}
    return settings


def _count(name: str, *, least: int) -> int:
    value = text(name) or ""
    if not value.isdecimal() or int(value) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {least}")
    return int(value)


def _is_short(name: str) -> bool:
    value = text(name)
    return value is not None and len(value) < _SECRET_MIN_CHARS


def _organization() -> OrganizationSettings | None:
    given = text("RESALE_ORGANIZATION")
    if given is None:
        return None
    try:
        organization = msgspec.json.decode(given, type=OrganizationSettings)
    except msgspec.DecodeError as error:
        raise ImproperlyConfigured(f"RESALE_ORGANIZATION is not valid: {error}") from error
    if "{slug}" not in organization.account_email:
        raise ImproperlyConfigured("RESALE_ORGANIZATION: account_email must contain {slug}")
    return organization


def _endpoints() -> Mapping[str, str]:
    try:
        return msgspec.json.decode(text("RESALE_DYNAMODB_ENDPOINTS") or "{}", type=dict[str, str])
    except msgspec.DecodeError as error:
        raise ImproperlyConfigured("RESALE_DYNAMODB_ENDPOINTS is not a JSON object of strings") from error
