"""The tenant's media bucket: the first upload of a slot, bounded reads, renditions written once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from botocore.exceptions import ClientError

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.faults import code_of, unavailable_on_fault
from resale.application.ports import StoredObject
from resale.domain.ids import ListingId
from resale.domain.media import ImageRefused, RefusalReason, public_folder, retired_key
from resale.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: A rendition's key is the hash of its bytes, so a browser keeps it for good (RFC 8246). An edge revalidates it after
#: 30 s, because the photo of a listing that is taken down must not stay public.
_CACHING: Final = "public, max-age=31536000, s-maxage=30, immutable"
_MOVED_AT_ONCE: Final = 20  # copied, then deleted: a task that is ended early has done what it has done
_NO_SUCH: Final = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_EXISTS: Final = frozenset({"PreconditionFailed", "412"})


class S3MediaStore:
    """Implements ``resale.application.ports.MediaStore`` for one tenant."""

    def __init__(self, session: TenantSession) -> None:
        self._session = session
        self._bucket = session.tenant.resources.media_bucket

    def find_first_version(self, key: str) -> StoredObject | None:
        """Return the oldest version of an object: a slot is used once, later uploads are ignored.

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
        """Read one version completely, or raise.

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
                    raise NotFound("The upload does not exist.") from error
                raise
            with answer["Body"] as body:
                if answer["ContentLength"] > max_bytes:
                    raise ImageRefused(RefusalReason.TOO_LARGE)
                return body.read()

    def put_rendition(self, key: str, *, body: bytes, content_type: str) -> None:
        """Store a content-addressed object. Idempotent.

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
                    CacheControl=_CACHING,
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if code_of(error) not in _EXISTS:
                    raise

    def retire(self, listing_id: ListingId) -> int:
        """Move a listing's renditions from the public folder to the private one. Idempotent.

        Raises:
            Unavailable: S3 refused or did not answer; repeating it finishes the work.
        """
        with unavailable_on_fault("S3"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=public_folder(listing_id)
            )
            names = [found["Key"] for page in pages for found in page.get("Contents", ())]
            for start in range(0, len(names), _MOVED_AT_ONCE):
                self._move(names[start : start + _MOVED_AT_ONCE])
        return len(names)

    def _move(self, names: Sequence[str]) -> None:
        for name in names:
            self._client.copy_object(
                Bucket=self._bucket, Key=retired_key(name), CopySource={"Bucket": self._bucket, "Key": name}
            )
        self._delete(names)

    def _delete(self, names: Sequence[str]) -> None:
        """Delete objects. S3 responds 200 and lists the objects that it did not delete."""
        answer = self._client.delete_objects(
            Bucket=self._bucket, Delete={"Objects": [{"Key": name} for name in names], "Quiet": True}
        )
        if errors := answer.get("Errors"):
            code = errors[0].get("Code", "")
            raise Unavailable(f"S3 did not delete {len(errors)} objects ({code}).", retry_after_seconds=5)

    @property
    def _client(self) -> "S3Client":
        return cast("S3Client", self._session.client("s3"))
