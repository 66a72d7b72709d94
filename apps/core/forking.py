"""A lock that forks wait for.

A pool child may be forked at any moment. It must not inherit a lock that another thread was holding (of the registry's
cache, of a database connection or its driver): nobody would ever release it there.
"""

import os
import threading
from typing import Final

#: Held by a thread beside a worker's main one while it uses the database. Never fork while holding it.
NO_FORK: Final = threading.Lock()
os.register_at_fork(before=NO_FORK.acquire, after_in_parent=NO_FORK.release, after_in_child=NO_FORK.release)
