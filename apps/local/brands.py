"""The two brands that ``make run`` sets up, each in an AWS account and a region of its own."""

from typing import Final

import msgspec

PLATFORM_ACCOUNT: Final = "000000000001"
PLATFORM_REGION: Final = "eu-west-2"
OPERATOR_EMAIL: Final = "operator@platform.example"


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """What a demo tenant is made from."""

    slug: str
    name: str
    account_id: str
    region: str
    currency: str
    market: str
    locale: str
    commission_basis_points: int

    @property
    def audience(self) -> str:
        """Name the shop its shoppers' tokens are for."""
        return f"{self.slug}-shop"

    @property
    def staff_email(self) -> str:
        """Name its staff login."""
        return f"staff@{self.slug}.example"


NORTHWIND: Final = Brand(
    slug="northwind",
    name="Northwind Outdoor",
    account_id="111111111111",
    region="eu-west-2",
    currency="GBP",
    market="GB",
    locale="en-GB",
    commission_basis_points=1_000,
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
)
BRANDS: Final = (NORTHWIND, ATELIER)
