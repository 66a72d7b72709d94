"""Values as people read them: money, moments, states."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.contrib.admin.filters import ListFilter
from django.contrib.admin.templatetags.admin_list import result_headers, results
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.backoffice.amounts import write_amount
from apps.backoffice.display_text import ISSUES, label_of
from apps.backoffice.links import find_page
from resale.domain.issues import issues_of

register = template.Library()


@register.filter
def label(value: Any) -> str:
    """Say a state, condition or reason code in words."""
    return label_of(str(value))


@register.filter
def attention(code: str) -> str:
    """Say what a person has to look at."""
    return ISSUES.get(code, label_of(code))


@register.filter
def issues(view: Any) -> tuple[str, ...]:
    """Return the issues of an order, a claim or a payout, the most urgent first."""
    return issues_of(view)


@register.filter
def money(amount_minor: int, currency: str) -> str:
    """Write minor units as an amount."""
    return write_amount(amount_minor, currency)


@register.filter
def moment(at: datetime) -> SafeString:
    """Write a moment in UTC; the page's script adds it in the reader's own time."""
    utc = at.astimezone(UTC)
    return format_html('<time datetime="{}">{} UTC</time>', utc.isoformat(), f"{utc:%-d %b %Y, %H:%M}")


@register.filter
def badge(status: Any) -> SafeString:
    """Write a state as a coloured badge."""
    return format_html('<span class="bo-badge bo-{}">{}</span>', str(status), label(status))


@register.filter
def happening(change_type: str) -> str:
    """Say what a change was: ``order.payment_failed`` is "Payment failed"."""
    return label(change_type.rpartition(".")[2])


@register.filter
def entity(text: str) -> SafeString:
    """Write an id so that it leads to what it names, where there is a page of it."""
    page = find_page(text)
    return short(text) if page is None else format_html('<a href="{}">{}</a>', page, short(text))


@register.filter
def short(text: str) -> SafeString:
    """Write an id so that it fits; the whole of it shows on hover and can be copied."""
    return format_html('<code class="bo-id" title="{}">{}…{}</code>', text, text[:8], text[-6:])


@register.inclusion_tag("backoffice/registry/table.html")
def registry_table(changelist: ChangeList) -> dict[str, Any]:
    """Write the rows of a ModelAdmin's list as a table."""
    return {"headers": list(result_headers(changelist)), "rows": list(results(changelist)), "cl": changelist}


@register.filter
def choices(spec: ListFilter, changelist: ChangeList) -> list[Any]:
    """List what a list can be filtered by."""
    return list(spec.choices(changelist))


@register.filter
def page_link(changelist: ChangeList, offset: int) -> str:
    """Write the query of another page of a list, with the same search and filters."""
    return changelist.get_query_string({PAGE_VAR: changelist.page_num + offset})
