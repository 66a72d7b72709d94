"""What EasyPost makes customs forms of. Pure: no call is made here. Source: docs.easypost.com/docs/customs-infos."""

from decimal import Decimal
from typing import Any, Final

from resale.domain.customs import CustomsDeclaration
from resale.domain.money import minor_digits
from resale.domain.shipments import LabelRequest

_MAX_DESCRIPTION: Final = 255  # contents_explanation: "max 255 characters"
#: Exports from the United States that need no filing: to Canada (15 CFR 30.36), else below 2500 USD (15 CFR 30.37(a)).
_UNFILED: Final = "NOEEI 30.37(a)"
_UNFILED_TO_CANADA: Final = "NOEEI 30.36"


def customs_info_of(request: LabelRequest, customs: CustomsDeclaration, *, ounces: float) -> dict[str, Any]:
    """Convert the declaration of a parcel with one item, as heavy as the parcel."""
    description = customs.description[:_MAX_DESCRIPTION]
    info: dict[str, Any] = {
        "contents_type": customs.contents.value,
        "contents_explanation": description,
        "customs_certify": True,
        "customs_signer": request.sender.name,
        "non_delivery_option": "return",
        "restriction_type": "none",
        "customs_items": [
            {
                "description": description,
                "quantity": 1,
                "value": _in_units(customs),
                "currency": customs.value.currency,
                "weight": ounces,
                "hs_tariff_number": customs.hs_code,
                "origin_country": customs.origin_country,
            }
        ],
    }
    if request.sender.country == "US":
        info["eel_pfc"] = _UNFILED_TO_CANADA if request.recipient.country == "CA" else _UNFILED
    return info


def _in_units(customs: CustomsDeclaration) -> float:
    return float(Decimal(customs.value.amount).scaleb(-minor_digits(customs.value.currency)))
