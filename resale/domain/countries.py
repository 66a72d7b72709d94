"""Countries by ISO 3166-1 alpha-2 code, and suggestions for invalid codes."""

from collections.abc import Mapping
from typing import Final

#: The officially assigned codes (ISO 3166/MA, iso.org/obp); a test holds them to the address data we ship.
_CODES: Final = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
COUNTRY_CODES: Final = frozenset(_CODES.split())

#: What people send instead → the code. UK and EL are reserved (ISO 3166-1) and are the EU's own names of the two.
_INSTEAD: Final[Mapping[str, str]] = {
    "UK": "GB", "EN": "GB", "GBR": "GB", "ENGLAND": "GB", "UNITED KINGDOM": "GB", "EL": "GR", "GRC": "GR",
    "GREECE": "GR", "USA": "US", "UNITED STATES": "US", "DEU": "DE", "GERMANY": "DE", "FRA": "FR", "FRANCE": "FR",
    "ITA": "IT", "ITALY": "IT", "ESP": "ES", "SPAIN": "ES", "NLD": "NL", "NETHERLANDS": "NL", "IRL": "IE",
    "IRELAND": "IE", "CAN": "CA", "CANADA": "CA", "AUS": "AU", "AUSTRALIA": "AU", "JPN": "JP", "JAPAN": "JP",
}  # fmt: skip


def suggest_country(text: str) -> str | None:
    """Return the code that was probably meant; None if that is unknown."""
    spelled = text.strip().upper()
    return spelled if spelled in COUNTRY_CODES else _INSTEAD.get(spelled)
