"""Small real programs to supervise, and how to see whether one is gone."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.supervisor import ProcessSpec
from deploy.local.supervisor.ports import pick
from deploy.local.supervisor.probes import http_ready

_SERVER = """
import http.server, os, signal, subprocess, sys
port, flags = int(sys.argv[1]), sys.argv[2:]
if "stubborn" in flags:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if "worker" in flags:
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("worker", worker.pid, flush=True)
print("environment", sorted(os.environ), flush=True)
class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Quiet).serve_forever()
"""


def server(name: str, *flags: str, port: int | None = None, locks: tuple[Path, ...] = ()) -> ProcessSpec:
    """A small HTTP server. ``stubborn``: ignores SIGTERM; ``worker``: starts a child of its own."""
    port = port or pick()
    return ProcessSpec(
        name=name,
        argv=(sys.executable, "-I", "-S", "-c", _SERVER, str(port), *flags),
        env={"ONLY": "this"},
        ports=(port,),
        locks=locks,
        lock_seconds=0.2,
        ready=http_ready(port),
        stop_seconds=1.0,
    )


def worker_pid(log_dir: Path, name: str) -> int:
    """The id of the child that a server with the flag ``worker`` started last."""
    lines = (log_dir / f"{name}.log").read_text().splitlines()
    return int([line for line in lines if line.startswith("worker")][-1].split()[1])


def is_gone(pid: int) -> bool:
    """No such process, or only its entry that nobody has read yet."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return not state.strip() or state.strip().startswith("Z")


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Poll a condition until it holds; False when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
