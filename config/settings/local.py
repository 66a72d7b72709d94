"""Settings of the local platform: loopback only, secrets from ``make run``, static files by WhiteNoise."""

import secrets

import msgspec

from config import celery_settings
from config.settings import environment
from config.settings.base import *  # noqa: F403 - Django settings are a module's names
from config.settings.base import HEALTH_FILE, INSTALLED_APPS, MIDDLEWARE, VAR_DIR
from config.settings.local_endpoints import LocalEndpoints, endpoints_file

# A command started by hand, outside `make run`, gets secrets that live as long as it does.
SECRET_KEY = environment.text("DJANGO_SECRET_KEY") or secrets.token_urlsafe(48)
RESALE = environment.resale_settings(
    lookup_secret=environment.text("RESALE_LOOKUP_SECRET") or secrets.token_urlsafe(48),
    cursor_secret=environment.text("RESALE_CURSOR_SECRET") or secrets.token_urlsafe(48),
    session_proof_seconds=5.0,  # a local engine that was killed has forgotten every session
)

# A tenant that is onboarded while processes run has an engine that they were not started with.
RESALE = msgspec.structs.replace(
    RESALE, dynamodb_endpoints=LocalEndpoints(RESALE.dynamodb_endpoints, endpoints_file(VAR_DIR))
)

INSTALLED_APPS = [*INSTALLED_APPS, "deploy.local"]
ONBOARDING_PROVIDERS = "deploy.local.onboarding.beside.open_providers"
OFFBOARDING_PROVIDERS = "deploy.local.onboarding.beside.open_retirement"
MOVE_PROVIDERS = "deploy.local.onboarding.beside.open_regions"
RESTORE_PROVIDERS = "deploy.local.onboarding.beside.open_tables"
CELERY = celery_settings.settings(celery_settings.LOCAL, health_file=HEALTH_FILE)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *environment.word_list("RESALE_ALLOWED_HOSTS")]
MIDDLEWARE = [*MIDDLEWARE, "whitenoise.middleware.WhiteNoiseMiddleware"]  # last: nothing before it is for its paths
STATIC_ROOT = None  # nothing is collected here: files are served from where apps keep them
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
PICTURE_SOURCES = ["https:", "http://127.0.0.1:*", "http://localhost:*"]
OIDC_PLAIN_HTTP = True
USAGE_SAVE_SECONDS = 5.0
