"""Settings that all environments share. No secrets, no hosts, no connections."""

from pathlib import Path
from typing import Any

from config.settings import environment

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = BASE_DIR / (environment.text("RESALE_VAR_DIR") or "")  # an absolute path stays itself

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ALLOWED_HOSTS: list[str] = []
DEBUG = False

INSTALLED_APPS = [
    "apps.backoffice",  # before unfold, some of whose templates it replaces
    "unfold",  # before the admin whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "storages",
    "apps.tenancy",
    "apps.storefront",
    "apps.workers",
]

# Each but the first looks at its own paths only (docs/decisions/0034).
MIDDLEWARE = [
    "apps.core.middleware.RequestMiddleware",
    "apps.tenancy.cors.TenantCorsMiddleware",
    "apps.backoffice.content_security_policy.ContentSecurityPolicyMiddleware",
    "apps.backoffice.middleware.AdminConnectionMiddleware",
    "apps.backoffice.middleware.AdminSecurityMiddleware",
    "apps.backoffice.middleware.AdminSessionMiddleware",
    "apps.backoffice.middleware.AdminCommonMiddleware",
    "apps.backoffice.middleware.AdminCsrfMiddleware",
    "apps.backoffice.middleware.AdminAuthenticationMiddleware",
    "apps.backoffice.middleware.AdminMessageMiddleware",
    "apps.backoffice.middleware.AdminXFrameOptionsMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": environment.database(f"sqlite:///{VAR_DIR / 'data' / 'registry.sqlite'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Staff. Shoppers are never Django users.
AUTH_USER_MODEL = "tenancy.User"
PASSWORD_HASHERS = ["apps.tenancy.passwords.LimitedPBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
STAFF_MFA_REQUIRED = environment.switch("RESALE_STAFF_MFA_REQUIRED", otherwise=False)  # of managers and operators
SESSION_COOKIE_PATH = "/admin/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600  # seconds: a working day
CSRF_COOKIE_PATH = "/admin/"
CSRF_COOKIE_HTTPONLY = True
PROXY_HOPS = environment.whole_number("RESALE_PROXY_HOPS", otherwise=0)
PICTURE_SOURCES = ["https:"]  # where the admin's pictures come from: tenants' media hosts and their shops
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# Links in e-mail to staff.
ADMIN_URL = environment.text("RESALE_ADMIN_URL") or "http://127.0.0.1:8000"
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"
DEFAULT_FROM_EMAIL = environment.text("RESALE_EMAIL_FROM") or "Resale platform <no-reply@localhost>"
PASSWORD_RESET_TIMEOUT = 3600  # seconds

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
LOGOUT_REDIRECT_URL = "admin:login"
UNFOLD = {
    "SITE_TITLE": "Resale backoffice",
    "SITE_HEADER": "Resale backoffice",
    "SITE_SYMBOL": "sell",
    "SITE_URL": None,
}  # colours: apps/backoffice/static/backoffice/colours.css

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.tenancy.authentication.TenantAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "EXCEPTION_HANDLER": "apps.core.problems.handle_drf_exception",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

WEB_PROCESSES = environment.web_processes()
VALKEY_URL = environment.valkey_url()
SERVED_TENANTS = environment.served_tenants()  # of this process; a premium tenant can have its own
WORKER_SHARD = environment.worker_shard()  # of pooled tenants, of this worker or changes process
USAGE_SAVE_SECONDS = 60.0  # between two savings of what tenants use, by each process

CORS_ALLOW_METHODS = ("GET", "POST", "PUT", "PATCH")
CORS_ALLOW_HEADERS = (
    "api-version",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "waiting-line-ticket",
    "x-api-key",
    "x-request-id",
)
CORS_EXPOSE_HEADERS = (
    "api-version",
    "etag",
    "idempotent-replayed",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-client-request-id",
    "x-request-id",
)
CORS_PREFLIGHT_MAX_AGE = 600  # seconds; Chromium caps it at 7200

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # tenants' files have storages of their own
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "exports": {  # of offboarded tenants, with their certificates
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": VAR_DIR / "exports",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}

STATIC_URL = "/static/"
STATIC_ROOT: Path | None = BASE_DIR / "staticfiles"

OIDC_PLAIN_HTTP = False  # whether an issuer may be reached without TLS
STRICT_TRANSPORT_SECONDS = 0  # 0: no Strict-Transport-Security header

ONBOARDING_PROVIDERS: str | None = None  # path of a callable that opens them; None: those of AWS, from the container

OFFBOARDING_PROVIDERS: str | None = None  # likewise
RESTORE_PROVIDERS: str | None = None  # likewise
MOVE_PROVIDERS: str | None = None  # likewise
UPGRADE_BAKE_SECONDS = environment.whole_number("RESALE_UPGRADE_BAKE_SECONDS", otherwise=120)  # SQS counts within 60

HEALTH_FILE = environment.text("RESALE_HEALTH_FILE")  # of this process, when it is a worker, changes or sweep

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "apps.core.logs.Formatter"}},
    "handlers": {
        "stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"},
        "none": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stdout"], "level": environment.text("RESALE_LOG_LEVEL")},
    "loggers": {
        # Replaces Django's own handlers. Our request line says every 4xx once; 5xx come with their stack.
        "django": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": ["none"], "propagate": False},
        "resale.metrics": {"level": "INFO"},  # metrics, whatever the least level of a message is
        "django_ses": {"level": "WARNING"},  # names each recipient
        "botocore": {"level": "WARNING"},  # each client says where it found its endpoint
        "stripe": {"level": "WARNING"},  # tells each call, and quotes what was wrong with it
        "pyvips": {"level": "WARNING"},  # libvips says what it does, step by step
        "django.security": {"level": "CRITICAL"},  # a wrong Host header is not our error, and quotes its sender
    },
}
