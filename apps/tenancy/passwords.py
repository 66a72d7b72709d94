"""Hashing of staff passwords: slow by design, so it has a lane of its own in each process."""

from typing import Final

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from apps.core.concurrency import ConcurrencyLimit

#: One hash at a time and two that wait: three of the web server's eight threads at most, and one core.
HASHING_LIMIT: Final = ConcurrencyLimit(running=1, waiting=2, wait_seconds=5)


class LimitedPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's default hasher, in the lane. It hashes for known, unknown and inactive accounts and for new passwords.

    Raises:
        ConcurrencyLimitError: Too many passwords are being hashed at the moment.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Hash a password when the lane is free."""
        with HASHING_LIMIT.enter():
            return super().encode(password, salt, iterations)
