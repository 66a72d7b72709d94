"""Conversion of the SDK's exceptions into outcomes: any fault of an account or the network is Unavailable."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from resale.errors import Unavailable


class SessionUnavailable(Unavailable):
    """No credentials for the tenant's AWS account: STS refused, or did not respond."""

    code = "tenant_session_unavailable"
    title = "Tenant session unavailable"
    default_detail = "The shop's data store cannot be reached at the moment. Retry later."


class WrongAccount(Unavailable):
    """The assumed role belongs to another AWS account than the tenant's. Nothing is sent with it."""

    code = "tenant_wrong_account"
    title = "Wrong tenant account"
    default_detail = (
        "The shop's data store is configured wrongly, and nothing was sent to it. Contact the platform's operators."
    )


def code_of(error: ClientError) -> str:
    """Return the AWS code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def unavailable_on_fault(service: str) -> Iterator[None]:
    """Convert exceptions of the SDK within the block into Unavailable. Handle expected refusals inside.

    Raises:
        Unavailable: The service refused or did not respond within its attempts.
    """
    try:
        yield
    except ClientError as error:
        raise Unavailable(f"{service} refused a request ({code_of(error)}).", retry_after_seconds=5) from error
    except (BotoCoreError, HTTPError) as error:  # urllib3's own when a body breaks off while it is read
        raise Unavailable(f"{service} did not respond ({type(error).__name__}).", retry_after_seconds=5) from error
