"""Answers structured queries over documents in memory: filters, order, cursors, limit."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.types import query as messages

from tests.simulation import firestore_values as values
from tests.simulation.memory_store import Document

_NAME = ("__name__",)
_Operator = messages.StructuredQuery.FieldFilter.Operator
_Unary = messages.StructuredQuery.UnaryFilter.Operator
_DESCENDING = messages.StructuredQuery.Direction.DESCENDING
_INEQUALITIES = (
    _Operator.LESS_THAN,
    _Operator.LESS_THAN_OR_EQUAL,
    _Operator.GREATER_THAN,
    _Operator.GREATER_THAN_OR_EQUAL,
    _Operator.NOT_EQUAL,
)


def matching_documents(query: Any, parent: str, documents: Mapping[str, Document]) -> list[Document]:
    """The documents that a query finds, in its order."""
    (source,) = query.from_
    prefix = f"{parent}/{source.collection_id}/"
    is_in = _is_in_group if source.all_descendants else _is_child
    order = _order(query)
    found = [
        document
        for name, document in documents.items()
        if is_in(name, prefix)
        and _matches(query.where, document)
        and all(_value(document, path) is not values.MISSING for path, _ in order)
    ]
    found.sort(key=lambda document: _position(document, order))
    if query.HasField("start_at"):
        found = [document for document in found if _is_after(document, query.start_at, order)]
    if query.HasField("end_at"):
        found = [document for document in found if not _is_after(document, query.end_at, order)]
    found = found[query.offset :]
    return found[: query.limit.value] if query.HasField("limit") else found


def projected(query: Any, fields: values.Fields) -> values.Fields:
    """Those fields that the query asks for: all, or some."""
    if not query.select.fields:
        return fields
    chosen: values.Fields = {}
    for one in query.select.fields:
        path = values.wire_path(one.field_path)
        value = values.find(fields, path)
        if path != _NAME and value is not values.MISSING:
            values.put(chosen, path, value)
    return chosen


def summed_paths(aggregation: Any) -> list[values.Path]:
    """The fields that are added up: a document without one of them is not counted either."""
    return [values.wire_path(one.sum.field.field_path) for one in aggregation.aggregations if one.HasField("sum")]


def figure(aggregation: Any, found: Sequence[values.Fields]) -> int | float:
    """The answer to one aggregation."""
    match aggregation.WhichOneof("operator"):
        case "count":
            return len(found)
        case "sum":
            path = values.wire_path(aggregation.sum.field.field_path)
            return sum(values.number(values.find(fields, path)) for fields in found)
    raise NotImplementedError(f"the aggregation {aggregation.WhichOneof('operator')}")


def _is_child(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and "/" not in name[len(prefix) :]


def _is_in_group(name: str, prefix: str) -> bool:
    """Whether it lies in a collection of that name, at any depth below the parent."""
    parent, collection = prefix.rstrip("/").rsplit("/", 1)
    return name.startswith(f"{parent}/") and name.split("/")[-2] == collection


def _value(document: Document, path: Sequence[str]) -> Any:
    if tuple(path) == _NAME:
        return values.DocumentName(document.name)
    return values.find(document.fields, path)


def _order(query: Any) -> list[tuple[tuple[str, ...], bool]]:
    """The fields to order by, and whether descending. The name always comes last."""
    order = [(values.wire_path(one.field.field_path), one.direction == _DESCENDING) for one in query.order_by]
    if not order:
        order = [(path, False) for path in dict.fromkeys(_unequal_fields(query.where))]
    if not any(path == _NAME for path, _ in order):
        order.append((_NAME, order[-1][1] if order else False))
    return order


def _unequal_fields(where: Any) -> Iterable[tuple[str, ...]]:
    kind = where.WhichOneof("filter_type")
    if kind == "composite_filter":
        for one in where.composite_filter.filters:
            yield from _unequal_fields(one)
    elif kind == "field_filter" and where.field_filter.op in _INEQUALITIES:
        yield values.wire_path(where.field_filter.field.field_path)


def _position(document: Document, order: Sequence[tuple[tuple[str, ...], bool]]) -> list[Any]:
    keys = [(values.sort_key(_value(document, path)), descending) for path, descending in order]
    return [values.Descending(key) if descending else key for key, descending in keys]


def _is_after(document: Document, cursor: Any, order: Sequence[tuple[tuple[str, ...], bool]]) -> bool:
    """Whether a document is behind a cursor, which stands just before or just behind a position."""
    place = _position(document, order)[: len(cursor.values)]
    keys = [values.sort_key(_python(value)) for value in cursor.values]
    mark = [
        values.Descending(key) if descending else key
        for key, (_, descending) in zip(keys, order[: len(keys)], strict=True)
    ]
    return place >= mark if cursor.before else place > mark


def _matches(where: Any, document: Document) -> bool:
    match where.WhichOneof("filter_type"):
        case None:
            return True
        case "composite_filter":
            if where.composite_filter.op != messages.StructuredQuery.CompositeFilter.Operator.AND:
                raise NotImplementedError("filters joined by OR")
            return all(_matches(one, document) for one in where.composite_filter.filters)
        case "unary_filter":
            return _matches_unary(where.unary_filter, document)
    condition = where.field_filter
    value = _value(document, values.wire_path(condition.field.field_path))
    return value is not values.MISSING and _compares(value, condition.op, _python(condition.value))


def _matches_unary(condition: Any, document: Document) -> bool:
    value = _value(document, values.wire_path(condition.field.field_path))
    if value is values.MISSING:
        return False
    match condition.op:
        case _Unary.IS_NULL:
            return value is None
        case _Unary.IS_NOT_NULL:
            return value is not None
    raise NotImplementedError(f"the filter {_Unary(condition.op).name}")


def _python(value: Any) -> Any:
    """A value of the wire."""
    if value.WhichOneof("value_type") == "reference_value":
        return values.DocumentName(value.reference_value)
    return values.copied(_helpers.decode_value(value, None))


def _compares(value: Any, operator: int, wanted: Any) -> bool:
    key, mark = values.sort_key(value), values.sort_key(wanted)
    comparable = key[0] == mark[0]  # Firestore never compares different types by < and >
    match operator:
        case _Operator.IN:
            return any(key == values.sort_key(one) for one in wanted)
        case _Operator.ARRAY_CONTAINS:
            return isinstance(value, list) and any(values.sort_key(one) == mark for one in value)
        case _Operator.EQUAL:
            return key == mark
        case _Operator.NOT_EQUAL:
            return value is not None and key != mark
        case _Operator.LESS_THAN:
            return comparable and key < mark
        case _Operator.LESS_THAN_OR_EQUAL:
            return comparable and key <= mark
        case _Operator.GREATER_THAN:
            return comparable and key > mark
        case _Operator.GREATER_THAN_OR_EQUAL:
            return comparable and key >= mark
    raise NotImplementedError(f"the operator {_Operator(operator).name}")
