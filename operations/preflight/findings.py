"""What a check says: all is well, something is wrong, or it cannot be known here; and the command that helps."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "could not be checked here"


@dataclass(frozen=True)
class Finding:
    """One sentence of a check."""

    verdict: Verdict
    text: str
    command: str = ""
    """What mends it, or finds it out; "" where the text says it."""


def ok(text: str) -> Finding:
    return Finding(Verdict.OK, text)


def wrong(text: str, command: str = "") -> Finding:
    return Finding(Verdict.WRONG, text, command)


def unknown(text: str, command: str = "") -> Finding:
    return Finding(Verdict.UNKNOWN, text, command)


def verdict_of(findings: list[Finding]) -> Verdict:
    """The worst of a check's sentences."""
    found = {finding.verdict for finding in findings}
    return next((v for v in (Verdict.WRONG, Verdict.UNKNOWN) if v in found), Verdict.OK)
