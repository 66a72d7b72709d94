"""Upload forms: signed with a caller's credentials, and posted as a browser would."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from resale.domain.tenants import Tenant
from tests.integration.callers import Caller

_BOUNDARY = "form-boundary"


def sign_form(caller: Caller, owner: Tenant, key: str = "originals/lst/med") -> dict[str, Any]:
    """Sign a form for the owner's bucket with the caller's credentials."""
    s3 = caller.client("s3", owner.region)
    form: dict[str, Any] = s3.generate_presigned_post(owner.resources.media_bucket, key)
    return form


def post_form(form: Mapping[str, Any], *, url: str | None = None) -> int:
    """Post a file with a form, to its own address or to another one; return the status."""
    parts = [_part(f'name="{name}"', value) for name, value in form["fields"].items()]
    body = "".join((*parts, _part('name="file"; filename="x"', "x"), f"--{_BOUNDARY}--\r\n"))
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return status_of(urllib.request.Request(url or form["url"], data=body.encode(), headers=headers))  # noqa: S310 - our own engine over http


def status_of(request: urllib.request.Request) -> int:
    """Send a request to the engine and return the status."""
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - same
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


def _part(disposition: str, value: str) -> str:
    return f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n"
