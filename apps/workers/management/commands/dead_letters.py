"""``manage.py dead_letters SLUG QUEUE|all ACTION [ID]``: a tenant's dead letters."""

import argparse
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import msgspec
from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.core.container import get_container, run_operation
from apps.core.dead_letters import DeadLetterService
from apps.core.requests import convert_values
from apps.tenancy import registry
from resale.application.operations.dead_letters import Discard
from resale.application.ports import UnitOfWork
from resale.application.queries.dead_letters import DeadLetterView
from resale.domain.access import Principal, Role
from resale.domain.actors import Actor, ActorKind
from resale.domain.command_context import CommandContext
from resale.domain.dead_letters import DeadLetterNotFound, LetterQueue, letter_id_of
from resale.domain.ids import DEAD_LETTER_ID, DeadLetterId
from resale.domain.tenants import Tenant
from resale.errors import Invalid, Outcome

P = ParamSpec("P")
R = TypeVar("R")

#: Whoever may run this command runs the platform; a manager is the most that a tenant's own people are.
_OPERATOR: Final = Principal(standing=Role.MANAGER)
_ACTOR: Final = Actor(kind=ActorKind.SYSTEM, id="manage.dead_letters")
_ALL: Final = "all"
_PAGE: Final = 100


class Command(BaseCommand):
    """Lists dead letters, shows one, previews its replay, replays it, or discards it with a reason."""

    help = "List a tenant's dead letters, and show, dry-run, replay or discard one by its id."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("queue", choices=[*map(str, LetterQueue), _ALL])
        parser.add_argument("action", choices=("list", "show", "dry-run", "replay", "discard"))
        parser.add_argument("id", nargs="?", help="dlq_… as listed, or the SQS message id")
        parser.add_argument("--reason", help="why the message is discarded: 3 to 500 characters")

    def handle(self, *_args: Any, **options: Any) -> None:
        action, given, reason = options["action"], options["id"], options["reason"]
        if (given is None) != (action == "list"):
            raise CommandError("show, dry-run, replay and discard require the id of one message; list takes none.")
        if (reason is None) != (action != "discard"):
            raise CommandError("discard requires --reason, and no other action takes one.")
        try:
            service = _open(registry.by_slug(options["slug"]))
            if action == "list":
                queue = None if options["queue"] == _ALL else LetterQueue(options["queue"])
                self._print(map(_line, _all(service, queue)))
            else:
                self._print(_done(service, action, _letter_id(given), reason))
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome

    def _print(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.stdout.write(line)


def _open(tenant: Tenant) -> DeadLetterService:
    now = clock.for_tenant(tenant)

    def run(operation: Callable[Concatenate[UnitOfWork, P], R], /, *args: P.args, **arguments: P.kwargs) -> R:
        request_id = get_container().ids("req")
        context = CommandContext(actor=_ACTOR, principal=_OPERATOR, request_id=request_id, now=now)
        return run_operation(tenant, context, operation, *args, **arguments)

    return DeadLetterService(tenant, principal=_OPERATOR, run=run, now=now)


def _all(service: DeadLetterService, queue: LetterQueue | None) -> Iterator[DeadLetterView]:
    cursor: str | None = None
    while True:
        page = service.list_letters(queue=queue, limit=_PAGE, cursor=cursor)
        yield from page.data
        cursor = page.next_cursor
        if cursor is None:
            return


def _done(service: DeadLetterService, action: str, letter_id: DeadLetterId, reason: str | None) -> Iterator[str]:
    if action == "show":
        yield _text(service.show(letter_id))
    elif action == "dry-run":
        yield _text(service.dry_run(letter_id))
    elif action == "replay":
        yield f"{letter_id} is {service.replay(letter_id).status}"
    else:
        yield f"{letter_id} is {service.discard(letter_id, reason=_reason(reason)).status}"


def _letter_id(text: str) -> DeadLetterId:
    letter_id = text if DEAD_LETTER_ID.matches(text) else letter_id_of(text)
    if not DEAD_LETTER_ID.matches(letter_id):
        raise DeadLetterNotFound("No dead letter with this id exists.")
    return letter_id


def _reason(text: str | None) -> str:
    if text is None:
        raise CommandError("The reason must have 3 to 500 characters.")
    try:
        return convert_values({"reason": text}, Discard, place="The reason").reason
    except Invalid as error:
        raise CommandError(f"The reason must have 3 to 500 characters. {error.errors[0].detail}") from error


def _text(value: msgspec.Struct) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def _line(letter: DeadLetterView) -> str:
    error = letter.last_error
    about = " ".join((letter.task or letter.change_type or "unreadable", *letter.entity_ids))
    why = "no error recorded" if error is None else f"{error.code} ({error.exception})"
    return f"{letter.id} {letter.queue} {letter.status}: {about}, received {letter.receive_count} times, {why}"
