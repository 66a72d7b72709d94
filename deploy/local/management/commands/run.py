"""``manage.py run``: start everything on one machine, run the journey, stay until Ctrl-C (``ONCE=1``: stop)."""

import os
import re
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.settings import environment
from deploy.local.engines.install import InstallError, say_line
from deploy.local.journey.assertions import JourneyFailed
from deploy.local.private_files import Unreadable
from deploy.local.running import LocalPlatform
from deploy.local.supervisor import SupervisorError

_EXAMPLE = "PORT=8001 make run"
_DIGITS = re.compile("[0-9]{1,5}")  # not what else Unicode calls a digit


class Command(BaseCommand):
    """Runs the platform on one machine."""

    help = "Start everything on this machine, play the journey, stay until Ctrl-C. Reads PORT, ONCE and RESALE_VAR_DIR."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]  # the developer's own cloud is never meant here
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits it ignored
        platform = LocalPlatform(settings.VAR_DIR, port=_port(), say=say_line)
        try:
            platform.run(once=environment.text("ONCE") not in {None, "0"})
        except KeyboardInterrupt:
            say_line("interrupted before the journey was over")
            raise SystemExit(128 + signal.SIGINT) from None
        except JourneyFailed as failure:
            raise CommandError(f"the journey failed: {failure} (logs are in {settings.VAR_DIR / 'log'})") from failure
        except (SupervisorError, InstallError, Unreadable) as error:
            raise CommandError(str(error)) from error
        say_line("stopped")


def _port() -> int:
    text = environment.text("PORT") or ""
    if not _DIGITS.fullmatch(text) or not 0 < int(text) < 1 << 16:
        raise CommandError(f"PORT={text} is not a port; use a number from 1024 to 65535, for example {_EXAMPLE}")
    return int(text)
