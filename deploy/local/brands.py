"""The demo brands of ``make run``, each in its own AWS account and Region."""

from typing import Final

import msgspec

from resale.domain.access import Role
from resale.domain.parcel_sizes import ProductType
from resale.domain.policies import Policies

PLATFORM_ACCOUNT: Final = "000000000001"
PLATFORM_REGION: Final = "eu-west-2"
OPERATOR_EMAIL: Final = "operator@platform.example"
#: Each brand has a login with each.
STAFF_ROLES: Final = (Role.MANAGER, Role.MODERATOR, Role.VIEWER)
#: The `sub` of the demo shoppers' tokens.
SELLER: Final = "seller"
BUYER: Final = "buyer"


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a demo tenant."""

    slug: str
    name: str
    account_id: str
    region: str
    currency: str
    market: str
    locale: str
    commission_basis_points: int
    policies: Policies

    @property
    def audience(self) -> str:
        """The audience of its shoppers' tokens."""
        return f"{self.slug}-shop"

    def staff_email(self, role: str) -> str:
        """Return the login of its staff with a role; the manager's is the one of ``var/demo.json``."""
        return f"{'staff' if role == Role.MANAGER else role}@{self.slug}.example"


#: All products: so an order abroad is declared and not refused. Heading 6309 of the Harmonized System: worn clothing.
_WORN_CLOTHING: Final = (ProductType(hs_code="630900", origin_country="PT"),)
NORTHWIND: Final = Brand(
    slug="northwind",
    name="Northwind Outdoor",
    account_id="111111111111",
    region="eu-west-2",
    currency="GBP",
    market="GB",
    locale="en-GB",
    commission_basis_points=1_000,
    policies=Policies(
        ship_by_business_days=3,
        claim_window_hours=48,
        auto_receive_days=10,
        claim_close_days=30,
        payout_delay_hours=24,
        store_credit_bonus_basis_points=1_000,
        product_types=_WORN_CLOTHING,
    ),
)
ATELIER: Final = Brand(
    slug="atelier",
    name="Atelier Nord",
    account_id="222222222222",
    region="us-east-1",
    currency="USD",
    market="US",
    locale="en-US",
    commission_basis_points=1_250,
    policies=Policies(claim_close_days=45, refund_window_days=90, product_types=_WORN_CLOTHING),
)
BRANDS: Final = (NORTHWIND, ATELIER)
