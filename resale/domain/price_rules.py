"""What a shop adds to its listings' prices: shipping by market, and tax by country. By default nothing."""

import msgspec

from resale.domain.shipping_profiles import Country, ShippingProfile
from resale.domain.taxes import TaxTable


class PriceRules(msgspec.Struct, frozen=True, kw_only=True):
    """The shipping profiles of a shop by market, and its tax table. Amounts are in the shop's currency."""

    shipping: dict[Country, ShippingProfile] = {}
    taxes: TaxTable = TaxTable()
