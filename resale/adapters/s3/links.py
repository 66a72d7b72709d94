"""Links to private pictures: signed with the tenant's own session, short-lived, never stored."""

from typing import TYPE_CHECKING, Final, cast

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.faults import unavailable_on_fault

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_MARGIN_SECONDS: Final = 30  # the session must not end before the link does, even if clocks differ a little


class S3PrivateLinks:
    """Keeps ``resale.application.ports.PrivateLinks`` for one tenant."""

    def __init__(self, session: TenantSession) -> None:
        self._session = session

    def sign(self, key: str, *, version_id: str | None = None, seconds: int = 900) -> str:
        """Sign a link to an object, or to one version of it, that is good for ``seconds``.

        Raises:
            Unavailable: No credentials that live long enough.
        """
        self._session.credentials_for(seconds + _MARGIN_SECONDS)
        client = cast("S3Client", self._session.client("s3"))
        params = {"Bucket": self._session.tenant.resources.media_bucket, "Key": key}
        if version_id is not None:
            params["VersionId"] = version_id
        with unavailable_on_fault("S3"):
            return client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)
