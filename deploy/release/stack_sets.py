"""``python -m deploy.release.stack_sets``: give the tenants' stack sets the templates of a release.

A stack set has one template, and an update of it reaches every account that it names. It names the account of the ring
alone: for the others ``manage.py upgrade_tenants`` decides, wave by wave.
"""

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from deploy.release.sessions import open_session

#: Stack set and its template, in the order of an onboarding: access.yaml needs the key of data.yaml.
STACK_SETS: Final = {"resale-tenant-data": "data", "resale-tenant-access": "access"}
_POLL_SECONDS: Final = 10.0
_WORKING: Final = frozenset({"QUEUED", "RUNNING", "STOPPING"})


class StackSetFailed(Exception):  # noqa: N818 - named for what happened
    """Raised when a stack set was not updated."""


class StackSets:
    """Updates stack sets of the management account."""

    def __init__(self, *, cloudformation: Any, sleep: Callable[[float], None] = time.sleep) -> None:
        """Store the client of boto3, and what waits between two looks at an operation."""
        self._cloudformation = cloudformation
        self._sleep = sleep

    def update(self, name: str, template_url: str, *, unit: str, account: str) -> None:
        """Give a stack set another template, and one account its stack; parameters stay.

        Raises:
            StackSetFailed: The operation failed; the reason is in the detail.
        """
        known = self._cloudformation.describe_stack_set(StackSetName=name)["StackSet"]
        regions = self._find_regions(name, account)
        operation = self._cloudformation.update_stack_set(
            StackSetName=name,
            TemplateURL=template_url,
            Parameters=[
                {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True} for each in known["Parameters"]
            ],
            Capabilities=known["Capabilities"],
            DeploymentTargets={
                "OrganizationalUnitIds": [unit],
                "Accounts": [account],
                "AccountFilterType": "INTERSECTION",
            },
            Regions=regions,
        )["OperationId"]
        status = self._wait(name, operation)
        if status != "SUCCEEDED":
            raise StackSetFailed(f"{name}: the operation {operation} ended as {status}.")

    def _find_regions(self, name: str, account: str) -> list[str]:
        found = self._cloudformation.list_stack_instances(StackSetName=name, StackInstanceAccount=account)["Summaries"]
        if not found:
            raise StackSetFailed(f"{name}: account {account} has no stack. Onboard a tenant of the ring first.")
        return sorted(each["Region"] for each in found)

    def _wait(self, name: str, operation: str) -> str:
        while True:
            seen = self._cloudformation.describe_stack_set_operation(StackSetName=name, OperationId=operation)
            status = str(seen["StackSetOperation"]["Status"])
            if status not in _WORKING:
                return status
            self._sleep(_POLL_SECONDS)


def main() -> int:
    """Update both stack sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--templates", required=True, help="where the templates of the release are")
    parser.add_argument("--role-arn", required=True, help="role of the management account")
    parser.add_argument("--unit", required=True, help="organisational unit of the account of the ring")
    parser.add_argument("--account", required=True, help="account of the ring")
    given = parser.parse_args()
    stack_sets = StackSets(cloudformation=open_session(given.role_arn).client("cloudformation"))
    try:
        for name, template in STACK_SETS.items():
            url = f"{given.templates}/tenant/{template}.yaml"
            stack_sets.update(name, url, unit=given.unit, account=given.account)
            sys.stdout.write(f"{name} has {url}\n")
    except StackSetFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
