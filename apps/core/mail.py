"""E-mail of the platform to its staff: links to set a password. The backend is Django's ``EMAIL_BACKEND``.

A link is a password for as long as it works, so neither it nor its recipient is ever logged.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage

from resale.errors import Unavailable

logger = logging.getLogger("resale.mail")

_MOST_WAITING: Final = 100  # messages of one process; more are dropped, and their senders repeat the request


class MailUnavailable(Unavailable):
    """The mail service did not accept a message."""

    code = "mail_unavailable"
    title = "Mail service unavailable"
    default_detail = "The e-mail could not be sent. Nothing else was changed. Retry later."


def admin_link(path: str) -> str:
    """Return the URL of a page of the admin, for a message: a request's Host header is not trusted with it."""
    return f"{settings.ADMIN_URL.rstrip('/')}{path}"


def send_now(message: EmailMessage) -> None:
    """Send a message and wait until the mail service has accepted it. Raises MailUnavailable."""
    try:
        message.send()
    except Exception as error:  # each backend has its own exceptions: OSError, smtplib's, botocore's
        raise MailUnavailable from error


class Outbox:
    """Sends messages in a thread of its own, so that a response does not reveal whether there was one to send."""

    def __init__(self, most_waiting: int) -> None:
        """Bound the messages that wait; the thread starts with the first one, after the server's fork."""
        self._places = threading.BoundedSemaphore(most_waiting)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")

    def post(self, message: EmailMessage) -> None:
        """Send a message soon, once. A failure is logged without the message."""
        if not self._places.acquire(blocking=False):
            logger.error("mail dropped", extra={"code": "outbox_full"})
            return
        self._executor.submit(self._send, message)

    def flush(self) -> None:
        """Wait until all messages so far are sent."""
        wait([self._executor.submit(int)])

    def _send(self, message: EmailMessage) -> None:
        try:
            send_now(message)
        except MailUnavailable:
            logger.exception("mail not sent", extra={"code": MailUnavailable.code})
        finally:
            self._places.release()


outbox: Final = Outbox(_MOST_WAITING)  # this process's; without a thread until it is used
