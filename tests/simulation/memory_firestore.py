"""A Firestore server in memory: the transport under the real `google.cloud.firestore.Client`.

Everything of the client library stays real: references, queries, transactions and their retries, field paths, encoding.
Only its calls to the service end here.

    Client ── begin, read, commit ──> MemoryFirestore ──> MemoryStore (documents, each replaced as a whole)
                                         │ gate: before and after every call that the world could see

Transactions are optimistic: reads see the store as it was at the first of them, and a commit is Aborted when anything
read (document or query) has changed since. Read-only transactions see one moment. What is not simulated raises
NotImplementedError.
"""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from google.api_core.exceptions import Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.types import firestore as messages
from google.protobuf.timestamp_pb2 import Timestamp

from tests.simulation import firestore_values as values
from tests.simulation.firestore_queries import matching_documents, project

Document = Any  # google.firestore.v1.Document
Documents = dict[str, Document]

_read_answer = messages.BatchGetDocumentsResponse.pb()
_query_answer = messages.RunQueryResponse.pb()
_figures_answer = messages.RunAggregationQueryResponse.pb()
_commit_answer = messages.CommitResponse.pb()
_begin_answer = messages.BeginTransactionResponse.pb()


class Gate(Protocol):
    """Stands around every call, where a schedule may hold, stop or fail it."""

    def before(self, label: str) -> None:
        """The call has been sent; nothing has happened yet."""

    def after(self, label: str) -> None:
        """It has happened; the answer is on its way."""


class OpenGate:
    """Lets everything pass."""

    def before(self, label: str) -> None: ...

    def after(self, label: str) -> None: ...


@dataclass(frozen=True)
class Change:
    """One document before and after a commit. None: there is no document."""

    path: str
    before: Document | None
    after: Document | None


@dataclass
class _Transaction:
    read_only: bool
    documents: Documents | None = None  # as they were at the first read
    names: set[str] = field(default_factory=set)  # documents read
    queries: list[tuple[Any, str, list[Document]]] = field(default_factory=list)


def _tell_nobody(changes: Sequence["Change"]) -> None: ...


class MemoryStore:
    """The documents of one database, and who is told of changes."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.documents: Documents = {}
        self.on_commit: Callable[[Sequence[Change]], None] = _tell_nobody
        self.transactions: dict[bytes, _Transaction] = {}
        self.lock = threading.RLock()
        self._clock = clock
        self._numbers = itertools.count(1)
        self._last = Timestamp()

    def tick(self) -> Timestamp:
        """A time for a commit: the clock's, and later than every other."""
        time = Timestamp()
        time.FromDatetime(self._clock())
        if (time.seconds, time.nanos) <= (self._last.seconds, self._last.nanos):
            time.FromMicroseconds(self._last.ToMicroseconds() + 1)
        self._last = time
        return time

    def begin(self, transaction: _Transaction) -> bytes:
        number = str(next(self._numbers)).encode()
        self.transactions[number] = transaction
        return number

    def read(self, client: firestore.Client, path: str) -> dict[str, Any] | None:
        """A document's fields, seen from outside of any schedule."""
        document = self.documents.get(f"{client._database_string}/documents/{path}")
        return None if document is None else decode(document, client)


def decode(document: Document, client: firestore.Client) -> dict[str, Any]:
    """A document's fields as Python values."""
    return dict(_helpers.decode_dict(document.fields, client))


def memory_client(store: MemoryStore, gate: Gate | None = None, project: str = "simulated") -> firestore.Client:
    """A real client whose calls end in `store`, through `gate`."""
    client = firestore.Client(project=project, credentials=AnonymousCredentials())
    client._firestore_api_internal = MemoryFirestore(store, gate or OpenGate())
    return client


class MemoryFirestore:
    """What the client library calls of the service's API."""

    def __init__(self, store: MemoryStore, gate: Gate) -> None:
        self._store = store
        self._gate = gate

    def begin_transaction(self, request: Mapping[str, Any], metadata: Any = None) -> Any:
        options = request["options"]
        transaction = _Transaction(read_only=options is not None and "read_only" in options)
        with self._store.lock:
            number = self._store.begin(transaction)
        return messages.BeginTransactionResponse.wrap(_begin_answer(transaction=number))

    def rollback(self, request: Mapping[str, Any], metadata: Any = None) -> None:
        with self._store.lock:
            self._store.transactions.pop(request["transaction"], None)

    def batch_get_documents(self, request: Mapping[str, Any], metadata: Any = None, **_: Any) -> Iterator[Any]:
        names = request["documents"]
        self._gate.before(f"read {', '.join(map(_short, names))}")
        with self._store.lock:
            documents, transaction = self._view(request["transaction"])
            if transaction is not None:
                transaction.names.update(names)
            time = self._store.tick()
            answers = []
            for name in names:
                found = documents.get(name)
                if found is None:
                    answers.append(_read_answer(missing=name, read_time=time))
                else:
                    if request.get("mask") is not None:
                        found = project(found, [values.parse_path(path) for path in request["mask"].field_paths])
                    answers.append(_read_answer(found=found, read_time=time))
        return map(messages.BatchGetDocumentsResponse.wrap, answers)

    def run_query(self, request: Mapping[str, Any], metadata: Any = None, **_: Any) -> Iterator[Any]:
        query = request["structured_query"]._pb
        self._gate.before(f"query {_short(request['parent'])}/{query.from_[0].collection_id}")
        with self._store.lock:
            found, time = self._query(query, request["parent"], request["transaction"]), self._store.tick()
        answers = [_query_answer(document=document, read_time=time) for document in found]
        return map(messages.RunQueryResponse.wrap, answers or [_query_answer(read_time=time)])

    def run_aggregation_query(self, request: Mapping[str, Any], metadata: Any = None, **_: Any) -> Iterator[Any]:
        aggregation = request["structured_aggregation_query"]._pb
        query = aggregation.structured_query
        self._gate.before(f"aggregate {_short(request['parent'])}/{query.from_[0].collection_id}")
        with self._store.lock:
            found, time = self._query(query, request["parent"], request["transaction"]), self._store.tick()
        # a document without one of the fields that are added up is not counted either
        summed = [
            values.parse_path(one.sum.field.field_path) for one in aggregation.aggregations if one.HasField("sum")
        ]
        found = [document for document in found if all(values.find(document.fields, path) for path in summed)]
        answer = _figures_answer(read_time=time)
        for one in aggregation.aggregations:
            answer.result.aggregate_fields[one.alias].CopyFrom(_figure(one, found))
        return map(messages.RunAggregationQueryResponse.wrap, [answer])

    def commit(self, request: Mapping[str, Any], metadata: Any = None, **_: Any) -> Any:
        writes = [write._pb for write in request["writes"]]
        label = f"commit {', '.join(_short(_target(write)) for write in writes) or 'nothing'}"
        self._gate.before(label)
        with self._store.lock:
            self._settle_transaction(request.get("transaction"))
            changed, results, time = _apply(self._store, writes)
            before = {name: self._store.documents.get(name) for name in changed}
            for name, document in changed.items():
                if document is None:
                    self._store.documents.pop(name, None)
                else:
                    self._store.documents[name] = document
            changes = [Change(_short(name), before[name], document) for name, document in changed.items()]
            self._store.on_commit(changes)
        self._gate.after(label)
        answer = _commit_answer(commit_time=time)
        for result in results:
            answer.write_results.add(update_time=time).transform_results.extend(result)
        return messages.CommitResponse.wrap(answer)

    def _view(self, number: bytes | None) -> tuple[Documents, _Transaction | None]:
        """The documents that a read sees."""
        if not number:
            return self._store.documents, None
        transaction = self._store.transactions.get(number)
        if transaction is None:
            raise InvalidArgument("The transaction is not known or has ended.")
        if transaction.documents is None:
            transaction.documents = dict(self._store.documents)
        return transaction.documents, transaction

    def _query(self, query: Any, parent: str, number: bytes | None) -> list[Document]:
        documents, transaction = self._view(number)
        found = matching_documents(query, parent, documents)
        if transaction is not None:
            transaction.queries.append((query, parent, found))
        selected = query.select.fields
        if not selected:
            return found
        return [project(document, [values.parse_path(one.field_path) for one in selected]) for document in found]

    def _settle_transaction(self, number: bytes | None) -> None:
        """End a transaction. Raises Aborted when what it read is no longer so."""
        if not number:
            return
        transaction = self._store.transactions.pop(number, None)
        if transaction is None:
            raise InvalidArgument("The transaction is not known or has ended.")
        if transaction.read_only or transaction.documents is None:
            return
        now, then = self._store.documents, transaction.documents
        unchanged = all(now.get(name) is then.get(name) for name in transaction.names) and all(
            _same(matching_documents(query, parent, now), found) for query, parent, found in transaction.queries
        )
        if not unchanged:
            raise Aborted("Too much contention on these documents. Please try again.")


def _same(one: Sequence[Document], other: Sequence[Document]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _apply(store: MemoryStore, writes: Iterable[Any]) -> tuple[Documents, list[list[Any]], Timestamp]:
    """What the documents become, all or nothing. Raises AlreadyExists, NotFound, FailedPrecondition."""
    changed: Documents = {}
    results: list[list[Any]] = []
    time = store.tick()
    for write in writes:
        name = _target(write)
        old = changed[name] if name in changed else store.documents.get(name)
        _check(write, name, old)
        if write.WhichOneof("operation") == "delete":
            changed[name] = None
            results.append([])
            continue
        document = values.new_document(name=name)
        if old is not None and write.HasField("update_mask"):
            document.CopyFrom(old)
        elif old is not None:
            document.create_time.CopyFrom(old.create_time)
        if old is None:
            document.create_time.CopyFrom(time)
        document.update_time.CopyFrom(time)
        _set_fields(document, write)
        results.append([_transform(document, one, time) for one in write.update_transforms])
        if old is not None and document.fields == old.fields:
            document.update_time.CopyFrom(old.update_time)  # a write that changes nothing leaves the time
        changed[name] = document
    return changed, results, time


def _check(write: Any, name: str, old: Document | None) -> None:
    condition = write.current_document
    match condition.WhichOneof("condition_type"):
        case "exists" if condition.exists and old is None:
            raise NotFound(f"No document to update: {name}")
        case "exists" if not condition.exists and old is not None:
            raise AlreadyExists(f"Document already exists: {name}")
        case "update_time" if old is None:
            raise NotFound(f"No document to update: {name}")
        case "update_time" if old.update_time != condition.update_time:
            raise FailedPrecondition(f"The stored version ({old.update_time}) does not match the required base version")


def _set_fields(document: Document, write: Any) -> None:
    if not write.HasField("update_mask"):
        for key, value in write.update.fields.items():
            document.fields[key].CopyFrom(value)
        return
    for text in write.update_mask.field_paths:
        path = values.parse_path(text)
        value = values.find(write.update.fields, path)
        if value is None:
            values.remove(document.fields, path)
        else:
            values.put(document.fields, path, value)


def _transform(document: Document, transform: Any, time: Timestamp) -> Any:
    path = values.parse_path(transform.field_path)
    old = values.find(document.fields, path)
    listed = list(old.array_value.values) if old is not None and old.HasField("array_value") else []
    null = values.new_value(null_value=0)
    match transform.WhichOneof("transform_type"):
        case "set_to_server_value":
            result = new = values.new_value(timestamp_value=time)
        case "increment":
            result = new = values.number_value(values.number(old) + values.number(transform.increment))
        case "append_missing_elements":
            new, result = values.new_value(), null
            new.array_value.values.extend(listed)
            for one in transform.append_missing_elements.values:
                new.array_value.values.extend(values.without([one], new.array_value.values))
        case "remove_all_from_array":
            new, result = values.new_value(), null
            new.array_value.SetInParent()
            new.array_value.values.extend(values.without(listed, transform.remove_all_from_array.values))
        case other:
            raise NotImplementedError(f"the transform {other}")
    values.put(document.fields, path, new)
    return result


def _figure(aggregation: Any, found: Sequence[Document]) -> Any:
    match aggregation.WhichOneof("operator"):
        case "count":
            return values.new_value(integer_value=len(found))
        case "sum":
            path = values.parse_path(aggregation.sum.field.field_path)
            return values.number_value(sum(values.number(values.find(document.fields, path)) for document in found))
    raise NotImplementedError(f"the aggregation {aggregation.WhichOneof('operator')}")


def _target(write: Any) -> str:
    return str(write.delete if write.WhichOneof("operation") == "delete" else write.update.name)


def _short(name: str) -> str:
    """`projects/p/databases/d/documents/a/b` -> `a/b`"""
    return name.partition("/documents")[2].lstrip("/")
