"""The onboarding machine of this process, with the providers of where the platform runs."""

from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from apps.core.container import get_container
from apps.tenancy.onboarding.machine import Onboarding
from apps.tenancy.onboarding.steps import IssuedKeys
from resale.application.ports import OnboardingProviders


def open_onboarding(*, deliver: Callable[[IssuedKeys], None], say: Callable[[str], None]) -> Onboarding:
    """Open the machine; ``deliver`` and ``say`` are its own. Raises Unavailable: the platform does not run."""
    return Onboarding(_open_providers(), get_container().smoke_test(), deliver=deliver, say=say)


def _open_providers() -> OnboardingProviders:
    path = settings.ONBOARDING_PROVIDERS
    if path is None:
        return get_container().onboarding_providers()
    return cast("OnboardingProviders", import_string(path)())
