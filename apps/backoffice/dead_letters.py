"""Dead letters for managers: what the shop's queues gave up on, why, and what is to become of one."""

from typing import Final

import msgspec
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.forms import DiscardForm
from apps.backoffice.pages import StaffPage
from apps.backoffice.staff_context import StaffContext
from apps.core.dead_letters import DeadLetterService
from resale.domain.dead_letters import DeadLetterStatus, LetterQueue
from resale.domain.entities import DEAD_LETTER

_LIMIT: Final = 25
_OPEN: Final = frozenset({DeadLetterStatus.WAITING, DeadLetterStatus.REPLAYING})
_MESSAGES: Final = {
    DeadLetterStatus.REPLAYED: "The message was sent back to its queue.",
    DeadLetterStatus.REPLAYING: "Another operator is replaying this message. Reload this page in a moment.",
}


class DeadLetters(StaffPage):
    """``/admin/dead_letters/``."""

    def back(self) -> str:
        """Start the list again: a cursor may have outlived its secret."""
        return reverse("admin:dead-letters")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what lies in one dead-letter queue or in all."""
        queue = request.GET.get("queue", "")
        if queue and queue not in set(LetterQueue):
            raise Http404
        page = _service(self.context).list_letters(
            queue=LetterQueue(queue) if queue else None, limit=_LIMIT, cursor=request.GET.get("cursor") or None
        )
        return self.page(
            "dead_letters",
            title="Dead letters",
            letters=page.data,
            next_cursor=page.next_cursor,
            queue=queue,
            queues=tuple(LetterQueue),
        )


class DeadLetterPages(StaffPage):
    """What the pages of one letter share."""

    def back(self) -> str:
        """Look at the letter as it is now."""
        return reverse("admin:dead-letter", kwargs=self.kwargs)

    def show(self, letter_id: str, *, form: DiscardForm | None = None, status: int = 200) -> HttpResponse:
        """Show one letter; with ``dry_run`` in the query also what a replay would do."""
        service, found_id = _service(self.context), DEAD_LETTER.read_id(letter_id)
        letter = service.show(found_id)
        return self.page(
            "dead_letter",
            title="Dead letter",
            status=status,
            letter=letter,
            body=_format_body(letter.body),
            dry_run=service.dry_run(found_id) if "dry_run" in self.request.GET else None,
            may_replay=letter.status in _OPEN,
            may_discard=letter.status == DeadLetterStatus.WAITING,
            discarding=form or DiscardForm(),
        )


class DeadLetterDetail(DeadLetterPages):
    """``/admin/dead_letters/{letter_id}/``."""

    def get(self, request: HttpRequest, letter_id: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show one letter with why it failed and the timeline of what it is about."""
        return self.show(letter_id)


class Replay(DeadLetterPages):
    """``/admin/dead_letters/{letter_id}/replay/``."""

    def post(self, request: HttpRequest, letter_id: str) -> HttpResponse:
        """Have a message run once more."""
        letter = _service(self.context).replay(DEAD_LETTER.read_id(letter_id))
        messages.success(request, _MESSAGES[letter.status])
        return redirect(self.back())


class Discard(DeadLetterPages):
    """``/admin/dead_letters/{letter_id}/discard/``."""

    def post(self, request: HttpRequest, letter_id: str) -> HttpResponse:
        """Give a message up, with a reason."""
        form = DiscardForm(request.POST)
        if not form.is_valid():
            return self.show(letter_id, form=form, status=422)
        _service(self.context).discard(DEAD_LETTER.read_id(letter_id), reason=form.cleaned_data["reason"])
        messages.success(request, "The message is discarded. Its contents are still shown here.")
        return redirect(self.back())


def _service(context: StaffContext) -> DeadLetterService:
    return DeadLetterService(context.tenant, principal=context.principal, run=context.run, now=context.now)


def _format_body(body: str | None) -> str | None:
    """Lay JSON out over lines; anything else stays as it came."""
    if body is None:
        return None
    try:
        return msgspec.json.format(body)
    except msgspec.DecodeError:
        return body
