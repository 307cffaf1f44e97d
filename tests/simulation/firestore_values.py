"""Firestore's values in Python: copying, order, and where a field path leads in a document.

Documents in memory are never changed, only replaced: whoever hands fields in or out copies them.

Source: https://firebase.google.com/docs/firestore/manage-data/data-types (order of value types)
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache, total_ordering
from typing import Any

from google.cloud.firestore import GeoPoint
from google.cloud.firestore_v1.field_path import FieldPath

Fields = dict[str, Any]
Path = tuple[str, ...]

_AS_THEY_ARE = frozenset({type(None), bool, float, bytes})


def copied(value: Any) -> Any:
    """A copy as the server would hand it back. Raises TypeError or ValueError for what Firestore cannot hold."""
    kind = type(value)  # most values are of these very types: a fifth of a simulation's time goes by here
    if kind in _AS_THEY_ARE or (kind is str and value.isascii()):
        return value
    if kind is dict:
        return {name: copied(item) for name, item in value.items()}
    if value is None or isinstance(value, bool | float | bytes | GeoPoint):
        return value
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # half of a surrogate pair is no text
        return str(value)  # an enum's member becomes its text
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ValueError(f"Value out of range: {value}")
        return int(value)
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, list | tuple):
        return [copied(item) for item in value]
    if isinstance(value, dict):
        return {name: copied(item) for name, item in value.items()}
    raise TypeError("Cannot convert to a Firestore Value", value, "Invalid type", type(value))


def sort_key(value: Any) -> tuple[int, Any]:
    """A key that orders values of all types as Firestore does."""
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 1, value
    if isinstance(value, int | float):
        return 2, value
    if isinstance(value, datetime):
        return 3, value
    if isinstance(value, str):
        return 5, value
    if isinstance(value, bytes):
        return 6, value
    if isinstance(value, DocumentName):
        return 7, value.name.split("/")
    if isinstance(value, list):
        return 8, [sort_key(item) for item in value]
    return 9, [(name, sort_key(item)) for name, item in sorted(value.items())]


class DocumentName:
    """A document's own name as a value: what `__name__` stands for in a query."""

    def __init__(self, name: str) -> None:
        self.name = name


@total_ordering
class Descending:
    """A sort key with its order turned round."""

    def __init__(self, key: Any) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and bool(self.key == other.key)

    def __lt__(self, other: "Descending") -> bool:
        return bool(other.key < self.key)

    __hash__ = None  # type: ignore[assignment]


@lru_cache(maxsize=10_000)
def update_path(text: str) -> Path:
    """The names in a key of `update`. Raises ValueError for odd characters that are not quoted."""
    return FieldPath.from_string(text).parts


@lru_cache(maxsize=10_000)
def wire_path(text: str) -> Path:
    """The names in a field path of a query."""
    return FieldPath.from_api_repr(text).parts


MISSING = object()


def find(fields: Fields, path: Sequence[str]) -> Any:
    """The value at a path, or MISSING."""
    found: Any = fields
    for name in path:
        if not isinstance(found, dict) or name not in found:
            return MISSING
        found = found[name]
    return found


def put(fields: Fields, path: Sequence[str], value: Any) -> None:
    """Set a value, making the maps on the way; a parent that is no map is replaced by one."""
    *parents, last = path
    for name in parents:
        if not isinstance(fields.get(name), dict):
            fields[name] = {}
        fields = fields[name]
    fields[last] = value


def remove(fields: Fields, path: Sequence[str]) -> None:
    """Delete the value at a path, if there is one."""
    *parents, last = path
    parent = find(fields, parents)
    if isinstance(parent, dict):
        parent.pop(last, None)


def number(value: Any) -> int | float:
    """The number a value holds; 0 for one that is none."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def without(values: Iterable[Any], unwanted: Iterable[Any]) -> list[Any]:
    """The values that are not among the unwanted ones."""
    keys = [sort_key(value) for value in unwanted]
    return [value for value in values if sort_key(value) not in keys]
