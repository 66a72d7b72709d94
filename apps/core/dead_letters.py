"""The service of dead letters that the API, the admin and the operator's command share."""

from datetime import datetime

from apps.core.container import get_container
from apps.core.execution import RunOperation
from resale.application.operations.dead_letters import begin_replay, discard_dead_letter, finish_replay
from resale.application.ports import HistoryRow
from resale.application.queries.dead_letters import (
    DeadLetterDetail,
    DeadLetterPage,
    DeadLetterView,
    DryRun,
    DryRunContext,
    describe_replay,
    get_dead_letter,
    list_dead_letters,
    view_record,
)
from resale.application.reactions import tasks_after
from resale.domain.access import Principal
from resale.domain.dead_letters import LetterQueue, Reason
from resale.domain.ids import DeadLetterId
from resale.domain.tenants import Tenant


class DeadLetterService:
    """The dead letters of one tenant. Raises the outcomes of the queries and operations that it calls."""

    def __init__(self, tenant: Tenant, *, principal: Principal, run: RunOperation, now: datetime) -> None:
        container = get_container()
        self._principal = principal
        self._run = run
        self._letters = container.dead_letters(tenant)
        self._dry_run_context = DryRunContext(
            reader=container.reader(tenant),
            store=container.media_store(tenant),
            now=now,
            tasks_after=_tasks_after,
        )

    def list_letters(self, *, queue: LetterQueue | None, limit: int, cursor: str | None) -> DeadLetterPage:
        """List the messages of one dead-letter queue or of all."""
        return list_dead_letters(
            reader=self._dry_run_context.reader,
            letters=self._letters,
            principal=self._principal,
            queue=queue,
            limit=limit,
            cursor=cursor,
        )

    def show(self, letter_id: DeadLetterId) -> DeadLetterDetail:
        """Return one dead letter with its failures and timeline."""
        return get_dead_letter(
            reader=self._dry_run_context.reader, letters=self._letters, principal=self._principal, letter_id=letter_id
        )

    def dry_run(self, letter_id: DeadLetterId) -> DryRun:
        """Return the effects that a replay would have."""
        return describe_replay(
            context=self._dry_run_context, letters=self._letters, principal=self._principal, letter_id=letter_id
        )

    def replay(self, letter_id: DeadLetterId) -> DeadLetterView:
        """Send a dead letter back to its queue: two operations, each with its own commit."""
        begun = self._run(begin_replay, letters=self._letters, letter_id=letter_id)
        return view_record(self._run(finish_replay, letters=self._letters, begun=begun))

    def discard(self, letter_id: DeadLetterId, *, reason: Reason) -> DeadLetterView:
        """Discard a dead letter with a reason."""
        return view_record(self._run(discard_dead_letter, letters=self._letters, letter_id=letter_id, reason=reason))


def _tasks_after(row: HistoryRow) -> tuple[str, ...]:
    tasks = tasks_after(change_type=row.change.type, entity_id=row.entity_id, version=row.version)
    return tuple(task.name for task in tasks)
