"""Why roles have grants that no recorded call needed. A grant without a use and without a row here fails the tests."""

from typing import Final

import msgspec

from deploy.local.permissions.decisions import Grant


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why grants of a statement are there: all, those of one action, or those whose resources end so."""

    role: str
    sid: str
    why: str
    action: str = ""
    resource_end: str = ""

    def covers(self, grant: Grant) -> bool:
        """Return whether the grant is one of these."""
        return (
            (self.role, self.sid) == (grant.role, grant.sid)
            and self.action in {"", grant.action}
            and grant.resource.endswith(self.resource_end)
        )


_SES: Final = "E-mail goes to files on one machine. Raw messages are sent, for which SES may check either"
_STATIC: Final = "Static files lie in a folder on one machine; tests of the bucket use a tenant's session"
_ECS: Final = "ECS acts in this role before the container runs (ECS Developer Guide, task execution role)"
_MANAGEMENT: Final = (
    "No engine here has Organizations and stack sets as AWS has them; a test compares the role with the calls in "
    "resale/adapters/organizations"
)

#: Every grant of a role of ours that no recorded call needed.
REASONS: Final = (
    Reason(
        role="AccessRole",
        sid="Work",
        action="sqs:ChangeMessageVisibility*",
        resource_end="-images",
        why="All work queues have one transport, which renews leases; its tests use the queue of orders",
    ),
    Reason(role="TaskRole", sid="WriteToStaff", why=_SES),
    Reason(role="TaskRole", sid="ReadStaticFiles", why=_STATIC),
    Reason(role="TaskRole", sid="ListStaticFiles", why=_STATIC),
    Reason(role="TaskRole", sid="KeepExports", why="Exports lie in a folder on one machine; used by offboard_tenant"),
    Reason(
        role="TaskRole",
        sid="ManageAccounts",
        why="No engine here has Organizations as AWS has it; used by onboard_tenant where ManagementRoleArn is given",
    ),
    *(
        Reason(role="ManagementRole", sid=sid, why=_MANAGEMENT)
        for sid in ("Accounts", "MoveTenants", "Stacks", "FormerTemplates", "AdministerTenants")
    ),
    Reason(role="MigrateRole", sid="WriteStaticFiles", why=_STATIC),
    Reason(role="MigrateRole", sid="ListStaticFiles", why=_STATIC),
    Reason(role="ExecutionRole", sid="SignInToRegistry", why=_ECS),
    Reason(role="ExecutionRole", sid="PullImage", why=_ECS),
    Reason(role="ExecutionRole", sid="ReadSecret", why=_ECS),
    Reason(role="ExecutionRole", sid="WriteLogs", why=_ECS),
)
