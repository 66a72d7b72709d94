"""Upgrades of tenants: versions of the templates, states of a rollout, and the errors. Calls nothing."""

from enum import StrEnum
from typing import Final

from resale.errors import Conflict, NotFound, Rejected

#: The version of ``deploy/tenant`` that this release was written for; ``data.yaml`` has it in its outputs.
TEMPLATE_VERSION: Final = 1


class RolloutState(StrEnum):
    """The state of a rollout. Those that have not ended can be resumed."""

    RUNNING = "running"
    STOPPED = "stopped"
    COMPLETED = "completed"
    ABANDONED = "abandoned"  # by an operator: who was upgraded stays so, and nobody else is begun


#: A rollout in these states is over, and another one can begin.
ENDED: Final = frozenset({RolloutState.COMPLETED, RolloutState.ABANDONED})


class UpgradeState(StrEnum):
    """The state of one tenant in a rollout."""

    PENDING = "pending"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    BAKING = "baking"  # changed and tested; its messages are observed
    UPGRADED = "upgraded"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    LEFT = "left"  # it closes, or is closed: nothing of it is upgraded
    ABANDONED = "abandoned"  # not begun when the rollout was abandoned


class TemplateTooNew(Rejected):
    """The stack was made from a newer template than this release knows."""

    code = "template_too_new"
    title = "Template newer than the release"
    default_detail = (
        "The tenant's stack is of a newer template than this release knows. Deploy the newer release first."
    )


class TemplateNotAvailable(Rejected):
    """The former template is not stored here."""

    code = "template_not_available"
    title = "Template not available"
    default_detail = "This template is not stored here, so no tenant can be moved to it. Use this release's template."


class TemplateUnknown(Rejected):
    """The template of a tenant's stacks is not known, so it cannot be kept."""

    code = "template_unknown"
    title = "Template not known"
    default_detail = "The template of the tenant's stacks is not known, so it cannot be kept. Roll out templates first."


class UpgradeUnhealthy(Rejected):
    """Messages of the tenant failed after its upgrade."""

    code = "upgrade_unhealthy"
    title = "Tenant unhealthy after its upgrade"
    default_detail = "Messages of the tenant reached its dead-letter queues after the upgrade. Read them first."


class UpgradeStopped(Rejected):
    """A tenant could not be upgraded, so the rollout stopped."""

    code = "upgrade_stopped"
    title = "Rollout stopped"
    default_detail = "A tenant could not be upgraded and no further one is begun. Remove the cause, then resume."


class RolloutUnfinished(Conflict):
    """A rollout was started before and has not ended."""

    code = "rollout_unfinished"
    title = "Rollout not finished"
    default_detail = "A rollout was started before and has not ended. Continue it with --resume, or --abandon it."


class RolloutAbandoned(Rejected):
    """An operator abandoned the rollout while it ran."""

    code = "rollout_abandoned"
    title = "Rollout abandoned"
    default_detail = "An operator abandoned this rollout. The tenants that were upgraded stay so. Start another one."


class RolloutNotFound(NotFound):
    """There is no rollout to continue."""

    code = "rollout_not_found"
    title = "Rollout not found"
    default_detail = "There is no rollout to continue. Start one without --resume."


class ApprovalNotRequired(Rejected):
    """The tenant is upgraded without an approval."""

    code = "upgrade_approval_not_required"
    title = "Approval not required"
    default_detail = "This tenant is upgraded without an approval. Only tenants that approve upgrades wait for one."
