"""Prices, the estimate of a day, and the budget of an idle tenant."""

from decimal import Decimal
from pathlib import Path

import pytest

from deploy.local.reference.idle_costs import UnknownPrice, estimate_idle
from resale.domain.costs import IDLE_BUDGET_USD, METER_PRICES, estimate_day
from resale.domain.usage import METERS, Meter


def test_an_idle_tenant_stays_within_the_budget() -> None:
    lines = estimate_idle()
    assert sum(line.usd for line in lines) <= IDLE_BUDGET_USD, lines


def test_yearly_rotation_makes_a_key_dearer(tmp_path: Path) -> None:
    _write_template(tmp_path, "AWS::KMS::Key", "EnableKeyRotation: true")
    yearly = estimate_idle(tmp_path)[0]
    _write_template(tmp_path, "AWS::KMS::Key", "EnableKeyRotation: true\n      RotationPeriodInDays: 2560")
    assert (yearly.usd, estimate_idle(tmp_path)[0].usd) == (Decimal(3), Decimal(1))


def test_a_resource_without_a_price_is_an_error(tmp_path: Path) -> None:
    _write_template(tmp_path, "AWS::Kinesis::Stream", "ShardCount: 1")
    with pytest.raises(UnknownPrice, match="AWS::Kinesis::Stream has no price"):
        estimate_idle(tmp_path)


def test_an_alarm_is_paid_by_its_metrics(tmp_path: Path) -> None:
    one = "{MetricStat: {}}"
    _write_template(tmp_path, "AWS::CloudWatch::Alarm", f"Metrics: [{{Expression: a + b}}, {one}, {one}]")
    of_two = estimate_idle(tmp_path)[0]
    _write_template(tmp_path, "AWS::CloudWatch::Alarm", "MetricName: One")
    assert (of_two.usd, estimate_idle(tmp_path)[0].usd) == (Decimal("0.2"), Decimal("0.1"))


@pytest.mark.parametrize(("default", "is_priced"), [("false", False), ("true", True)])
def test_an_option_is_paid_where_it_is_on_by_default(tmp_path: Path, default: str, *, is_priced: bool) -> None:
    _write_template(tmp_path, "AWS::CloudWatch::Alarm", "MetricName: One\n    Condition: Wanted")
    option = f"Parameters:\n  Wanted: {{Default: '{default}'}}\nConditions:\n  Wanted: !Equals [!Ref Wanted, 'true']\n"
    template = tmp_path / "one.yaml"
    template.write_text(option + template.read_text())
    assert any("alarms" in line.what for line in estimate_idle(tmp_path)) is is_priced


def test_a_day_is_priced_by_meter() -> None:
    costs = estimate_day({Meter.WRITE_UNITS: 2_000_000, Meter.STORED_BYTES: 1024**3, Meter.API_REQUESTS: 9})
    assert costs[Meter.WRITE_UNITS] == Decimal("1.25")
    assert costs[Meter.STORED_BYTES] == Decimal("0.023")
    assert Meter.API_REQUESTS not in costs


def test_every_meter_is_described_and_priced_or_the_platforms() -> None:
    assert set(METERS) == set(Meter) == {*METER_PRICES, Meter.API_REQUESTS}


def _write_template(folder: Path, kind: str, properties: str) -> None:
    text = f"Resources:\n  One:\n    Type: {kind}\n    Properties:\n      {properties}\n"
    (folder / "one.yaml").write_text(text)
