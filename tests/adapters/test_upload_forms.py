"""Upload forms: equal to botocore's, good where they are posted, and never outlived by their session."""

import base64
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import urllib3
from botocore.credentials import ReadOnlyCredentials

from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.s3.uploads import FormSigner, S3UploadForms
from resale.application.ports import UploadForm
from resale.domain.tenants import Tenant
from resale.settings import Settings
from tests.adapters.conftest import OpenSessions
from tests.adapters.test_sessions import age, eventually, spoil

NOW = datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC)  # a test clock's
JPEG = "image/jpeg"

Sign = Callable[..., UploadForm]


@pytest.fixture
def sessions(open_sessions: OpenSessions) -> TenantSessions:
    """Of each test's own: they are aged and spoiled here."""
    return open_sessions()


@pytest.fixture
def sign(session: TenantSession, resale_settings: Settings) -> Sign:
    forms = S3UploadForms(session, resale_settings)

    def signed(key: str, *, content_type: str = JPEG, min_bytes: int = 1, max_bytes: int = 1000) -> UploadForm:
        return forms.sign(key=key, content_type=content_type, min_bytes=min_bytes, max_bytes=max_bytes, now=NOW)

    return signed


@pytest.fixture
def key() -> str:
    return f"originals/lst_{uuid.uuid4().hex}/med_{uuid.uuid4().hex}"


def botocores(session: TenantSession, key: str) -> dict[str, Any]:
    client: Any = session.client("s3")
    conditions = [{"Content-Type": JPEG}, ["content-length-range", 1, 1000]]
    form: dict[str, Any] = client.generate_presigned_post(
        session.tenant.resources.media_bucket, key, Fields={"Content-Type": JPEG}, Conditions=conditions, ExpiresIn=900
    )
    return form


def post(form: UploadForm, body: bytes, **changes: str) -> int:
    fields: dict[str, Any] = {**form.fields, **changes, "file": ("photo.jpg", body, JPEG)}
    return urllib3.request("POST", form.url, fields=fields, retries=False, timeout=10).status


def post_as(form: UploadForm, body: bytes, part_type: str) -> int:
    """Post as a browser does: it says on the file's part what it takes the file for."""
    fields: dict[str, Any] = {**form.fields, "file": ("photo", body, part_type)}
    return urllib3.request("POST", form.url, fields=fields, retries=False, timeout=10).status


class TestBrowsers:
    @pytest.mark.parametrize("part_type", ["image/jpg", "image/heic", "application/octet-stream", "IMAGE/JPEG; q=1"])
    def test_may_take_the_file_for_anything(self, sign: Sign, key: str, part_type: str) -> None:
        assert post_as(sign(key), b"x" * 10, part_type) == 204


class TestForms:
    def test_equal_botocores(self, sign: Sign, session: TenantSession, key: str) -> None:
        pairs: list[tuple[UploadForm, dict[str, Any]]] = []

        def same_second() -> bool:
            pairs.append((sign(key), botocores(session, key)))
            mine, theirs = pairs[-1]
            return bool(mine.fields["x-amz-date"] == theirs["fields"]["x-amz-date"])

        assert eventually(same_second)
        mine, theirs = pairs[-1]
        assert mine.fields == theirs["fields"]
        assert mine.url == theirs["url"]

    def test_expire_by_the_tenants_clock(self, sign: Sign, key: str) -> None:
        form = sign(key)
        assert form.expires_at == datetime(2030, 1, 2, 3, 19, 5, tzinfo=UTC)
        policy = msgspec.json.decode(base64.b64decode(form.fields["policy"]))
        wall = datetime.fromisoformat(policy["expiration"]) - datetime.now(UTC)
        assert timedelta(seconds=890) < wall <= timedelta(seconds=900)

    def test_are_signed_with_credentials_that_outlive_them(self, sign: Sign, session: TenantSession, key: str) -> None:
        age(session, timedelta(minutes=15))
        before = session.credentials().access_key
        form = sign(key)
        assert not form.fields["x-amz-credential"].startswith(str(before))
        assert session.remaining_seconds() > 900

    def test_go_to_the_buckets_own_region(self, tenants: tuple[Tenant, Tenant], sessions: TenantSessions) -> None:
        for tenant in tenants:
            signer = FormSigner.for_session(sessions.for_tenant(tenant))
            credentials = ReadOnlyCredentials("AK", "SK", "TOK", None)
            fields = signer.sign({"key": "k"}, [], seconds=9, credentials=credentials)
            assert f"/{tenant.region}/s3/" in fields["x-amz-credential"]

    @pytest.mark.parametrize("region", ["eu-west-2", "us-east-1"])
    def test_go_to_the_regional_host_of_aws(
        self,
        region: str,
        tenants: tuple[Tenant, Tenant],
        sessions: TenantSessions,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        session = sessions.for_tenant(msgspec.structs.replace(tenants[0], region=region))
        # Signing this probe needs a session; the guard of the tests' AWS is not in the way of a known one.
        monkeypatch.setattr(session._credentials, "get_frozen_credentials", lambda: ReadOnlyCredentials("A", "S", "T"))
        url = FormSigner.for_session(session).url
        assert url == f"https://{tenants[0].resources.media_bucket}.s3.{region}.amazonaws.com/"

    def test_refuse_a_key_that_the_uploader_fills_in(self, sign: Sign) -> None:
        with pytest.raises(ValueError, match="is set by the server"):
            sign("originals/${filename}")


class TestPosting:
    def test_takes_what_was_asked_for(self, sign: Sign, session: TenantSession, key: str) -> None:
        assert post(sign(key), b"x" * 1000) == 204
        client: Any = session.client("s3")
        head = client.head_object(Bucket=session.tenant.resources.media_bucket, Key=key)
        assert (head["ContentLength"], head["ContentType"]) == (1000, JPEG)

    @pytest.mark.parametrize("body", [b"", b"x" * 1001])
    def test_refuses_another_size(self, body: bytes, sign: Sign, key: str) -> None:
        assert post(sign(key), body) == 400

    @pytest.mark.parametrize(
        "change",
        [
            {"Content-Type": "image/svg+xml"},
            {"key": "originals/other/slot"},
            {"key": "renditions/x.webp"},
            {"x-amz-signature": "0" * 64},
        ],
    )
    def test_refuses_a_changed_form(self, change: dict[str, str], sign: Sign, key: str) -> None:
        assert post(sign(key), b"x", **change) == 403


class TestARefusedSession:
    """A revoked one, or one that an engine forgot: S3 tells the browser that sends the form, and not its signer."""

    def test_is_noticed_and_replaced(self, session: TenantSession, resale_settings: Settings, key: str) -> None:
        forms = S3UploadForms(session, resale_settings)
        spoil(session)
        assert post(signed_by(forms, key), b"x") == 403
        session.prove(every_seconds=0)
        assert post(signed_by(forms, key), b"x") == 204

    def test_is_noticed_by_the_refresh_thread(
        self, open_sessions: OpenSessions, tenants: tuple[Tenant, Tenant], resale_settings: Settings, key: str
    ) -> None:
        session = open_sessions(session_proof_seconds=0.05).for_tenant(tenants[0])
        forms = S3UploadForms(session, resale_settings)
        signed_by(forms, key)
        spoil(session)
        assert eventually(lambda: post(signed_by(forms, key), b"x") == 204)

    def test_is_kept_while_it_is_good(self, session: TenantSession, resale_settings: Settings, key: str) -> None:
        signed_by(S3UploadForms(session, resale_settings), key)
        before = session.credentials()
        session.prove(every_seconds=0)
        assert session.credentials() == before

    def test_is_not_asked_for_where_nothing_was_signed(self, session: TenantSession) -> None:
        spoiled = spoil(session)
        session.prove(every_seconds=0)
        assert session.credentials().access_key == spoiled


def signed_by(forms: S3UploadForms, key: str) -> UploadForm:
    return forms.sign(key=key, content_type=JPEG, min_bytes=1, max_bytes=1000, now=NOW)
