"""How a web worker tells its master that it lives: gunicorn kills one that says nothing for 30 s."""

import itertools
import os
import time

from gunicorn.config import Config

from apps.core.serving import DeadlineWorker


class TestHeartbeat:
    def test_comes_once_a_second_however_often_the_loop_turns(self) -> None:
        worker = DeadlineWorker(0, os.getpid(), [], None, 30, Config(), None)
        beats = [worker.tmp.last_update()]
        began = time.monotonic()
        while len(beats) < 4 and time.monotonic() < began + 30:
            worker.notify()
            if worker.tmp.last_update() != beats[-1]:
                beats.append(worker.tmp.last_update())
        worker.tmp.close()
        gaps = [later - earlier for earlier, later in itertools.pairwise(beats[1:])]
        assert len(gaps) == 2
        assert all(0.99 < gap < 1.5 for gap in gaps)
