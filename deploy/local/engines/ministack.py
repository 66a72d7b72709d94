"""ministack: STS, IAM, S3, SQS, SNS and KMS in one process, with signatures and policies enforced.

It writes everything but S3 to disk only on a clean stop. Two files beside its data say what that meant:
``stopped-cleanly`` is there between a clean stop and the next start; ``generation`` changes with every start at which
messages may have been lost, so whoever has sent messages knows when to send them again.
"""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from deploy.local.supervisor import ProcessSpec
from deploy.local.supervisor.ports import LOOPBACK
from deploy.local.supervisor.probes import http_ready

NAME = "ministack"


@dataclass(frozen=True)
class MinistackFiles:
    """The folder of a ministack."""

    folder: Path

    @property
    def marker(self) -> Path:
        """File that exists only after a clean stop, while stopped."""
        return self.folder / "stopped-cleanly"

    @property
    def generation(self) -> Path:
        """File with a value that changes when messages may have been lost."""
        return self.folder / "generation"

    def before_start(self) -> None:
        """Delete the marker; if it is missing, start a new generation."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.marker.exists() and self.generation.exists()):
            draft = self.folder / "generation.draft"
            draft.write_text(uuid.uuid4().hex)
            draft.replace(self.generation)
        self.marker.unlink(missing_ok=True)

    def after_exit(self, clean: bool) -> None:  # noqa: FBT001 - the shape ProcessSpec names
        """Write the marker after a clean stop."""
        if clean:
            self.marker.touch()


def spec(python: Path, *, files: MinistackFiles, port: int) -> ProcessSpec:
    """Describe the engine process."""
    return ProcessSpec(
        name=NAME,
        argv=(str(python), "-m", "ministack"),
        env=_environment(files.folder, port),
        ports=(port,),
        locks=(files.folder / "data",),
        ready=http_ready(port, "/_ministack/health"),
        ready_seconds=30.0,
        stop_seconds=20.0,  # it writes its state then: 3 s were seen
        before_start=files.before_start,
        after_exit=files.after_exit,
    )


def _environment(folder: Path, port: int) -> dict[str, str]:
    """Return the complete environment: no AWS_* variables of ours, and no home directory with credentials."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": "localhost",
        "AUTH": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
