"""Settings of production: everything comes from the environment, and nothing starts without it."""

from config.settings import environment
from config.settings.base import *  # noqa: F403 - Django settings are a module's names

environment.require_production()

SECRET_KEY = environment.text("DJANGO_SECRET_KEY")
RESALE = environment.resale_settings(
    lookup_secret=environment.text("RESALE_LOOKUP_SECRET") or "",
    cursor_secret=environment.text("RESALE_CURSOR_SECRET") or "",
)

ALLOWED_HOSTS = environment.word_list("RESALE_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
ADMIN_URL = environment.text("RESALE_ADMIN_URL") or f"https://{ALLOWED_HOSTS[0]}"
# SES with the task's role: no password to keep (docs/decisions/0056).
EMAIL_BACKEND = "django_ses.SESBackend"
USE_SES_V2 = True
AWS_SES_REGION_NAME = environment.text("AWS_REGION")
AWS_SES_AUTO_THROTTLE = 0  # otherwise each message asks for the quota first
# TLS ends at the load balancer, which replaces this header whatever a client sent (ALB guide, "X-Forwarded headers").
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
PROXY_HOPS = environment.whole_number("RESALE_PROXY_HOPS", otherwise=1)  # the load balancer
STAFF_MFA_REQUIRED = environment.switch("RESALE_STAFF_MFA_REQUIRED", otherwise=True)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
STRICT_TRANSPORT_SECONDS = 63_072_000  # two years, as browsers' preload lists ask (hstspreload.org)

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # tenants' files have storages of their own
    "staticfiles": {
        "BACKEND": "apps.core.static_files.S3StaticFiles",
        "OPTIONS": {
            "bucket_name": environment.text("RESALE_STATIC_BUCKET"),
            "region_name": environment.text("AWS_REGION"),
            "location": "static",
            "custom_domain": environment.text("RESALE_STATIC_HOST"),
            "querystring_auth": False,
        },
    },
}

if (exports_bucket := environment.text("RESALE_EXPORTS_BUCKET")) is not None:
    STORAGES["exports"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": exports_bucket,
            "region_name": environment.text("AWS_REGION"),
            "default_acl": None,
            "file_overwrite": True,
            "object_parameters": {"ServerSideEncryption": "aws:kms"},
        },
    }
