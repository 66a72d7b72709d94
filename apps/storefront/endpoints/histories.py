"""Histories, for the brand's own back end: one endpoint for each entity type whose history it can list."""

from typing import Final

from apps.core.fair_shares.priorities import Priority
from apps.storefront import problem_codes
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.parameters import PageQuery, none_if_unset
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.queries.history import HistoryList, list_history
from resale.domain.entities import AnyEntityType

_VOWELS: Final = "aeio"


def history_endpoint(entity_type: AnyEntityType) -> Endpoint[PageQuery, None]:
    """Declare the endpoint of an entity type's history."""
    name, argument = entity_type.name, entity_type.argument

    def get_history(context: Context[PageQuery, None], /, **path: str) -> HistoryList:
        """Return the history of an entity, oldest first, with its verification."""
        return list_history(
            reader=context.reader,
            principal=context.principal,
            of=entity_type,
            entity_id=path[argument],
            limit=context.query.limit,
            cursor=none_if_unset(context.query.cursor),
        )

    declared: Endpoint[PageQuery, None] = Endpoint(
        method="get",
        path=f"/v1/{name}s/{{{argument}}}/history",
        id=f"get{name.capitalize()}History",
        tag="Histories",
        summary=f"List the history of {'an' if name[0] in _VOWELS else 'a'} {name}, oldest first",
        details="Includes the verification of the complete hash chain.",
        access=Access.BRAND,
        priority=Priority.BATCH,
        scope=Scope.HISTORY_READ,
        query=PageQuery,
        responses=(HistoryList,),
        problems=(*problem_codes.LIST, entity_type.not_found),
    )
    return declared(get_history)
