"""List prices in US dollars, with where and when they were read; those of models are in `pipeline.domain.models`.

Prices that could not be looked up are marked: they are recalled, and to be checked before anybody relies on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

READ = "2026-11"
RECALLED = "recalled, not looked up"
DAYS = 30


@dataclass(frozen=True)
class Price:
    """`usd` for `per` units. `free`: so many units of a month cost nothing."""

    name: str
    what: str
    usd: float
    per: float
    free: float
    source: str
    as_of: str

    def cost_usd(self, units: float) -> float:
        """What so many units of one month cost."""
        return max(units - self.free, 0.0) * self.usd / self.per


_RUN = "https://cloud.google.com/run/pricing (tier 1 regions, request-based billing)"
_FIRESTORE = "https://cloud.google.com/firestore/pricing (us-central1; the free quota was read)"
_TASKS = "https://cloud.google.com/tasks/docs/pricing"
_R2 = "https://developers.cloudflare.com/r2/pricing"
_SECRETS = "https://cloud.google.com/secret-manager/pricing"
_NETWORK = "https://cloud.google.com/vpc/network-pricing (premium tier, to the internet, from North America)"
_LOGS = "https://cloud.google.com/stackdriver/pricing"
_SCHEDULER = "https://cloud.google.com/scheduler/pricing"

PRICES: Mapping[str, Price] = {
    price.name: price
    for price in (
        Price("vcpu_second", "functions: vCPU", 0.000024, 1, 180_000, _RUN, RECALLED),
        Price("gib_second", "functions: memory, GiB", 0.0000025, 1, 360_000, _RUN, RECALLED),
        Price("request", "functions: calls", 0.40, 1e6, 2e6, _RUN, RECALLED),
        Price("firestore_read", "Firestore: reads", 0.03, 1e5, 50_000 * DAYS, _FIRESTORE, RECALLED),
        Price("firestore_write", "Firestore: writes", 0.09, 1e5, 20_000 * DAYS, _FIRESTORE, RECALLED),
        Price("firestore_delete", "Firestore: deletes by the TTL", 0.01, 1e5, 0, _FIRESTORE, RECALLED),
        Price("firestore_gib", "Firestore: stored, GiB-month", 0.15, 1, 1, _FIRESTORE, RECALLED),
        Price("task_operation", "Cloud Tasks: operations", 0.40, 1e6, 1e6, _TASKS, READ),
        Price("r2_gb", "R2: stored, GB-month", 0.015, 1, 10, _R2, READ),
        Price("r2_class_a", "R2: class A operations", 4.50, 1e6, 1e6, _R2, READ),
        Price("r2_class_b", "R2: class B operations", 0.36, 1e6, 1e7, _R2, READ),
        Price("egress_gib", "network: Google to R2, GiB", 0.12, 1, 1, _NETWORK, RECALLED),
        Price("log_gib", "Cloud Logging, GiB", 0.50, 1, 50, _LOGS, RECALLED),
        Price("secret_version", "Secret Manager: versions", 0.06, 1, 6, _SECRETS, READ),
        Price("secret_access", "Secret Manager: reads", 0.03, 1e4, 1e4, _SECRETS, READ),
        Price("scheduler_job", "Cloud Scheduler: jobs", 0.10, 1, 3, _SCHEDULER, RECALLED),
    )
}


def with_changes(prices: Mapping[str, Price], changes: Mapping[str, float]) -> Mapping[str, Price]:
    """The prices, some replaced. Raises ValueError with the name of one that there is not, or that is negative."""
    for name, usd in changes.items():
        if name not in prices:
            raise ValueError(f"There is no price '{name}'; there are {', '.join(prices)}.")
        if not 0 <= usd < 1e6:
            raise ValueError(f"The price of {name} must be a number of US dollars.")
    changed = {name: replace(prices[name], usd=usd, as_of="given") for name, usd in changes.items()}
    return {**prices, **changed}
