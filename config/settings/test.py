"""Settings of the test suite: a database for each process, generated secrets, loopback only."""

import os
import tempfile
from pathlib import Path

from config.settings import environment
from config.settings.base import *  # noqa: F403 - Django settings are a module's names
from config.settings.base import DATABASES, LOGGING

SECRET_KEY = "test-" * 8
RESALE = environment.resale_settings(lookup_secret="lookup-" * 5, cursor_secret="cursor-" * 5)

ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    # A file, not memory: several connections of one process see each other as they do in a server.
    _file = str(Path(tempfile.gettempdir(), f"resale-registry-{os.getpid()}.sqlite"))
    DATABASES["default"] |= {"NAME": _file, "TEST": {"NAME": _file}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of times faster; nobody logs in
PICTURE_SOURCES = ["https:", "http://127.0.0.1:*", "http://localhost:*"]
OIDC_PLAIN_HTTP = True
WEB_PROCESSES = 1
USAGE_SAVE_SECONDS = 0.0  # by tests only

LOGGING = {**LOGGING, "root": {"handlers": ["none"], "level": "INFO"}}
