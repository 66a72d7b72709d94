"""The service levels of EasyPost's carriers that a resold item can travel by, under the names EasyPost gives them."""

from decimal import Decimal

import pytest

from resale.adapters.shipping.easypost_services import carries_goods
from resale.adapters.shipping.easypost_shapes import RateShape, offers

GOODS = (
    ("USPS", "GroundAdvantage"), ("USPS", "Priority"), ("USPS", "Express"),
    ("USPS", "FirstClassPackageInternationalService"), ("USPS", "PriorityMailInternational"),
    ("UPS", "Ground"), ("UPS", "2ndDayAir"), ("UPSDAP", "UPSSaver"), ("FedEx", "FEDEX_GROUND"), ("FedEx", "SMART_POST"),
    ("DHLExpress", "ExpressWorldwideNonDoc"), ("DHLExpress", "ExpressWorldwideECX"), ("DHLExpress", "DomesticExpress"),
    ("DHLEcommerce", "DHLParcelGround"), ("RoyalMailV3", "Tracked48"), ("RoyalMailV3", "RoyalMail2ndClassSignedFor"),
    ("RoyalMailV3", "TrackedLetterBoxable24"), ("RoyalMailV3", "SpecialDeliveryGuaranteed750"),
    ("CanadaPost", "ExpeditedParcel"), ("CanadaPost", "TrackedPacketUSA"), ("AustraliaPost", "ParcelPost"),
    ("DPDUK", "ParcelDpdNextDay"), ("DHLPaket", "Paket"), ("Evri", "Courier2Home"),
    ("Purolator", "PurolatorExpressBox"),
    ("APC", "parcelConnectPriorityDDPDelcon"), ("AsendiaUSA", "ePAQPlus"), ("OSMWorldwide", "USPSGroundAdvantage"),
    ("PassportGlobal", "PriorityDduDelcon"), ("SFExpress", "InternationalStandardExpressParcel"),
)  # fmt: skip
PRINT = (
    ("USPS", "MediaMail"), ("USPS", "LibraryMail"), ("UPSMailInnovations", "MediaMail"), ("OSMWorldwide", "BPM"),
    ("UPSMailInnovations", "BPMParcels"), ("UPSMailInnovations", "MarketingParcels"),
    ("APC", "parcelConnectBookService"),
    ("DHLEcommerce", "DHLBPMGround"), ("AsendiaUSA", "AsendiaDomesticBoundPrinterMatterGround"),
    ("AsendiaUSA", "PublicationsPriority"), ("RoyalMailV3", "InternationalBusinessPrintedMatterPacket"),
)  # fmt: skip
LETTERS = (
    ("USPS", "First"), ("USPS", "FirstClassMailInternational"), ("Canpar", "SelectLetter"), ("DPD", "DPDPARCELLETTER"),
    ("DHLExpress", "ExpressEnvelope"), ("DHLExpress", "ExpressWorldwide"), ("DHLExpress", "Express1200"),
    ("DHLExpress", "GlobalmailBusiness"), ("SFExpress", "InternationalStandardExpressDoc"),
    ("Purolator", "PurolatorExpressEnvelope9AM"), ("RoyalMailV3", "InternationalBusinessMailTrackedCountryPriced"),
    ("RoyalMailV3", "DEImporttoEUTrackedSignedLargeLetter"), ("UPSMailInnovations", "StandardFlats"),
)  # fmt: skip
FREIGHT = (
    ("DPDUK", "PalletDpdNextDay"), ("DPDUK", "FreightParcelSunday"), ("Estafeta", "LTL"),
    ("FedEx", "FEDEX_2_DAY_FREIGHT"),
    ("DHLExpress", "FreightWorldwide"), ("DHLExpress", "BreakBulkEconomy"), ("DHLExpress", "JumboBox"),
    ("AsendiaUSA", "BulkFreight"), ("Parcelforce", "globalBulkDirect"), ("CSLogistics", "Freight Regular"),
)  # fmt: skip
OTHERS = (
    ("OSMWorldwide", "ParcelSelectHazardousMaterial"), ("OSMWorldwide", "USPSGroundAdvantageHazmat"),
    ("AsendiaUSA", "ePAQSelectDDPDG"), ("Rover", "WeSh-Vape"), ("TCC", "Smith Drug Same Day"),
    ("DHLPaket", "Retoure"), ("TForce", "Return"), ("RoyalMailV3", "TrackedReturns48"),
    ("Parcelforce", "express24Exchange"),
)  # fmt: skip
UNTRACKED = (
    ("RoyalMailV3", "RoyalMail48ParcelsDailyRate"), ("RoyalMail", "RoyalMailUnsigned"),
    ("RoyalMailV3", "InternationalBusinessParcelsSemiTracked"), ("CanadaPost", "SmallPacketInternationalAir"),
    ("DeutschePostUK", "StandardPacket"), ("ePostGlobal", "IPA"), ("PassportGlobal", "PriorityDdp"),
    ("ePostGlobalV2", "PriorityParcelNoDeliveryConfirmation"), ("DHLEcommerce", "DHLPacketInternational"),
    ("APC", "parcelConnectStandardDDU"), ("AsendiaUSA", "ePAQStandard"),
    ("UPSMailInnovations", "EconomyMailInnovations"),
)  # fmt: skip


class TestCarriesGoods:
    @pytest.mark.parametrize(("carrier", "service"), GOODS, ids=" ".join)
    def test_takes_a_tracked_parcel_service(self, carrier: str, service: str) -> None:
        assert carries_goods(carrier, service)

    @pytest.mark.parametrize(("carrier", "service"), [*PRINT, *LETTERS, *FREIGHT, *OTHERS, *UNTRACKED], ids=" ".join)
    def test_refuses_what_takes_no_goods_or_is_not_tracked(self, carrier: str, service: str) -> None:
        assert not carries_goods(carrier, service)


def a_rate(number: int, service: str, rate: str) -> RateShape:
    return RateShape(id=f"r{number}", carrier="USPS", service=service, rate=Decimal(rate), currency="USD")


class TestOffers:
    def test_leaves_out_cheaper_services_that_are_not_for_goods(self) -> None:
        rates = [a_rate(1, "GroundAdvantage", "6.07"), a_rate(2, "MediaMail", "4.13"), a_rate(3, "LibraryMail", "3.92")]
        assert [rate.service for rate in offers(rates, currency="USD")] == ["GroundAdvantage"]

    def test_does_not_let_them_choose_the_currency(self) -> None:
        book = RateShape(id="r1", carrier="USPS", service="MediaMail", rate=Decimal(4), currency="GBP")
        assert [rate.currency for rate in offers([book, a_rate(2, "Priority", "7.00")], currency="GBP")] == ["USD"]
