"""WSGI application of the naive view."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.naive.settings")
application = get_wsgi_application()
