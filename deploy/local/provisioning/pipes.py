"""The Pipes' role for the relay: write to the Pipes' dead-letter queue, which the platform's role cannot."""

from datetime import datetime

from deploy.local.provisioning.connections import Endpoints, RootAccount
from resale.adapters.dynamodb.set_aside import pipe_dead_letter
from resale.adapters.faults import unavailable_on_fault
from resale.application.ports import StreamRange
from resale.domain.tenants import Tenant


class LocalPipe:
    """The Pipes of one tenant's account on the local engines."""

    def __init__(self, tenant: Tenant, *, aws_url: str) -> None:
        """Store the address; nothing connects."""
        endpoints = Endpoints(aws_url=aws_url, dynamodb_url=aws_url)
        self._account = RootAccount(account_id=tenant.account_id, region=tenant.region, endpoints=endpoints)
        self._url = tenant.resources.pipes_dlq_url

    def set_aside(self, place: StreamRange, *, now: datetime) -> None:
        """Write the position of a record that the queue refuses. Raises Unavailable."""
        with unavailable_on_fault("SQS"):
            self._account.sqs.send_message(QueueUrl=self._url, MessageBody=pipe_dead_letter(place, now=now))
