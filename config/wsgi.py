"""WSGI application of gunicorn."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from resale.struct_types import build_struct_types

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

application = get_wsgi_application()
# Django would load the views with the first request; a server that cannot load them must not start.
_ = get_resolver().url_patterns
build_struct_types()  # the server's threads start after this
