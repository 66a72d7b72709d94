"""``docs/reference/permissions.md``: what each role is permitted, and what it was seen to use."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from deploy.local.permissions.decisions import Grant, unused_grants
from deploy.local.permissions.reasons import REASONS
from deploy.local.permissions.roles import Role, read_roles
from deploy.local.permissions.uses import Use, read_uses
from deploy.local.reference.markdown import code, codes, opening, page, table


def permission_page() -> str:
    """Return the page."""
    return page(_lines())


def _lines() -> Iterator[str]:
    yield from opening(
        "Permissions",
        "What the roles of the templates are permitted, and the calls that the platform was seen to make with them. "
        "`make record-permissions` runs tests with a proxy before each engine and records action, kind of resource "
        "and the condition keys of every call. Calls of tests that attack and of the engines' root are left out.",
        "A test compares the record with the templates: a call that no statement permits fails it, and so does a grant "
        "that nobody used and that has no reason below. A refusal of a session of the platform fails the recording.",
        "What the comparison leaves out: policies of resources (buckets, keys, queues, topics); what AWS needs of a "
        "key in the role's name where S3, DynamoDB or SNS encrypt with it; a wildcard counts as used as soon as one "
        "call falls under it; and whatever tests do not reach. Only AWS can show that it needs nothing else.",
        source="`deploy/local/permissions`",
    )
    roles, uses = read_roles(), read_uses()
    for role in (each for each in roles if each.is_ours):
        yield from _role(role, [use for use in uses if use.role == role.name])
    yield from ("## Roles of AWS services", "")
    yield "AWS acts in these; no engine here does, so nothing of them is recorded."
    yield ""
    yield from table(
        ("role", "template", "trusted for", "actions"),
        (
            (code(role.name), code(f"deploy/{role.template}"), codes(role.trusts), codes(_actions(role)))
            for role in roles
            if not role.is_ours
        ),
    )
    outside = sorted({use.role for use in uses} - {role.name for role in roles})
    if outside:
        yield from _outside([use for use in uses if use.role in outside])


def _role(role: Role, uses: list[Use]) -> Iterator[str]:
    yield from (f"## {role.name}", "", f"Of `deploy/{role.template}`, trusted for {codes(role.trusts)}.", "")
    if uses:
        yield from table(("action", "resources that were used", "shown with the call"), _use_rows(uses))
    unused = unused_grants(role, uses)
    if unused:
        yield from ("Permitted, and never used in tests:", "")
        yield from table(("statement", "actions", "why"), _reason_rows(unused))


def _outside(uses: list[Use]) -> Iterator[str]:
    yield from ("## Roles that no template makes", "")
    yield from table(
        ("role", "action", "resource"), ((code(use.role), code(use.action), code(use.resource)) for use in uses)
    )


def _use_rows(uses: Iterable[Use]) -> Iterator[tuple[str, str, str]]:
    found: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for use in sorted(uses):
        found[use.action, use.context].append(use.resource)
    for (action, context), resources in found.items():
        yield code(action), codes(_short(each) for each in resources), codes(context)


def _reason_rows(unused: Iterable[Grant]) -> Iterator[tuple[str, str, str]]:
    for reason in REASONS:
        covered = [grant for grant in unused if reason.covers(grant)]
        if covered:
            yield code(reason.sid), codes(sorted({grant.action for grant in covered})), reason.why


def _actions(role: Role) -> list[str]:
    return sorted({action for each in role.statements if each.effect == "Allow" for action in each.actions})


def _short(arn: str) -> str:
    """Leave out the part of an ARN that is the same everywhere."""
    return arn.replace("arn:aws:", "").replace(":{region}:{account}:", ":")
