"""What Cloud Logging does with an entry, as far as our metrics need it: its filters, and its EXTRACT.

    filter      terms joined by AND, OR, NOT and parentheses; OR binds closer than AND, NOT closest
    term        path = != : =~ > >= < <=  value     a field that is missing fits nothing; no operator cares for case,
                                                    but =~

https://cloud.google.com/logging/docs/view/logging-query-language
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Entry = Mapping[str, Any]

SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
LIFTED = ("severity", "time", "httpRequest")
"""Fields of a line of JSON that become fields of the entry, and are not in its payload."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<operator>=~|!=|>=|<=|[=:<>])|"(?P<text>[^"]*)"|(?P<word>[\w./-]+))"""
)
_EXTRACT = re.compile(r"EXTRACT\(([\w.]+)\)")


class FilterError(Exception):
    """No filter, or none of this subset."""


def entry_of(line: str, service: str = "advancejob") -> Entry:
    """The entry that a line becomes which a function prints."""
    common = {"resource": {"type": "cloud_run_revision", "labels": {"service_name": service}}}
    try:
        payload = json.loads(line)
    except ValueError:
        return {**common, "severity": "DEFAULT", "textPayload": line}
    lifted = {name: payload.pop(name) for name in LIFTED if name in payload}
    return {**common, "severity": "DEFAULT", **lifted, "jsonPayload": payload}


def matches(text: str, entry: Entry) -> bool:
    """Whether that filter selects that entry. Raises FilterError."""
    return Filter(text).matches(entry)


def extracted(extractor: str, entry: Entry) -> Any:
    """What EXTRACT(path) takes out of the entry; None where the path leads nowhere."""
    found = _EXTRACT.fullmatch(extractor)
    if not found:
        raise FilterError(f"{extractor} is no EXTRACT(path)")
    return _at(found[1], entry)


class Filter:
    """A filter, parsed."""

    def __init__(self, text: str) -> None:
        self.terms: list[tuple[str, str, Any]] = []
        self._tokens = list(_tokens(text))
        self._fits = self._all()
        if self._tokens:
            raise FilterError(f"{text}: who reads {self._tokens[0]}?")

    def matches(self, entry: Entry) -> bool:
        return self._fits(entry)

    def _next(self) -> tuple[str, str]:
        return self._tokens[0] if self._tokens else ("end", "")

    def _take(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise FilterError(f"expected {kind}, found {text or found}")
        self._tokens.pop(0)
        return text

    def _word(self, word: str) -> bool:
        if self._next() != ("word", word):
            return False
        self._tokens.pop(0)
        return True

    def _all(self) -> Callable[[Entry], bool]:
        parts = [self._any()]
        while self._word("AND"):
            parts.append(self._any())
        return lambda entry: all(part(entry) for part in parts)

    def _any(self) -> Callable[[Entry], bool]:
        parts = [self._one()]
        while self._word("OR"):
            parts.append(self._one())
        return lambda entry: any(part(entry) for part in parts)

    def _one(self) -> Callable[[Entry], bool]:
        if self._word("NOT"):
            part = self._one()
            return lambda entry: not part(entry)
        if self._next()[0] == "open":
            self._take("open")
            part = self._all()
            self._take("close")
            return part
        path, operator, value = self._take("word"), self._take("operator"), self._value()
        self.terms.append((path, operator, value))
        return lambda entry: _compare(path, operator, value, entry)

    def _value(self) -> Any:
        if self._next()[0] == "text":
            return self._take("text")
        word = self._take("word")
        if word in ("true", "false"):
            return word == "true"
        try:
            return float(word)
        except ValueError:
            return word


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if not found:
            raise FilterError(f"{text[place:]} cannot be read")
        place = found.end()
        kind = str(found.lastgroup)
        yield kind, found[kind]


def _at(path: str, entry: Any) -> Any:
    for name in path.split("."):
        if not isinstance(entry, Mapping) or name not in entry:
            return None
        entry = entry[name]
    return entry


def _compare(path: str, operator: str, value: Any, entry: Entry) -> bool:
    found = _at(path, entry)
    if found is None:
        return False
    if path == "severity":
        found, value = SEVERITIES.index(found), SEVERITIES.index(value)
    if isinstance(found, bool) or isinstance(value, bool):
        return operator in ("=", "!=") and isinstance(found, bool) and (found is value) is (operator == "=")
    if isinstance(value, str):
        return isinstance(found, str) and _compare_texts(found, operator, value)
    if not isinstance(found, int | float):
        return False
    return bool(_ORDERS[operator](found, value))


def _compare_texts(found: str, operator: str, value: str) -> bool:
    if operator == "=~":
        return re.search(value, found) is not None
    return _TEXT_ORDERS[operator](found.casefold(), value.casefold())


_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}
_TEXT_ORDERS: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ":": lambda a, b: b in a,
}
