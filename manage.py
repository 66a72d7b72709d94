"""Run a management command, with the local settings by default, and beside `make run` if it is running."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

from config.settings import environment


def main() -> None:
    """Pass the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    if sys.argv[1:2] != ["run"]:  # it is the platform
        environment.join_platform(Path(__file__).resolve().parent / (environment.text("RESALE_VAR_DIR") or ""))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
