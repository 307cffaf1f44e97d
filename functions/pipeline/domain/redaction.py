"""Takes out of a text what gives access: the queries of URLs, tokens, keys, and whatever else the caller knows.

Texts of other people's making (exceptions, answers of providers) are worth keeping, and may hold all of that. What
stays tells what happened where: hosts, paths, names of parameters.

    https://media.example.com/a.mp4?X-Amz-Signature=9f…   ->   https://media.example.com/a.mp4?…
    Authorization: Bearer r8_abc                          ->   Authorization: Bearer …
    data:image/png;base64,iVBORw0…                        ->   data:image/png;base64,…

Redacting twice changes nothing more.
"""

import re
from collections.abc import Iterable

GONE = "…"
SHORTEST_SECRET = 8
"""Shorter values than this are no secrets, but words that stand in any text."""

_URL = re.compile(r"://[^\s\"'<>`]+")
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # of a path alone, as connection pools tell it, what looks like a query
    (re.compile(r"\?[\w.%~$-]{1,200}=[^\s\"'<>`]+"), f"?{GONE}"),
    (re.compile(r"(data:[\w.+/-]{0,100}(?:;[\w=-]{1,50}){0,5},)[\w%+/=.~-]+"), rf"\1{GONE}"),
    # parameters and headers by their names, as URLs, headers, JSON and Python write them
    (
        re.compile(
            r"((?:\b|_|-)(?:access_?token|id_?token|refresh_?token|token|x-amz-\w[\w-]{0,40}|x-goog-\w[\w-]{0,40}"
            r"|signature|credential|secret|password|api_?key|awsaccesskeyid)[\"']?\s?[=:]\s?[\"']?)"
            r"[^\s&,;\"'<>`]{6,}",
            re.IGNORECASE,
        ),
        rf"\1{GONE}",
    ),
    (
        re.compile(
            r"\b(authorization[\"']?\s?[=:]\s?[\"']?(?:(?:bearer|basic|token)\s)?)"
            r"(?!(?:bearer|basic|token)\b)[\w.~+/=-]{6,}",
            re.IGNORECASE,
        ),
        rf"\1{GONE}",
    ),
    (re.compile(r"\b(bearer)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {GONE}"),
    # by their looks: Replicate's, OpenAI's, Google's and AWS's keys, signing secrets and signatures, ID tokens
    (re.compile(r"\b(?:r8_|sk-|whsec_|AIza|AKIA|ASIA)[\w+/=-]{8,}"), GONE),
    (re.compile(r"\bv1,[\w+/=-]{20,}"), f"v1,{GONE}"),
    (re.compile(r"\beyJ[\w-]{8,4000}(?:\.[\w-]+){1,2}"), GONE),
)


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without what gives access. `secrets` are values that are not to stand in it, whatever they look like."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, GONE)
    text = _URL.sub(_bare, text)
    for pattern, left in _RULES:
        text = pattern.sub(left, text)
    return text


def _bare(url: re.Match[str]) -> str:
    """What follows a scheme, without user name and password, query and fragment."""
    place, mark, _ = url[0].partition("?") if "?" in url[0] else url[0].partition("#")
    if mark and "#" in place:
        place = place.partition("#")[0]
    authority, slash, path = place.removeprefix("://").partition("/")
    _, at, host = authority.rpartition("@")
    return f"://{GONE + at if at else ''}{host}{slash}{path}{'?' + GONE if mark else ''}"
