"""The calls on what is in a tenant's account, by the resource of the template."""

from collections.abc import Iterator
from dataclasses import dataclass

from resale.domain.tenants import Tenant
from tests.integration import actions
from tests.integration.actions import Action
from tests.integration.callers import Caller


@dataclass(frozen=True)
class Target:
    """The victim's resources by their names in the templates."""

    victim: Tenant
    ciphertext: bytes  # of the victim's key

    def calls(self, resource: str, caller: Caller) -> Iterator[tuple[str, Action]]:
        """Iterate over every call on one resource, tables by their ARN."""
        if resource.endswith("Table"):
            yield from actions.on_one_table(caller, self.victim, self._purpose(resource, "Table"), by_arn=True)
        elif resource.endswith(("Queue", "DeadLetters")):
            yield from actions.on_queue(caller, self.victim, self._queue_url(resource))
        elif resource.endswith("Bucket"):
            yield from actions.on_bucket(caller, self.victim, self.bucket(resource))
        elif resource == "Key":
            yield from actions.on_key(caller, self.victim, self.ciphertext)
        elif resource == "EventsTopic":
            yield from actions.on_topic(caller, self.victim)
        elif resource == "Secrets":
            yield from actions.on_secrets(caller, self.victim)

    def named_calls(self, resource: str, caller: Caller) -> Iterator[tuple[str, Action]]:
        """Iterate over every call on a table by its name, which is looked for in the caller's own account."""
        yield from actions.on_one_table(caller, self.victim, self._purpose(resource, "Table"), by_arn=False)

    def bucket(self, resource: str) -> str:
        """Return the name of a bucket."""
        resources = self.victim.resources
        return {"MediaBucket": resources.media_bucket, "AuditBucket": resources.audit_bucket}[resource]

    def role_arn(self, resource: str) -> str:
        """Return the ARN of a role."""
        access = self.victim.resources.access_role_arn
        pipes = f"arn:aws:iam::{self.victim.account_id}:role/resale-PipesRole"
        backup = f"arn:aws:iam::{self.victim.account_id}:role/resale-BackupRole"  # made in AWS only: refused as absent
        return {"AccessRole": access, "PipesRole": pipes, "BackupRole": backup}[resource]

    def _purpose(self, resource: str, kind: str) -> str:
        return resource.removesuffix(kind).lower()

    def _queue_url(self, resource: str) -> str:
        resources = self.victim.resources
        if resource == "PipesDeadLetters":
            return resources.pipes_dlq_url
        if resource.endswith("Queue"):
            return str(getattr(resources.queues, self._purpose(resource, "Queue")).url)
        return str(getattr(resources.queues, self._purpose(resource, "DeadLetters")).dlq_url)
