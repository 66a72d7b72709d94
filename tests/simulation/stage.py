"""Where runs are played: one engine after the other, each run on its own."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from resale.bootstrap import Container
from resale.domain.policies import LossBearer, RefundAt
from resale.domain.tenants import Tenant
from tests.simulation.chance import Odds
from tests.simulation.engine import running_engine
from tests.simulation.invariants import check_all
from tests.simulation.people import ISSUER
from tests.simulation.prices import as_priced
from tests.simulation.run import Run


class Played(msgspec.Struct, kw_only=True):
    """What came of a seed."""

    seed: int
    violations: list[tuple[str, str]]
    log: list[str]

    def report(self) -> str:
        """Say what was wrong, how it came to it, and how to see it again."""
        found = "\n".join(f"{check}: {what}" for check, what in self.violations)
        trace = "\n".join(self.log)
        return f"{trace}\n\nseed {self.seed}; again: make simulate N=1 SEED={self.seed}\n{found}"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What all runs of a process share."""

    base: Container
    tenant: Tenant
    binary: Path
    tables: Path

    def play(
        self, seed: int, *, weights: Mapping[str, float] = MappingProxyType({}), odds: Odds | None = None
    ) -> Played:
        """Play one seed; ``weights`` say what people say more or less often, ``odds`` how likely mishaps are."""
        with running_engine(self.binary, self.tables) as engine:
            tenant = with_parcel_rules(as_priced(self.tenant, seed), seed)
            run = Run(seed, base=self.base, tenant=tenant, engine=engine)
            run.people.weights = {**run.people.weights, **weights}
            violations = run.play(odds or Odds())
            if not run.watch.violations:
                violations += check_all(run)
            return Played(seed=seed, violations=violations, log=run.log)


def with_parcel_rules(tenant: Tenant, seed: int) -> Tenant:
    """Give a tenant the rules for parcels of one seed: the defaults mostly, and every other choice somewhere."""
    policies = msgspec.structs.replace(
        tenant.policies,
        refund_return_at=RefundAt.DELIVERED if seed % 2 == 0 else RefundAt.FIRST_SCAN,
        refund_undelivered_at=RefundAt.DELIVERED if seed % 3 == 0 else RefundAt.FIRST_SCAN,
        lost_parcel_borne_by=tuple(LossBearer)[seed % 3],
        lost_after_hours=0 if seed % 5 == 0 else 72,
        scan_grace_hours=0 if seed % 4 == 0 else 48,
    )
    return msgspec.structs.replace(tenant, policies=policies)


def as_played(tenant: Tenant) -> Tenant:
    """Give a tenant the issuer of a run's people, a bonus, VAT, and a time on sale that a run outlasts."""
    policies = msgspec.structs.replace(
        tenant.policies, store_credit_bonus_basis_points=750, commission_vat_basis_points=2_000, listing_days=45
    )
    return msgspec.structs.replace(tenant, policies=policies, oidc_issuer=ISSUER)
