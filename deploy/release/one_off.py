"""``python -m deploy.release.one_off --image IMAGE migrate``: run one task of a role with the image of a release.

The task definition is that of the role's stack, with the new image: the stack itself is updated after the task, because
the services must not run before their migrations.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from deploy.release.sessions import open_session

ROLES: Final = ("migrate", "manage")
#: Where the task finds its cluster and network: the parameters that cluster.yaml and network.yaml write.
PARAMETERS: Final = {
    "cluster": "/resale/cluster",
    "subnets": "/resale/network/private-subnets",
    "group": "/resale/network/task-group",
}
_CONTAINER: Final = "resale"
_POLL_SECONDS: Final = 10.0


class TaskFailed(Exception):  # noqa: N818 - named for what happened
    """Raised when a task was not started, or ended before its command did."""


class OneOffTasks:
    """Runs tasks in the account and Region of its clients."""

    def __init__(self, *, ecs: Any, ssm: Any, sleep: Callable[[float], None] = time.sleep) -> None:
        """Store the clients of boto3, and what waits between two looks at a task."""
        self._ecs = ecs
        self._ssm = ssm
        self._sleep = sleep

    def run(self, role: str, words: Sequence[str], *, image: str) -> int:
        """Run a task to its end; return the exit code of its command.

        Args:
            role: ``migrate`` or ``manage``.
            words: What follows the role, such as ``upgrade_tenants --wave canary``.
            image: By its digest.

        Raises:
            TaskFailed: ECS did not start the task, or stopped it before its command ended.
        """
        network = self._read_parameters()
        started = self._ecs.run_task(
            cluster=network["cluster"],
            taskDefinition=self._register(role, image),
            launchType="FARGATE",
            startedBy="release",
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": network["subnets"].split(","),
                    "securityGroups": [network["group"]],
                    "assignPublicIp": "DISABLED",
                }
            },
            overrides={"containerOverrides": [{"name": _CONTAINER, "command": [role, *words]}]},
        )
        if started["failures"]:
            raise TaskFailed(
                f"The task was not started: {started['failures'][0].get('reason', 'no reason was given')}."
            )
        return self._wait(network["cluster"], started["tasks"][0]["taskArn"])

    def _register(self, role: str, image: str) -> str:
        """Register the role's task definition with another image; return its ARN."""
        known = self._ecs.describe_task_definition(taskDefinition=f"resale-{role}")["taskDefinition"]
        taken = self._ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
        definition = {name: value for name, value in known.items() if name in taken}
        (container,) = definition["containerDefinitions"]
        definition["containerDefinitions"] = [{**container, "image": image}]
        return str(self._ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"])

    def _read_parameters(self) -> dict[str, str]:
        found = self._ssm.get_parameters(Names=list(PARAMETERS.values()))["Parameters"]
        values = {each["Name"]: each["Value"] for each in found}
        missing = sorted(set(PARAMETERS.values()) - set(values))
        if missing:
            raise TaskFailed(f"The account has no {', '.join(missing)}: deploy its stacks first.")
        return {name: values[path] for name, path in PARAMETERS.items()}

    def _wait(self, cluster: str, task: str) -> int:
        while (seen := self._find_stopped(cluster, task)) is None:
            self._sleep(_POLL_SECONDS)
        (container,) = seen["containers"]
        if "exitCode" not in container:
            reason = container.get("reason") or seen.get("stoppedReason") or "no reason was given"
            raise TaskFailed(f"The task stopped before its command ended: {reason}.")
        return int(container["exitCode"])

    def _find_stopped(self, cluster: str, task: str) -> Any:
        """Return the task if it has stopped. One that was started just now may not be listed yet."""
        found = self._ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"]
        return next((each for each in found if each["lastStatus"] == "STOPPED"), None)


def main() -> int:
    """Run the task that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--image", required=True, help="the image by its digest")
    parser.add_argument("--registry", help="account whose copy of the image is used; default: the one that it names")
    parser.add_argument("--role-arn", help="role of another account, in which the task runs")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("words", nargs=argparse.REMAINDER, help="what follows the role")
    given = parser.parse_args()
    session = open_session(given.role_arn)
    tasks = OneOffTasks(ecs=session.client("ecs"), ssm=session.client("ssm"))
    image = given.image if given.registry is None else f"{given.registry}.{given.image.partition('.')[2]}"
    try:
        code = tasks.run(given.role, given.words, image=image)
    except TaskFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{' '.join([given.role, *given.words])} ended with {code}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
