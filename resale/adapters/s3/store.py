"""The tenant's media bucket: the first upload of a slot, bounded reads, renditions written once and moved."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, cast

from botocore.exceptions import ClientError

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.faults import code_of, unavailable_on_fault
from resale.application.ports import StoredObject
from resale.domain.ids import ListingId
from resale.domain.media import (
    ImageRefused,
    RefusalReason,
    content_type_of,
    pending_folder,
    public_folder,
    public_key,
    retired_key,
)
from resale.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: A rendition's key is the hash of its bytes, so a browser keeps it for good (RFC 8246). An edge revalidates it after
#: 30 s, because the photo of a listing that is taken down must not stay public.
_PUBLIC_CACHING: Final = "public, max-age=31536000, s-maxage=30, immutable"
_PRIVATE_CACHING: Final = "private, max-age=900"  # opened by links that are good for as long
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
            Unavailable: S3 refused or did not respond.
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
            Unavailable: S3 refused or did not respond.
        """
        with unavailable_on_fault("S3"):
            try:
                response = self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version_id)
            except ClientError as error:
                if code_of(error) in _NO_SUCH:
                    raise NotFound("The upload does not exist.") from error
                raise
            with response["Body"] as body:
                if response["ContentLength"] > max_bytes:
                    raise ImageRefused(RefusalReason.TOO_LARGE)
                return body.read()

    def put_rendition(self, key: str, *, body: bytes, content_type: str) -> None:
        """Store a content-addressed private object. Idempotent.

        Raises:
            Unavailable: S3 refused or did not respond.
        """
        with unavailable_on_fault("S3"):
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    CacheControl=_PRIVATE_CACHING,
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if code_of(error) not in _EXISTS:
                    raise

    def list_pending(self, listing_id: ListingId) -> tuple[str, ...]:
        """List the keys of a listing's renditions that are not public yet.

        Raises:
            Unavailable: S3 refused or did not respond.
        """
        with unavailable_on_fault("S3"):
            return self._list(pending_folder(listing_id))

    def publish(self, keys: Sequence[str]) -> None:
        """Move pending renditions to the public folder. Idempotent; a rendition that is not pending any more stays.

        Raises:
            Unavailable: S3 refused or did not respond; repeating it finishes the work.
        """
        with unavailable_on_fault("S3"):
            self._move(keys, public_key, caching=_PUBLIC_CACHING)

    def retire(self, listing_id: ListingId) -> int:
        """Move a listing's renditions, public and pending, to the retired ones; what was moved before is left.

        Raises:
            Unavailable: S3 refused or did not respond; repeating it finishes the work.
        """
        with unavailable_on_fault("S3"):
            public = self._list(public_folder(listing_id))
            for keys in (public, self._list(pending_folder(listing_id))):
                self._move(keys, retired_key, caching=_PRIVATE_CACHING)
        return len(public)

    def _list(self, folder: str) -> tuple[str, ...]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder)
        return tuple(found["Key"] for page in pages for found in page.get("Contents", ()))

    def _move(self, keys: Sequence[str], rename: Callable[[str], str], *, caching: str) -> None:
        for start in range(0, len(keys), _MOVED_AT_ONCE):
            some = keys[start : start + _MOVED_AT_ONCE]
            for key in some:
                self._copy(key, rename(key), caching=caching)
            self._delete(some)

    def _copy(self, key: str, new_key: str, *, caching: str) -> None:
        try:
            self._client.copy_object(
                Bucket=self._bucket,
                Key=new_key,
                CopySource={"Bucket": self._bucket, "Key": key},
                MetadataDirective="REPLACE",
                ContentType=content_type_of(key),
                CacheControl=caching,
            )
        except ClientError as error:
            if code_of(error) not in _NO_SUCH:  # another delivery of the same work, or a later one, moved it first
                raise

    def _delete(self, keys: Sequence[str]) -> None:
        """Delete objects. S3 responds 200 and lists the objects that it did not delete."""
        response = self._client.delete_objects(
            Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
        )
        if errors := response.get("Errors"):
            code = errors[0].get("Code", "")
            raise Unavailable(f"S3 did not delete {len(errors)} objects ({code}).", retry_after_seconds=5)

    @property
    def _client(self) -> "S3Client":
        return cast("S3Client", self._session.client("s3"))
