"""Presigned POST forms, signed with a cached key: a tenth of botocore's cost, with equal fields."""

import base64
import json
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from botocore.credentials import ReadOnlyCredentials

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.faults import unavailable_on_fault
from resale.adapters.signing import ALGORITHM, Moment, SigningKeys, WallClock
from resale.application.ports import UploadForm
from resale.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: Between signing and the form's end the session must not end, even if clocks differ a little.
_CLOCK_MARGIN_SECONDS: Final = 30
_FILENAME: Final = "${filename}"  # S3 would put the uploader's file name there


class S3UploadForms:
    """Implements ``resale.application.ports.UploadForms`` for one tenant."""

    def __init__(self, session: TenantSession, settings: Settings) -> None:
        self._session = session
        self._seconds = settings.upload_form_seconds

    def sign(self, *, key: str, content_type: str, min_bytes: int, max_bytes: int, now: datetime) -> UploadForm:
        """Sign a form bound to key, type and size range, with credentials that are valid longer than it.

        The signature follows the wall clock, whatever ``now`` is; ``expires_at`` follows ``now``, the tenant's clock.

        Raises:
            ValueError: The key asks S3 to fill it in.
            Unavailable: No credentials that live long enough.
        """
        if _FILENAME in key:
            raise ValueError("the key of an upload is set by the server")
        signer = self._session.get_shared(FormSigner, FormSigner.for_session)
        credentials = self._session.credentials_for(self._seconds + _CLOCK_MARGIN_SECONDS)
        conditions: list[object] = [{"Content-Type": content_type}, ["content-length-range", min_bytes, max_bytes]]
        fields = signer.sign(
            {"Content-Type": content_type, "key": key}, conditions, seconds=self._seconds, credentials=credentials
        )
        expires_at = now.replace(microsecond=0) + timedelta(seconds=self._seconds)
        return UploadForm(url=signer.url, fields=fields, expires_at=expires_at)


class FormSigner:
    """Signs forms for one bucket; lives as long as the tenant's session."""

    def __init__(self, *, bucket: str, region: str, url: str) -> None:
        self.url = url
        self._bucket = bucket
        self._keys = SigningKeys(region=region, service="s3")
        self._clock = WallClock()

    @classmethod
    def for_session(cls, session: TenantSession) -> "FormSigner":
        """Build a signer; botocore determines the form URL of the bucket once."""
        bucket = session.tenant.resources.media_bucket
        client = cast("S3Client", session.client("s3"))
        with unavailable_on_fault("S3"):
            url = client.generate_presigned_post(bucket, "key")["url"]
        return cls(bucket=bucket, region=session.tenant.region, url=url)

    def sign(
        self, fields: dict[str, str], conditions: list[object], *, seconds: int, credentials: ReadOnlyCredentials
    ) -> dict[str, str]:
        """Return the fields with policy and signature, equal to ``generate_presigned_post`` of the same second."""
        moment = self._clock.now()
        signing = self._signing_fields(moment, credentials)
        policy = {
            "expiration": _iso(moment.second + seconds),
            "conditions": [
                *conditions,
                {"bucket": self._bucket},
                {"key": fields["key"]},
                *({name: value} for name, value in signing.items()),
            ],
        }
        encoded = base64.b64encode(json.dumps(policy).encode())  # json, for botocore's spaces: equal to the byte
        signature = self._keys.sign(encoded, secret=credentials.secret_key or "", day=moment.day)
        return {**fields, **signing, "policy": encoded.decode(), "x-amz-signature": signature}

    def _signing_fields(self, moment: Moment, credentials: ReadOnlyCredentials) -> dict[str, str]:
        fields = {
            "x-amz-algorithm": ALGORITHM,
            "x-amz-credential": f"{credentials.access_key}/{self._keys.scope(moment.day)}",
            "x-amz-date": moment.timestamp,
        }
        if credentials.token:
            fields["x-amz-security-token"] = credentials.token
        return fields


def _iso(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
