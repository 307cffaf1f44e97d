"""The tables of docs/costs.md, as Markdown. What stands between two marks there is made here; a test holds it to it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from operations.costs.model import Assumptions, Item, Measured, month
from operations.costs.prices import Price

VOLUMES = (1_000, 100_000, 10_000_000)
"""Clips a month."""


def bill_table(measured: Measured, prices: Mapping[str, Price], assumed: Assumptions) -> str:
    """Every item at every volume, in US dollars, with its share."""
    bills = [month(volume, measured, prices, assumed) for volume in VOLUMES]
    totals = [sum(item.usd for item in bill) for bill in bills]
    rows = [["item", *(f"{volume:,} clips" for volume in VOLUMES), f"share at {VOLUMES[-1]:,}"]]
    for items in zip(*bills, strict=True):
        rows.append([items[0].what, *(_usd(item.usd) for item in items), _share(items[-1].usd, totals[-1])])
    rows.append(["**all**", *(f"**{_usd(total)}**" for total in totals), ""])
    each = [_usd(total / volume, 4) for total, volume in zip(totals, VOLUMES, strict=True)]
    rows.append(["a clip, with all that belongs to it", *each, ""])
    return _table(rows)


def month_table(clips: float, bill: Sequence[Item]) -> str:
    """One month's bill, with the amounts that it is for."""
    total = sum(item.usd for item in bill)
    rows = [["item", "amount", "US dollars", "share"]]
    rows += [[item.what, f"{item.units:,.0f}", _usd(item.usd), _share(item.usd, total)] for item in bill]
    rows.append([f"**all, for {clips:,.0f} clips**", "", f"**{_usd(total)}**", ""])
    return _table(rows)


def group_table(measured: Measured, prices: Mapping[str, Price], assumed: Assumptions) -> str:
    """The services, by what they cost at the largest volume, with a bar."""
    bill = month(VOLUMES[-1], measured, prices, assumed)
    groups: defaultdict[str, float] = defaultdict(float)
    for item in bill:
        groups[item.group] += item.usd
    total, largest = sum(groups.values()), max(groups.values())
    rows = [["service", f"{VOLUMES[-1]:,} clips", "share", ""]]
    for name, usd in sorted(groups.items(), key=lambda pair: -pair[1]):
        rows.append([name, _usd(usd), _share(usd, total), "█" * max(round(30 * usd / largest), usd > 0)])
    return _table(rows)


def measured_table(measured: Measured) -> str:
    """What one of each takes."""
    kinds = ("image", "clip", "scene", "composition", "api_video", "sweep")
    names = (
        ("firestore_reads", "documents read"),
        ("listener_reads", "changes that a page is told (reads, too)"),
        ("firestore_writes", "documents written"),
        ("firestore_expiring", "documents that the TTL deletes later"),
        ("calls", "function calls"),
        ("tasks", "tasks"),
        ("webhooks", "webhooks"),
        ("generation_seconds", "seconds, 1 vCPU and 1 GiB"),
        ("composition_seconds", "seconds, 2 vCPU and 4 GiB"),
        ("small_seconds", "seconds, 1 vCPU and 0.5 GiB"),
        ("class_a", "R2 class A"),
        ("class_b", "R2 class B"),
        ("log_kb", "kB of log entries"),
    )
    rows = [["", "picture", "clip", "scene", "composition", "page of the API", "sweep"]]
    for name, what in names:
        amounts = [measured.get(f"cost_{kind}_{name}", 0.0) for kind in kinds]
        rows.append([what, *(f"{amount:.3g}" if amount else "" for amount in amounts)])
    return _table(rows)


def price_table(prices: Mapping[str, Price]) -> str:
    """Every price, with its source."""
    rows = [["`--price`", "what", "US dollars", "free a month", "as of", "source"]]
    for price in prices.values():
        per = "" if price.per == 1 else f" / {price.per:,.0f}"
        free = f"{price.free:,.0f}" if price.free else ""
        rows.append([f"`{price.name}`", price.what, f"{price.usd:.10g}{per}", free, price.as_of, price.source])
    return _table(rows)


def blocks(measured: Measured, prices: Mapping[str, Price], assumed: Assumptions) -> Mapping[str, str]:
    """What stands in docs/costs.md, by the names of its marks."""
    return {
        "bill": bill_table(measured, prices, assumed),
        "services": group_table(measured, prices, assumed),
        "measured": measured_table(measured),
        "prices": price_table(prices),
    }


def filled(document: str, made: Mapping[str, str]) -> str:
    """The document with every block made anew. Raises ValueError where it has no such marks."""
    for name, table in made.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, found, rest = document.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found or not found_end:
            raise ValueError(f"The document has no place for '{name}'.")
        document = f"{before}{begin}\n{table}\n{end}{after}"
    return document


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] + ["---:"] * (len(head) - 1) if len(head) < 6 else ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _usd(amount: float, digits: int = 2) -> str:
    if amount == 0:
        return "0"
    return f"{amount:,.{digits}f}" if amount < 1000 else f"{amount:,.0f}"


def _share(amount: float, total: float) -> str:
    share = 100 * amount / total
    return "0 %" if amount == 0 else "< 0.1 %" if share < 0.1 else f"{share:.1f} %"
