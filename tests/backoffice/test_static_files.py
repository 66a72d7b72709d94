"""Static files whose manifest comes late: pages are drawn as soon as it is there, and readiness tells until then."""

import itertools
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.core.static_files import RereadManifestMixin, S3StaticFiles
from tests.backoffice.staff_clients import Backoffice

NAME = "backoffice/backoffice.css"


class Local(RereadManifestMixin, ManifestStaticFilesStorage):  # type: ignore[misc]  # as in the module itself
    """The rule on a folder; counts what is read."""

    reads = 0

    def read_manifest(self) -> Any:
        self.reads += 1
        return super().read_manifest()


class Eager(S3StaticFiles):
    """Looks again at once."""

    reread_seconds = 0.0


def _publish(storage: Any, names: list[str]) -> None:
    """Put a manifest, as collectstatic does at its end."""
    storage.hashed_files = {name: f"{name}.0123456789ab" for name in names}
    storage.save_manifest()


def _all_names() -> list[str]:
    found = itertools.chain.from_iterable(finder.list(["CVS", ".*", "*~"]) for finder in get_finders())
    return [name for name, _ in found]


class TestManifest:
    def test_that_comes_late_is_seen_without_a_restart(self, tmp_path: Path) -> None:
        early, release = Local(location=tmp_path, base_url="/static/"), Local(location=tmp_path, base_url="/static/")
        early.reread_seconds = 0.0
        with pytest.raises(ValueError, match="Missing staticfiles manifest entry"):
            early.stored_name(NAME)
        _publish(release, [NAME])
        assert early.stored_name(NAME) == f"{NAME}.0123456789ab"

    def test_that_lacks_a_name_is_read_again(self, tmp_path: Path) -> None:
        early, release = Local(location=tmp_path, base_url="/static/"), Local(location=tmp_path, base_url="/static/")
        early.reread_seconds = 0.0
        _publish(release, ["old.css"])
        assert early.stored_name("old.css")
        _publish(release, ["old.css", NAME])
        assert early.stored_name(NAME) == f"{NAME}.0123456789ab"

    def test_is_not_read_for_every_page_meanwhile(self, tmp_path: Path) -> None:
        storage = Local(location=tmp_path, base_url="/static/")
        storage.reread_seconds = 3600.0
        for _ in range(5):
            with pytest.raises(ValueError, match="Missing staticfiles manifest entry"):
                storage.stored_name(NAME)
            assert not storage.is_ready()
        assert storage.reads == 1

    def test_that_cannot_be_read_is_a_missing_one(self, tmp_path: Path) -> None:
        (tmp_path / "staticfiles.json").write_text("<html>not now</html>")
        storage = Local(location=tmp_path, base_url="/static/")
        storage.reread_seconds = 0.0
        assert not storage.is_ready()
        _publish(Local(location=tmp_path, base_url="/static/"), _all_names())
        assert storage.is_ready()

    def test_is_kept_while_it_cannot_be_read_again(self, tmp_path: Path) -> None:
        _publish(Local(location=tmp_path, base_url="/static/"), [NAME])
        storage = Local(location=tmp_path, base_url="/static/")
        storage.reread_seconds = 0.0
        (tmp_path / "staticfiles.json").unlink()
        with pytest.raises(ValueError, match="Missing staticfiles manifest entry"):
            storage.stored_name("new.css")
        assert storage.stored_name(NAME) == f"{NAME}.0123456789ab"

    def test_of_an_older_release_is_not_enough_to_be_ready(self, tmp_path: Path) -> None:
        release = Local(location=tmp_path, base_url="/static/")
        _publish(release, [name for name in _all_names() if name != NAME])
        storage = Local(location=tmp_path, base_url="/static/")
        storage.reread_seconds = 0.0
        assert not storage.is_ready()
        _publish(release, _all_names())
        assert storage.is_ready()


class TestBucket:
    def test_that_is_filled_late_heals_the_admin_and_its_readiness(
        self, backoffice: Backoffice, settings: Settings
    ) -> None:
        options = {
            **_bucket_of(backoffice),
            "location": f"pending/{uuid.uuid4().hex}",
            "custom_domain": "static.example",
            "querystring_auth": False,
        }
        backend = "tests.backoffice.test_static_files.Eager"
        settings.STORAGES = {
            **django_settings.STORAGES,
            "staticfiles": {"BACKEND": backend, "OPTIONS": options},
        }
        client = Client(raise_request_exception=False)
        assert _statuses(client) == (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.OK)
        assert client.get("/readyz").json()["static_files"] == "missing"
        _publish(S3StaticFiles(**options), _all_names())
        assert _statuses(client) == (HTTPStatus.OK, HTTPStatus.OK, HTTPStatus.OK)
        page = client.get(reverse("admin:login")).content.decode()
        assert f"https://static.example/{options['location']}/{NAME}.0123456789ab" in page

    def test_that_is_silent_holds_nobody_up_for_a_minute(self) -> None:
        config = S3StaticFiles(bucket_name="none", access_key="a", secret_key="b", endpoint_url="http://127.0.0.1:9")
        assert (config.client_config.connect_timeout, config.client_config.read_timeout) == (2, 5)
        assert not config.is_ready()


def _bucket_of(backoffice: Backoffice) -> dict[str, Any]:
    """A bucket that is there, as django-storages is told of one: the tenant's own."""
    tenant = backoffice.front.shop.tenant
    session = backoffice.front.container.sessions.for_tenant(tenant)
    credentials = session.credentials_for(300)
    return {
        "bucket_name": tenant.resources.media_bucket,
        "region_name": tenant.region,
        "access_key": credentials.access_key,
        "secret_key": credentials.secret_key,
        "security_token": credentials.token,
        "client_config": session.client("s3").meta.config,
    }


def _statuses(client: Client) -> tuple[int, int, int]:
    paths = (reverse("admin:login"), "/readyz", "/healthz")
    page, ready, alive = (client.get(path).status_code for path in paths)
    return page, ready, alive
