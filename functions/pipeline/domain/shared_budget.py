"""How one day's money of all users is shared among several documents, so that not every job writes the same one.

    usage/{day}          base     what was counted here; and the lock of whoever sets money aside
    usage/{day}~0        share    |████ spent and reserved ████|···· set aside, free ····|
    usage/{day}~1        share    |██|···················|

A job is counted in one share, and only that document decides, as long as what is set aside there is enough. If it is
not, more is set aside, first from what nobody has, then from what is free in other shares. All that is set aside or
counted together is never more than the limit: that is what makes the limit exact. Only one at a time sets aside:
whoever does also writes the base. A job is refused when, and only when, everything that is counted and its own estimate
are more than the limit; so near the limit every job reads all documents, and is as slow as with one.

Any number of shares may come or go during the day: those that there were are still counted, and what is free in them is
taken back when it is needed. The limit may change, too: whoever sets aside first under the new one takes back what was
under the other. Amounts are in micro-dollars. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BASE = -1
"""The place of the base among the shares."""

PIECES = 2
"""So many grants to each share would exhaust what is free now: pieces get smaller as it gets less."""


@dataclass(frozen=True)
class Share:
    """One document. `granted` is what may be counted in it, under the limit `granted_of`."""

    place: int
    committed: int = 0
    granted: int = 0
    granted_of: int = 0

    @property
    def free(self) -> int:
        """What of the grant nobody has used."""
        return max(self.granted - self.committed, 0)

    @property
    def held(self) -> int:
        """What of the limit this document takes."""
        return max(self.granted, self.committed)

    def has_room(self, amount: int, limit: int) -> bool:
        """Whether this document alone decides that so much more fits."""
        return self.granted_of == limit and self.committed + amount <= self.granted


def grants_for(amount: int, limit: int, own: Share, others: Sequence[Share], count: int) -> Mapping[int, int] | None:
    """What the grants become, by place, so that `amount` more has room in `own`; None: it is more than the limit.

    `own` may be the base, which gets no more than it needs. `count`: among so many shares the rest is divided.
    """
    # at once, and none left out: it would count again should that limit come back on the same day
    outdated = [share for share in others if share.granted_of not in (0, limit)]
    needed = amount - own.free
    free = limit - own.held - sum(share.held for share in others) + sum(share.free for share in outdated)
    if needed <= free:
        piece = 0 if own.place == BASE else free // (PIECES * max(count, 1))
        more = max(needed, piece if free > 0 else free)  # below 0: the limit was lowered
        return {**{share.place: share.committed for share in outdated}, own.place: own.held + more}
    taken_back = {share.place: share.committed for share in others if share.free}
    free += sum(share.free for share in others if share not in outdated)
    return {**taken_back, own.place: own.held + needed} if needed <= free else None
