"""Imports every module of resale and apps in a fresh process and reports what an import did besides.

Exits 1 with one line each: a socket used, a process or thread started, the environment or a file read by our own code.
Settings are the door and may read the environment, so what config does is not counted.
"""

import importlib
import os
import pkgutil
import sys
import threading
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
_OURS = (str(ROOT / "resale") + os.sep, str(ROOT / "apps") + os.sep)
_NETWORK = {"socket.connect", "socket.getaddrinfo", "socket.sendto"}
_PROCESSES = {"subprocess.Popen", "os.exec", "os.fork", "os.system"}
_TRANSPARENT = ("os.py", "pathlib.py", "_collections_abc.py", "io.py", "<frozen os>", "<frozen _collections_abc>")

_found: list[str] = []


def _our_line(frame: FrameType | None) -> str | None:
    """Name the line of ours that did it itself; None when somebody else's code did."""
    while frame is not None and (_is_transparent(frame) or frame.f_code.co_filename == __file__):
        frame = frame.f_back
    if frame is None or not frame.f_code.co_filename.startswith(_OURS):
        return None
    return f"{Path(frame.f_code.co_filename).relative_to(ROOT)}:{frame.f_lineno}"


def _is_transparent(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith(_TRANSPARENT)


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in _NETWORK:
        _found.append(f"{event} {arguments[1:]} while importing")
    if event in _PROCESSES:
        _found.append(f"{event} {arguments[:1]} while importing")
    if event == "open" and (line := _our_line(sys._getframe(1))) is not None:
        _found.append(f"{line} opens {arguments[0]}")


class _WatchedEnviron(os._Environ[str]):
    def __getitem__(self, key: str) -> str:
        if (line := _our_line(sys._getframe(1))) is not None:
            _found.append(f"{line} reads the environment: {key}")
        return str(super().__getitem__(key))


def _import_everything() -> None:
    for package in ("resale", "apps"):
        importlib.import_module(package)
        for module in pkgutil.walk_packages([str(ROOT / package)], prefix=f"{package}."):
            if not module.name.endswith(".__main__"):
                importlib.import_module(module.name)


def main() -> int:
    """Import all, print what was found."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    os.environ.__class__ = _WatchedEnviron
    sys.addaudithook(_watch)
    import django  # noqa: PLC0415 - after the watch began

    django.setup()
    _import_everything()
    _found.extend(
        f"thread {thread.name} is running" for thread in threading.enumerate() if thread is not threading.main_thread()
    )
    sys.stdout.write("\n".join(dict.fromkeys(_found)) + "\n")
    return 1 if _found else 0


if __name__ == "__main__":
    sys.exit(main())
