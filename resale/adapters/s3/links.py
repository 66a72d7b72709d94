"""Links to private pictures: signed with the tenant's own session, short-lived, never stored."""

from typing import TYPE_CHECKING, Final, cast

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.faults import unavailable_on_fault

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_SECONDS: Final = 900
_MARGIN_SECONDS: Final = 30  # the session must not end before the link does, even if clocks differ a little


class S3PrivateLinks:
    """Keeps ``resale.application.ports.PrivateLinks`` for one tenant."""

    def __init__(self, session: TenantSession) -> None:
        self._session = session

    def sign(self, key: str) -> str:
        """Sign a link that is good for a quarter of an hour.

        Raises:
            Unavailable: No credentials that live long enough.
        """
        self._session.credentials_for(_SECONDS + _MARGIN_SECONDS)
        client = cast("S3Client", self._session.client("s3"))
        place = {"Bucket": self._session.tenant.resources.media_bucket, "Key": key}
        with unavailable_on_fault("S3"):
            return client.generate_presigned_url("get_object", Params=place, ExpiresIn=_SECONDS)
