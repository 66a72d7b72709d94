"""The HTTP server of the web role: a request is read completely before it gets a thread; responses need no thread.

``worker`` owns the sockets and the poll loop, ``connections`` holds the state of one socket, ``framing`` finds where a
request ends, ``request_handling`` runs the application in a thread, ``dispatch`` and ``fair_line`` decide when,
``early_refusals`` answer reads above a limit without one, ``refusals`` are the server's own problem documents.
"""

from apps.core.serving.worker import DeadlineWorker

__all__ = ["DeadlineWorker"]
