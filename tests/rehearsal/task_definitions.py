"""What a task gets from ``deploy/platform/service.yaml`` and from the image: command, environment, checks and times.

The template is resolved as CloudFormation does it, so a setting without a value, and a value that its parameter does
not allow, stop the rehearsal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.local.brands import PLATFORM_ACCOUNT, PLATFORM_REGION
from deploy.local.provisioning.templates import Applied, Template

_ROOT: Final = Path(__file__).resolve().parents[2]
_TEMPLATE: Final = _ROOT / "deploy" / "platform" / "service.yaml"
_DOCKERFILE: Final = _ROOT / "docker" / "Dockerfile"
_SCRATCH: Final = "/tmp"  # noqa: S108 - the image's volume
_ARN: Final = f"arn:aws:iam::{PLATFORM_ACCOUNT}:role/rehearsal"
#: Parameters that a container does not see.
_UNSEEN: Final = {
    "Image": f"rehearsal@sha256:{'0' * 64}",
    "TaskRoleArn": _ARN,
    "ExecutionRoleArn": _ARN,
    "CredentialsArn": f"arn:aws:secretsmanager:{PLATFORM_REGION}:{PLATFORM_ACCOUNT}:secret:rehearsal",
}


@dataclass(frozen=True)
class HealthCheck:
    """How the load balancer looks at the targets of the web role, and chooses among them."""

    path: str
    interval_seconds: int
    timeout_seconds: int
    healthy_count: int
    unhealthy_count: int
    drain_seconds: int
    algorithm: str

    @property
    def noticed_seconds(self) -> int:
        """The longest that a dead task gets requests."""
        return self.interval_seconds * self.unhealthy_count + self.timeout_seconds


class TaskDefinition:
    """The task definition of one service."""

    def __init__(self, name: str, role: str, parameters: Mapping[str, str]) -> None:
        """Resolve the template. Raises TemplateError."""
        self.name, self.role = name, role
        given = {**_UNSEEN, **parameters, "Name": name, "Role": role}
        self._template = Template.read(_TEMPLATE, account_id=PLATFORM_ACCOUNT, region=PLATFORM_REGION, parameters=given)
        self._template.record("Logs", Applied(f"/resale/{name}"))
        (self._container,) = self._template.properties("Task")["ContainerDefinitions"]

    @property
    def command(self) -> list[str]:
        """The arguments of the image's entrypoint."""
        return [str(word) for word in self._container["Command"]]

    @property
    def stop_seconds(self) -> int:
        """The time between SIGTERM and SIGKILL."""
        seconds: int = self._container["StopTimeout"]
        return seconds

    @property
    def start_seconds(self) -> int:
        """The time after which an unhealthy new task is stopped."""
        check = self._container["HealthCheck"]
        seconds: int = check["StartPeriod"] + check["Interval"] * check["Retries"]
        return seconds

    @property
    def container(self) -> Mapping[str, Any]:
        """The resolved container definition."""
        container: Mapping[str, Any] = self._container
        return container

    def environment(self, secrets: Mapping[str, str], *, scratch: Path) -> dict[str, str]:
        """Return the variables that the container sees: the image's, the template's, and those of the secret.

        Args:
            secrets: The content of the secret.
            scratch: What stands for the image's volume.

        Raises:
            KeyError: The secret has not all that the template reads from it.
        """
        image = {name: value.replace(_SCRATCH, str(scratch)) for name, value in image_variables().items()}
        plain = {each["Name"]: str(each["Value"]) for each in self._container["Environment"]}
        secret = {each["Name"]: secrets[each["ValueFrom"].split(":")[-3]] for each in self._container["Secrets"]}
        return {**image, **plain, **secret, "TMPDIR": str(scratch)}

    def health_check(self) -> HealthCheck:
        """Return the checks of the service's target group."""
        group = self._template.properties("TargetGroup")
        attributes = {each["Key"]: each["Value"] for each in group["TargetGroupAttributes"]}
        return HealthCheck(
            path=group["HealthCheckPath"],
            interval_seconds=group["HealthCheckIntervalSeconds"],
            timeout_seconds=group["HealthCheckTimeoutSeconds"],
            healthy_count=group["HealthyThresholdCount"],
            unhealthy_count=group["UnhealthyThresholdCount"],
            drain_seconds=int(attributes["deregistration_delay.timeout_seconds"]),
            algorithm=attributes["load_balancing.algorithm.type"],
        )


def image_variables() -> dict[str, str]:
    """Return the variables that the Dockerfile sets, without the search path."""
    (block,) = re.findall(r"^ENV (.+?[^\\])$", _DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return {name: value for name, value in re.findall(r"(\w+)=(\S+)", block) if name != "PATH"}
