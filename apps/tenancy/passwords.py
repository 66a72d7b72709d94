"""Hashing of staff passwords. It is slow by design, so its concurrency is limited in each process."""

from typing import Final

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from apps.core.concurrency import ConcurrencyLimit

#: One hash at a time and two that wait: three of the web server's eight threads at most, and one core.
HASHING_LIMIT: Final = ConcurrencyLimit(running=1, waiting=2, wait_seconds=5)


class LimitedPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's default hasher with a concurrency limit. It hashes for unknown and inactive accounts too.

    Raises:
        ConcurrencyLimitError: Too many passwords are being hashed at the moment.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Hash a password within the concurrency limit."""
        with HASHING_LIMIT.enter():
            return super().encode(password, salt, iterations)
