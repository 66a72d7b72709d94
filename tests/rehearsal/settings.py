"""Production's settings on the engines of one machine. All that differs from production is in this file.

Production refuses endpoints of its own; so they are read here, and its settings without them.
"""

import os
from typing import Any

import msgspec

_DYNAMODB_ENDPOINTS = msgspec.json.decode(os.environ.pop("RESALE_DYNAMODB_ENDPOINTS"), type=dict[str, str])
_AWS_ENDPOINT_URL = os.environ.pop("AWS_ENDPOINT_URL")

from config import celery_settings  # noqa: E402 - after the variables that production refuses
from config.settings.production import *  # noqa: E402, F403 - Django settings are a module's names
from config.settings.production import HEALTH_FILE, RESALE, STORAGES  # noqa: E402

os.environ["AWS_ENDPOINT_URL"] = _AWS_ENDPOINT_URL  # the AWS SDK's own

RESALE = msgspec.structs.replace(RESALE, dynamodb_endpoints=_DYNAMODB_ENDPOINTS)
OIDC_PLAIN_HTTP = True  # the issuers of this machine have no certificate
_STATIC_FILES: dict[str, Any] = STORAGES["staticfiles"]
_STATIC_FILES["OPTIONS"]["addressing_style"] = "path"  # no bucket is a host name here

# The queues of this machine hide a message for 15 s, and deliver it 20 times.
CELERY = celery_settings.settings(celery_settings.LOCAL, health_file=HEALTH_FILE)
