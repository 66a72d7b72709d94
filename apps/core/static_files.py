"""Static files in a bucket, and their manifest, which is read again until it is available.

Django reads the manifest once, when the first page is drawn, and keeps what it found, also nothing. A process that
started before the release's ``migrate`` role put the manifest would respond 500 for as long as it lives.
"""

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin
from storages.backends.s3 import S3StaticStorage

logger = logging.getLogger("resale.static_files")

_NOT_COLLECTED: Final = ["CVS", ".*", "*~"]  # what collectstatic leaves out (Django 5.2, StaticFilesConfig)
_CONNECT_SECONDS: Final = 2
_READ_SECONDS: Final = 5

if TYPE_CHECKING:
    _Manifest = ManifestFilesMixin
else:
    _Manifest = object


class RereadManifestMixin(_Manifest):
    """Reads the manifest again if a name is missing, at most every ``reread_seconds``. Place it first."""

    reread_seconds = 5.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._reading = threading.Lock()
        self._read_at = 0.0  # monotonic seconds; set with every read
        self._complete = False
        super().__init__(*args, **kwargs)

    def load_manifest(self) -> Any:  # the stubs have the shape of an older Django
        """Read the manifest; a missing or unreadable one counts as empty."""
        self._read_at = time.monotonic()
        try:
            return super().load_manifest()
        except Exception:  # a bucket that does not respond, refuses or holds something else
            logger.exception("cannot read the manifest of the static files")
            return {}, ""

    def stored_name(self, name: str) -> str:
        """Return the stored name of a file; read the manifest again if it does not have the file."""
        try:
            return super().stored_name(name)
        except ValueError:
            if not self._read_again():
                raise
            return super().stored_name(name)

    def is_ready(self) -> bool:
        """Return whether the manifest has every file that pages use."""
        if not self._complete:
            self._complete = self._knows_all() or (self._read_again() and self._knows_all())
        return self._complete

    def _knows_all(self) -> bool:
        if not self.hashed_files:
            return False
        names = (name for finder in get_finders() for name, _ in finder.list(_NOT_COLLECTED))
        return all(self.hash_key(self.clean_name(name)) in self.hashed_files for name in names)

    def _read_again(self) -> bool:
        """Read the manifest unless it was read a moment ago; return whether it was read."""
        seen_at = self._read_at
        with self._reading:
            if self._read_at != seen_at:  # somebody else did while we waited
                return True
            if time.monotonic() - seen_at < self.reread_seconds:
                return False
            files, digest = self.load_manifest()
            if files:
                self.hashed_files, self.manifest_hash = files, digest
            return bool(files)


class BoundedS3StaticStorage(S3StaticStorage):  # type: ignore[misc]  # django-storages ships no types
    """A bucket of static files with short timeouts, so that a page waits seconds, not minutes."""

    client_config: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        config = type(self.client_config)  # botocore's, which only the adapters may import
        bounds = config(connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS, retries={"total_max_attempts": 2})
        self.client_config = self.client_config.merge(bounds)


class S3StaticFiles(RereadManifestMixin, ManifestFilesMixin, BoundedS3StaticStorage):
    """The admin's static files in production."""

    def origin(self) -> str:
        """Return scheme and host of the file URLs."""
        address = urlsplit(BoundedS3StaticStorage.url(self, "x"))
        return f"{address.scheme}://{address.netloc}"
