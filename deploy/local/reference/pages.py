"""The generated pages by path: written by ``manage.py reference``, and compared with the files by a test."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from deploy.local.reference.account_table import account_page
from deploy.local.reference.attack_table import attack_page
from deploy.local.reference.change_types import change_page
from deploy.local.reference.commands import command_page
from deploy.local.reference.cost_table import cost_page
from deploy.local.reference.decision_list import decision_page
from deploy.local.reference.degradation_table import degradation_page
from deploy.local.reference.endpoint_table import endpoint_page
from deploy.local.reference.entity_table import entity_page
from deploy.local.reference.error_codes import error_page
from deploy.local.reference.permission_table import permission_page
from deploy.local.reference.policy_table import policy_page
from deploy.local.reference.settings_table import settings_page
from deploy.local.reference.state_diagrams import draw_pictures, state_page
from deploy.local.reference.tier_table import tier_page

ROOT: Final = Path(__file__).resolve().parents[3]
FOLDER: Final = ROOT / "docs" / "reference"

#: path below the root → what writes its text.
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "docs/decisions/README.md": partial(decision_page, ROOT / "docs" / "decisions"),
    "docs/reference/accounts.md": account_page,
    "docs/reference/attacks.md": attack_page,
    "docs/reference/changes.md": change_page,
    "docs/reference/commands.md": partial(command_page, ROOT),
    "docs/reference/costs.md": cost_page,
    "docs/reference/degradation.md": degradation_page,
    "docs/reference/endpoints.md": endpoint_page,
    "docs/reference/entities.md": entity_page,
    "docs/reference/errors.md": error_page,
    "docs/reference/permissions.md": permission_page,
    "docs/reference/policies.md": policy_page,
    "docs/reference/settings.md": settings_page,
    "docs/reference/states.md": state_page,
    "docs/reference/tiers.md": tier_page,
}


def write_pages(*, tools: Path) -> Iterator[str]:
    """Write the pages and pictures that changed; yield the path of each. ``tools`` stores the layout engine."""
    for path, text in PAGES.items():
        if _differs(ROOT / path, fresh := text()):
            (ROOT / path).write_text(fresh, encoding="utf-8")
            yield path
    yield from (str(picture.relative_to(ROOT)) for picture in draw_pictures(FOLDER, tools=tools))


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text
