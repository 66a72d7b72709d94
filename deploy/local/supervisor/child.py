"""A supervised process: a thread starts it, waits for its end, and restarts it after a pause."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Condition, Thread
from typing import Literal

from deploy.local.supervisor import locks, ports
from deploy.local.supervisor.groups import Groups
from deploy.local.supervisor.process import Run, describe_exit
from deploy.local.supervisor.specs import PortTaken, ProcessSpec, StartFailed, SupervisorError

_FIRST_PAUSE_SECONDS = 0.2
_LAST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 30.0  # a run this long ends the back-off
_PROBE_PAUSE_SECONDS = 0.02


class Child:
    """A supervised process. All changes of ``_wanted`` and ``_run`` happen under ``_changed``."""

    def __init__(self, spec: ProcessSpec, *, log_dir: Path, groups: Groups, say: Callable[[str], None]) -> None:
        """Store the parts; nothing starts."""
        self.spec = spec
        self.start_count = 0
        self._log_path = log_dir / f"{spec.name}.log"
        self._groups = groups
        self._say = say
        self._changed = Condition()
        self._wanted: Literal["run", "restart", "stop"] = "run"
        self._run: Run | None = None
        self._ready = False
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._failure: Exception | None = None
        self._last_reason = "no run has ended yet"
        self._lock_descriptors: tuple[int, ...] = ()
        # The thread must live as long as its process: see Run.
        self._keeper = Thread(target=self._keep, name=f"keeper-{spec.name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """The id of the running process, if any."""
        run = self._run
        return run.pid if run else None

    def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            PortTaken: Somebody listens on one of its ports.
            LockRefused: Somebody holds one of its data files.
            StartFailed: It ended, or did not respond in time.
        """
        for path in self.spec.locks:
            try:
                self._lock_descriptors += (locks.acquire(path, self.spec.lock_seconds),)
            except SupervisorError:
                self._release_locks()
                raise
        self._keeper.start()
        self._await_ready(after_start_count=0, timeout_seconds=None)

    def stop(self) -> None:
        """Stop the process, kill it after its grace period, and wait until its process group has ended."""
        self._end(wanted="stop")
        if self._keeper.ident is not None:
            self._keeper.join()
        self._release_locks()

    def restart(self) -> None:
        """Stop the process like :meth:`stop`, and wait until it is ready again on the same ports."""
        start_count = self.start_count
        self._end(wanted="restart")
        self._await_ready(after_start_count=start_count, timeout_seconds=self.spec.ready_seconds + 5)

    def kill(self) -> None:
        """Kill the leader with SIGKILL; the supervisor restarts it."""
        with self._changed:
            if self._run is not None:
                self._ready = False
                self._run.send(signal.SIGKILL)

    def wait_ready(self, timeout_seconds: float) -> None:
        """Wait until the process is ready.

        Raises:
            StartFailed: Not within ``timeout_seconds``.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._ready, timeout_seconds):
                raise StartFailed(f"{self.spec.name} was not ready within {timeout_seconds:g} s; see {self._log_path}")

    def _await_ready(self, *, after_start_count: int, timeout_seconds: float | None) -> None:
        def is_settled() -> bool:
            return self._failure is not None or (self._ready and self.start_count > after_start_count)

        with self._changed:
            in_time = self._changed.wait_for(is_settled, timeout_seconds)
            if self._failure is not None:
                raise self._failure
            if not in_time:
                raise StartFailed(f"{self.spec.name} did not come back: {self._last_reason}")

    def _end(self, *, wanted: Literal["restart", "stop"]) -> None:
        with self._changed:
            self._wanted = wanted
            self._ready = False
            self._changed.notify_all()
            run = self._run
            if run is None:
                return
            run.send(self.spec.stop_signal)
            if not self._changed.wait_for(lambda: self._run is not run, self.spec.stop_seconds):
                self._say(f"{self.spec.name} did not stop within {self.spec.stop_seconds:g} s; killing it")
                run.kill_group()
                self._changed.wait_for(lambda: self._run is not run)

    def _keep(self) -> None:
        while True:
            began = time.monotonic()
            reason = self._run_once()
            if time.monotonic() - began > _STEADY_SECONDS:
                self._pause_seconds = _FIRST_PAUSE_SECONDS
            with self._changed:
                self._last_reason = reason
                if not self._should_run_again(reason):
                    return

    def _should_run_again(self, reason: str) -> bool:
        """Return whether another run follows, after a pause if the end was unexpected."""
        if self._failure is not None or self._wanted == "stop":
            return False
        if self._wanted == "restart":
            return True
        if self.spec.restart == "never":
            self._say(f"{self.spec.name} ended ({reason})")
            return False
        self._say(f"{self.spec.name} ended ({reason}); starting it again in {self._pause_seconds:g} s")
        self._changed.wait_for(self._is_requested, self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, _LAST_PAUSE_SECONDS)
        return True

    def _is_requested(self) -> bool:
        return self._wanted != "run"

    def _run_once(self) -> str:
        """Start, wait for the end, clean up; return the reason of the end."""
        try:
            run = self._launch()
        except Exception as error:  # noqa: BLE001 - a keeper that dies would leave its process unkept
            return self._start_failed(error)
        not_ready = self._probe(run)
        if not_ready is None:
            run.wait()
        return self._finish(run, not_ready)

    def _launch(self) -> Run:
        reason = next(filter(None, map(ports.find_port_conflict, self.spec.ports)), None)
        if reason is not None:
            raise PortTaken(f"{self.spec.name}: {reason}")
        self.spec.before_start()
        with self._changed:
            if self._wanted == "stop":
                raise StartFailed(f"{self.spec.name} was stopped before it started")
            self._wanted = "run"  # this start is the one that a restart is_requested for
            run = Run(self.spec, log_path=self._log_path, lock_descriptors=self._lock_descriptors)
            self._groups.note(run.pid)
            self._run = run
        return run

    def _probe(self, run: Run) -> SupervisorError | None:
        """Return None when the run is ready (or is to end), else the error."""
        ready = self.spec.ready or (lambda: True)
        deadline = time.monotonic() + self.spec.ready_seconds
        while not ready():
            if not run.is_alive() or self._wanted != "run":
                break
            if time.monotonic() > deadline:
                return StartFailed(f"{self.spec.name} did not respond within {self.spec.ready_seconds:g} s")
            time.sleep(_PROBE_PAUSE_SECONDS)
        with self._changed:
            # Alive after ready, too: a stranger on the port may have answered in place of a child that could not bind.
            if not run.is_alive() and self._wanted == "run":
                return StartFailed(f"{self.spec.name} ended before it was ready")
            self.start_count += 1
            self._ready = self._wanted == "run"
            self._changed.notify_all()
        return None

    def _finish(self, run: Run, not_ready: SupervisorError | None) -> str:
        tail = run.log_tail() if not_ready else ""
        code = run.reap(lambda: self._groups.forget(run.pid))
        is_requested = self._wanted != "run"
        clean = is_requested and code == 0
        try:
            self.spec.after_exit(clean)
        finally:
            with self._changed:
                self._ready = False
                self._run = None
                self._changed.notify_all()
        if not_ready is None or is_requested:
            return describe_exit(code)
        return self._start_failed(StartFailed(f"{not_ready}\n{tail}\n(log: {self._log_path})"))

    def _start_failed(self, error: Exception) -> str:
        """Return the reason to retry, or end the supervision if the first start failed."""
        with self._changed:
            if self.start_count == 0:
                self._failure = error
                self._changed.notify_all()
        return str(error)

    def _release_locks(self) -> None:
        locks.release(self._lock_descriptors)
        self._lock_descriptors = ()
