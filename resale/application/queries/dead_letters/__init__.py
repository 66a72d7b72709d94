"""Dead letters: listed, shown, and with the effects of a replay."""

from resale.application.queries.dead_letters.dry_run import DESCRIBERS, DryRunContext, Effect, EffectKind
from resale.application.queries.dead_letters.reading import (
    DryRun,
    describe_replay,
    get_dead_letter,
    list_dead_letters,
)
from resale.application.queries.dead_letters.views import (
    DeadLetterDetail,
    DeadLetterPage,
    DeadLetterView,
    FailureView,
    TimelineEntry,
    view_record,
)

__all__ = [
    "DESCRIBERS",
    "DeadLetterDetail",
    "DeadLetterPage",
    "DeadLetterView",
    "DryRun",
    "DryRunContext",
    "Effect",
    "EffectKind",
    "FailureView",
    "TimelineEntry",
    "describe_replay",
    "get_dead_letter",
    "list_dead_letters",
    "view_record",
]
