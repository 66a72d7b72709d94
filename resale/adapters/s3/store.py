"""The tenant's media bucket: the first upload of a slot, bounded reads, renditions written once."""

from typing import TYPE_CHECKING, Final, cast

from botocore.exceptions import ClientError

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.faults import code_of, unavailable_on_fault
from resale.application.ports import StoredObject
from resale.domain.media import ImageRefused, RefusalReason
from resale.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: A rendition's key is the hash of its bytes: whoever has it has it for good (RFC 8246).
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_NO_SUCH: Final = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_EXISTS: Final = frozenset({"PreconditionFailed", "412"})


class S3MediaStore:
    """Keeps ``resale.application.ports.MediaStore`` for one tenant."""

    def __init__(self, session: TenantSession) -> None:
        self._session = session
        self._bucket = session.tenant.resources.media_bucket

    def find_first_version(self, key: str) -> StoredObject | None:
        """Find the oldest version of an object: a slot is consumed once, later uploads never count.

        Raises:
            Unavailable: S3 refused or did not answer.
        """
        first: StoredObject | None = None
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=key)
        with unavailable_on_fault("S3"):
            for page in pages:
                for version in page.get("Versions", ()):
                    if version["Key"] == key:  # S3 lists a key's versions newest first: the last one seen is the first
                        first = StoredObject(key=key, version_id=version["VersionId"], bytes=version["Size"])
        return first

    def read(self, key: str, *, version_id: str, max_bytes: int) -> bytes:
        """Read one version whole, or not at all.

        Raises:
            ImageRefused: It is larger than ``max_bytes`` (too_large); nothing was read.
            NotFound: No such version.
            Unavailable: S3 refused or did not answer.
        """
        with unavailable_on_fault("S3"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version_id)
            except ClientError as error:
                if code_of(error) in _NO_SUCH:
                    raise NotFound("No such upload.") from error
                raise
            with answer["Body"] as body:
                if answer["ContentLength"] > max_bytes:
                    raise ImageRefused(RefusalReason.TOO_LARGE)
                return body.read()

    def put_rendition(self, key: str, *, body: bytes, content_type: str) -> None:
        """Store a content-addressed object; storing it again is a no-op.

        Raises:
            Unavailable: S3 refused or did not answer.
        """
        with unavailable_on_fault("S3"):
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    CacheControl=_FOR_EVER,
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if code_of(error) not in _EXISTS:
                    raise

    @property
    def _client(self) -> "S3Client":
        return cast("S3Client", self._session.client("s3"))
