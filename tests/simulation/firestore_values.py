"""Firestore's values as the wire has them: how they are ordered, and where a field path leads in a document.

Source: https://firebase.google.com/docs/firestore/manage-data/data-types (order of value types)
"""

from collections.abc import Iterable, Sequence
from functools import total_ordering
from typing import Any

from google.cloud.firestore_v1.field_path import FieldPath
from google.cloud.firestore_v1.types import document

Value = Any  # google.firestore.v1.Value
Fields = Any  # the protobuf map of names to values

new_document = document.Document.pb()
new_value = document.Value.pb()

_RANKS = {
    "null_value": 0,
    "boolean_value": 1,
    "integer_value": 2,
    "double_value": 2,
    "timestamp_value": 3,
    "string_value": 4,
    "bytes_value": 5,
    "reference_value": 6,
    "array_value": 8,
    "map_value": 9,
}


def sort_key(value: Value) -> tuple[int, Any]:
    """A key that orders values of all types as Firestore does."""
    kind = value.WhichOneof("value_type")
    rank = _RANKS[kind]
    match kind:
        case "null_value":
            return rank, 0
        case "timestamp_value":
            return rank, (value.timestamp_value.seconds, value.timestamp_value.nanos)
        case "reference_value":
            return rank, tuple(value.reference_value.split("/"))
        case "array_value":
            return rank, [sort_key(item) for item in value.array_value.values]
        case "map_value":
            return rank, [(name, sort_key(item)) for name, item in sorted(value.map_value.fields.items())]
    return rank, getattr(value, kind)


def same_kind(one: Value, other: Value) -> bool:
    """Whether two values may be compared by < and >: Firestore never mixes types there."""
    return _RANKS[one.WhichOneof("value_type")] == _RANKS[other.WhichOneof("value_type")]


def parse_path(path: str) -> tuple[str, ...]:
    """The names in a field path of the wire, which may be quoted."""
    return FieldPath.from_api_repr(path).parts


def find(fields: Fields, path: Sequence[str]) -> Value | None:
    """The value at a path, or None."""
    *parents, last = path
    for name in parents:
        if name not in fields or fields[name].WhichOneof("value_type") != "map_value":
            return None
        fields = fields[name].map_value.fields
    return fields.get(last)


def put(fields: Fields, path: Sequence[str], value: Value) -> None:
    """Set a value, making the maps on the way; a parent that is no map is replaced by one."""
    *parents, last = path
    for name in parents:
        child = fields[name]
        child.map_value.SetInParent()
        fields = child.map_value.fields
    fields[last].CopyFrom(value)


def remove(fields: Fields, path: Sequence[str]) -> None:
    """Delete the value at a path, if there is one."""
    *parents, last = path
    for name in parents:
        if name not in fields or fields[name].WhichOneof("value_type") != "map_value":
            return
        fields = fields[name].map_value.fields
    if last in fields:
        del fields[last]


def number(value: Value | None) -> int | float:
    """The number a value holds; 0 for one that is none."""
    kind = value.WhichOneof("value_type") if value is not None else None
    return getattr(value, kind) if kind in ("integer_value", "double_value") else 0


def number_value(amount: int | float) -> Value:
    """A value that holds a number."""
    return new_value(integer_value=amount) if isinstance(amount, int) else new_value(double_value=amount)


def without(values: Iterable[Value], unwanted: Iterable[Value]) -> list[Value]:
    """The values that are not among the unwanted ones."""
    keys = [sort_key(value) for value in unwanted]
    return [value for value in values if sort_key(value) not in keys]


@total_ordering
class Descending:
    """Turns an order round."""

    def __init__(self, key: Any) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and bool(self.key == other.key)

    def __lt__(self, other: "Descending") -> bool:
        return bool(other.key < self.key)

    __hash__ = None  # type: ignore[assignment]
