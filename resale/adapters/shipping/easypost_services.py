"""Which service levels of EasyPost's carriers carry one parcel of goods, tracked. Pure: names in, a decision out.

Sources: the service levels that EasyPost's carrier metadata lists (docs.easypost.com/docs/carrier-metadata; recorded in
EasyPost/easypost-python, tests/cassettes/test_retrieve_carrier_metadata.yaml), and where a comment says so the
carrier's own rules. A name is matched without case and punctuation.
"""

import re
from collections.abc import Mapping
from typing import Final

#: What the service is for → names of it, at whichever carrier.
_NOT_FOR_GOODS: Final[Mapping[str, re.Pattern[str]]] = {
    # Books and printed matter only: USPS Domestic Mail Manual 173 (Media Mail, Library Mail), 263 (Bound Printed
    # Matter), 243 (Marketing Mail). A parcel of something else is charged to the recipient or returned.
    "print": re.compile(
        "mediamail|librarymail|bookservice|bpm|boundprint|printedmatter|printdirect|publication|market"
    ),
    # A letter box slot takes small goods ("letterboxable"), a letter does not. DHL's "NonDoc" is its product for goods.
    "letters": re.compile("letter(?!box)|flats|correspondence|envelope|businessmail|mailbusiness|(?<!non)doc"),
    # Pallets and part loads: they are collected by lorry, from a company.
    "freight": re.compile("freight|pallet|^ltl$|breakbulk|bulkdirect|jumbobox|cargo|logisticsservices"),
    # Sold to shippers of such goods only, with a permit.
    "regulated": re.compile("hazmat|hazardous|dangerous|(?<!n)dg$|vape|drug"),
    # Labels back to a merchant's own returns address, billed when they are scanned.
    "returns": re.compile("return|retoure|exchange"),
}

#: Without a scan at delivery, by carrier: a sale cannot be seen to arrive.
_UNTRACKED: Final[Mapping[str, re.Pattern[str]]] = {
    "apc": re.compile("parcelconnect(?!.*(delcon|expedited))"),
    "asendiausa": re.compile("epaqstandard|isal$|ipa$"),
    "canadapost": re.compile("smallpacket"),  # canadapost-postescanada.ca: "no tracking, no guaranteed delivery"
    "deutschepostuk": re.compile("^(priority|standard)packet$"),
    "dhlecommerce": re.compile("packetinternational|packetipa"),
    "dpd": re.compile("internationalmail"),
    "epostglobal": re.compile("^(ipa|isal)|nodeliveryconfirmation|^priorityparcel(ddp|ddu)$|economyparcel"),
    "passportglobal": re.compile("^priority(ddp|ddu)$"),
    "upsmailinnovations": re.compile("mailinnovations|^first$|irreg"),
    # First-Class Mail has taken no parcels since Ground Advantage (July 2023), nor has it tracking.
    "usps": re.compile("^first$|^firstclassmailinternational$"),
}
#: Of Royal Mail most services have no tracking; its names say which have.
_TRACKED_ONLY: Final[Mapping[str, re.Pattern[str]]] = {
    "royalmail": re.compile("(?<!semi)tracked|(?<!un)signed|specialdelivery"),
}
#: DHL Express has two products of most services: this name is the one for documents, with "NonDoc" the one for goods.
_DOCUMENTS_OF_DHL: Final = re.compile(
    "economyselect|europack|express(900|1030|1200)|expresseasy|expressworldwide(b2c)?"
)
_PUNCTUATION: Final = re.compile("[^a-z0-9]")


def carries_goods(carrier: str, service: str) -> bool:
    """Return whether a service takes one parcel of goods from a shopper and scans it at delivery.

    Args:
        carrier: EasyPost's name of the carrier, such as ``USPS``.
        service: EasyPost's name of the service, such as ``GroundAdvantage``.
    """
    seller, name = _plain(carrier), _plain(service)
    if any(pattern.search(name) for pattern in _NOT_FOR_GOODS.values()):
        return False
    if seller.startswith("dhlexpress") and _DOCUMENTS_OF_DHL.fullmatch(name):
        return False
    return _is_tracked(seller, name)


def _is_tracked(seller: str, name: str) -> bool:
    if any(seller.startswith(one) and pattern.search(name) for one, pattern in _UNTRACKED.items()):
        return False
    return all(pattern.search(name) for one, pattern in _TRACKED_ONLY.items() if seller.startswith(one))


def _plain(text: str) -> str:
    return _PUNCTUATION.sub("", text.lower())
