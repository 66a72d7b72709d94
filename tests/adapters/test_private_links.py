"""Links to private objects: equal to botocore's, good where they lead, and never outlived by their session."""

import uuid
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import urllib3
from botocore.credentials import ReadOnlyCredentials

from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.s3.links import LinkSigner, S3PrivateLinks
from resale.domain.tenants import Tenant
from tests.adapters.conftest import OpenSessions
from tests.adapters.test_sessions import age, eventually

KEYS = ("retired/lst_1/4f1c.webp", "originals/ä b+c~d=&?.jpg")


@pytest.fixture
def sessions(open_sessions: OpenSessions) -> TenantSessions:
    """Of each test's own: they are aged here."""
    return open_sessions()


@pytest.fixture
def links(session: TenantSession) -> S3PrivateLinks:
    return S3PrivateLinks(session)


def botocores(session: TenantSession, key: str, *, version_id: str | None, seconds: int) -> str:
    client: Any = session.client("s3")
    version = {} if version_id is None else {"VersionId": version_id}
    place = {"Bucket": session.tenant.resources.media_bucket, "Key": key, **version}
    return str(client.generate_presigned_url("get_object", Params=place, ExpiresIn=seconds))


def opened(link: str) -> tuple[int, bytes]:
    response = urllib3.request("GET", link, retries=False, timeout=10)
    return response.status, response.data


class TestLinks:
    @pytest.mark.parametrize("version_id", [None, "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"])
    @pytest.mark.parametrize("key", KEYS)
    @pytest.mark.parametrize("seconds", [60, 900])
    def test_equal_botocores(
        self, links: S3PrivateLinks, session: TenantSession, key: str, version_id: str | None, seconds: int
    ) -> None:
        pairs: list[tuple[str, str]] = []

        def same_second() -> bool:
            for _ in range(2):  # the second with what the links of one second share
                links.sign(key, version_id=version_id, seconds=seconds)
            mine = links.sign(key, version_id=version_id, seconds=seconds)
            pairs.append((mine, botocores(session, key, version_id=version_id, seconds=seconds)))
            return dated(pairs[-1][0]) == dated(pairs[-1][1])

        assert eventually(same_second)
        assert pairs[-1][0] == pairs[-1][1]

    def test_of_other_credentials_in_the_same_second_are_signed_with_those(self) -> None:
        signer = LinkSigner(region="eu-west-2", url="https://b.s3.eu-west-2.amazonaws.com/")
        first, second = (ReadOnlyCredentials("AKID", "SECRET", token, None) for token in ("one/+=", None))

        def sign(credentials: ReadOnlyCredentials) -> str:
            return signer.sign("key", version_id=None, seconds=9, credentials=credentials)

        assert "&X-Amz-Security-Token=one%2F%2B%3D&" in sign(first)
        assert "Security-Token" not in sign(second)
        assert "X-Amz-Expires=9&" in sign(second)

    def test_open_the_object_and_one_version_of_it(self, links: S3PrivateLinks, session: TenantSession) -> None:
        client: Any = session.client("s3")
        bucket, key = session.tenant.resources.media_bucket, f"originals/lst_{uuid.uuid4().hex}/ö b"
        versions = [client.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"] for body in (b"one", b"two")]
        assert opened(links.sign(key)) == (200, b"two")
        assert opened(links.sign(key, version_id=versions[0])) == (200, b"one")
        assert opened(links.sign(key).replace("Expires=900", "Expires=901"))[0] == 403

    def test_are_signed_with_credentials_that_outlive_them(self, links: S3PrivateLinks, session: TenantSession) -> None:
        age(session, timedelta(minutes=15))
        before = str(session.credentials().access_key)
        assert before not in links.sign("key")
        assert session.remaining_seconds() > 900

    def test_lead_to_the_buckets_own_region(self, sessions: TenantSessions, tenants: tuple[Tenant, Tenant]) -> None:
        for tenant in tenants:
            assert f"%2F{tenant.region}%2Fs3%2F" in S3PrivateLinks(sessions.for_tenant(tenant)).sign("key")

    @pytest.mark.parametrize("region", ["eu-west-2", "us-east-1"])
    def test_lead_to_the_regional_host_of_aws(
        self, region: str, tenants: tuple[Tenant, Tenant], sessions: TenantSessions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        session = sessions.for_tenant(msgspec.structs.replace(tenants[0], region=region))
        # Signing this probe needs a session; the guard of the tests' AWS is not in the way of a known one.
        monkeypatch.setattr(session._credentials, "get_frozen_credentials", lambda: ReadOnlyCredentials("A", "S", "T"))
        link = LinkSigner.for_session(session).sign(
            "key", version_id=None, seconds=9, credentials=ReadOnlyCredentials("A", "S", "T", None)
        )
        assert link.startswith(f"https://{tenants[0].resources.media_bucket}.s3.{region}.amazonaws.com/key?X-Amz-")


def dated(link: str) -> str:
    """The second a link was signed in."""
    return link.partition("X-Amz-Date=")[2][:16]
