"""Staff's way to a tenant's files: Django's storage API on the tenant's bucket, as the tenant's own role."""

from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from storages.backends.s3 import S3Storage

from apps.core.container import get_container
from resale.domain.tenants import Tenant

ORIGINAL_LINK_SECONDS: Final = 60


class Folder(StrEnum):
    """What staff keep in the bucket; the whole bucket is for links to what shoppers uploaded."""

    EVERYTHING = ""
    UPLOADS = "uploads"
    EXPORTS = "exports"


class TenantMediaStorage(S3Storage):  # type: ignore[misc]  # django-storages ships no types
    """The files of one tenant, private. Made for one request, in a ``with``: it holds the present credentials.

    Raises:
        Unavailable: The tenant's account gives no session.
    """

    def __init__(self, tenant: Tenant, *, folder: Folder = Folder.EVERYTHING) -> None:
        super().__init__(
            **get_container().storage_options(tenant),
            location=folder.value,
            default_acl=None,  # the bucket's owner owns everything in it; ACLs are off
            file_overwrite=False,
            querystring_auth=True,
            querystring_expire=ORIGINAL_LINK_SECONDS,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.meta.client.close()

    def link(self, name: str, *, version_id: str, seconds: int = ORIGINAL_LINK_SECONDS) -> str:
        """Sign a link to one version of a private object."""
        url: str = self.url(name, parameters={"VersionId": version_id}, expire=seconds)
        return url
