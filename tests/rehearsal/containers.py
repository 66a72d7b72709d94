"""Tasks as containers of the image, run as the task definition says: no root, a root file system that is read-only."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from deploy.local.services import ROOT
from deploy.local.supervisor import ProcessSpec

_SETTINGS: Final = "tests/rehearsal/settings.py"
_WORKDIR: Final = "/srv/resale"
_SECONDS: Final = 60
#: What each role's process is called; as process 1 it receives the stop signal itself.
_PROCESSES: Final = {"web": "gunicorn", "worker": "celery", "changes": "changes", "sweep": "sweep"}


def find_engine() -> tuple[str, ...] | None:
    """Find what runs containers; with runc, where podman has it, as crun needs control groups of the second version."""
    if shutil.which("podman"):
        return ("podman", "--runtime", "runc") if shutil.which("runc") else ("podman",)
    has_docker = shutil.which("docker") and subprocess.run(("docker", "info"), capture_output=True, check=False)
    return ("docker",) if has_docker and has_docker.returncode == 0 else None


@dataclass(frozen=True)
class Containers:
    """Runs tasks from an image. ``shared`` folders are seen under their own paths."""

    engine: tuple[str, ...]
    image: str
    shared: tuple[Path, ...] = ()

    def spec(self, spec: ProcessSpec, container: Mapping[str, Any], *, scratch: Path) -> ProcessSpec:
        """Make the specification of a process one of a container, which is ready when its own health check passes."""
        scratch.chmod(0o777)
        names = [name for name in spec.env if name not in {"PATH", "HOME", "TMPDIR"}]
        env = {name: value.replace(str(scratch), "/tmp") for name, value in spec.env.items()}  # noqa: S108 - the volume
        volumes = [f"{scratch}:/tmp", f"{ROOT / _SETTINGS}:{_WORKDIR}/{_SETTINGS}:ro"]
        volumes += [f"{folder}:{folder}" for folder in self.shared]
        argv = (
            *self.command(spec.name, user=container["User"]),
            *(word for name in names for word in ("--env", name)),
            *(word for volume in volumes for word in ("--volume", volume)),
            self.image,
            *spec.argv[1:],  # the entrypoint is the image's
        )
        check = container.get("HealthCheck", {}).get("Command", ["CMD", "true"])[1:]
        check = [str(word).replace(":8000/", f":{spec.env['PORT']}/") for word in check]
        return replace(
            spec,
            argv=argv,
            env={**env, "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/root")},
            ready=self._healthy(spec.name, check, spec.ready),
            after_exit=lambda _clean: self.remove(spec.name),
        )

    def command(self, name: str, *, user: str) -> tuple[str, ...]:
        """Return the command that runs a container in the foreground, up to its environment."""
        limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
        rights = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", user)
        return (*self.engine, "run", "--rm", "--pull", "never", "--name", name, "--network", "host", *limits, *rights)

    def kill(self, name: str) -> None:
        """Kill all processes of a container."""
        self._run("kill", "--signal", "KILL", name)

    def remove(self, name: str) -> None:
        """Remove a container, whose client has ended; nothing if it is gone."""
        self._run("rm", "--force", name)

    def first_process(self, name: str) -> str:
        """Return the command line of process 1."""
        return self._run("exec", name, "cat", "/proc/1/cmdline").stdout.decode().replace("\0", " ")

    def is_role(self, name: str, role: str) -> bool:
        """Return whether process 1 is the role's own, and no shell before it."""
        command = self.first_process(name)
        return _PROCESSES[role] in command and not command.startswith("/bin/sh")

    def _healthy(self, name: str, check: list[str], ready: Callable[[], bool] | None) -> Callable[[], bool]:
        def is_healthy() -> bool:
            return (ready is None or ready()) and self._run("exec", name, *check).returncode == 0

        return is_healthy

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run((*self.engine, *arguments), capture_output=True, timeout=_SECONDS, check=False)
