"""What django-storages needs to work on a tenant's bucket with the tenant's own session."""

from typing import Final

from resale.adapters.aws.sessions import TenantSession

#: Shorter-lived credentials would cut a link or an upload short that was begun with them.
MIN_SECONDS: Final = 300


def storage_options(session: TenantSession) -> dict[str, object]:
    """Give options of django-storages' ``S3Storage``: bucket, region, credentials, and the client's settings.

    The credentials are those of the assumed role as they are now: a storage serves one request and is dropped.

    Raises:
        Unavailable: There are no credentials that live long enough.
    """
    frozen = session.credentials_for(MIN_SECONDS)
    return {
        "bucket_name": session.tenant.resources.media_bucket,
        "region_name": session.tenant.region,
        "access_key": frozen.access_key,
        "secret_key": frozen.secret_key,
        "security_token": frozen.token,
        "client_config": session.client("s3").meta.config,
    }
