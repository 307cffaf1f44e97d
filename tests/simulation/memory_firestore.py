"""A `google.cloud.firestore.Client` over a store in memory.

Real are its queries, aggregations, snapshots' interface, write options, and the decorator that runs and repeats
transactions. Stood in for are single documents and transactions (with Python values: encoding them would take most of
a simulation's time) and the service behind the queries. What is not simulated raises NotImplementedError.

    Client ── document reads, commits, queries ──> gate ──> MemoryStore
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NoReturn, Protocol

from google.api_core.retry import Retry, if_exception_type
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.types import document as document_messages
from google.cloud.firestore_v1.types import firestore as messages

from tests.simulation import firestore_values as values
from tests.simulation.firestore_queries import figure, matching_documents, projected, summed_paths
from tests.simulation.memory_store import Document, MemoryStore, Write, short


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


class MemoryClient(firestore.Client):
    """A client whose calls end in `store`, through `gate`."""

    def __init__(self, store: MemoryStore, gate: Gate | None = None, project: str = "simulated") -> None:
        super().__init__(project=project, credentials=AnonymousCredentials())
        self.store = store
        self.gate = gate or OpenGate()
        self._firestore_api_internal = QueryService(store, self.gate)

    def document(self, *document_path: str) -> "MemoryDocument":
        parts = document_path[0].split("/") if len(document_path) == 1 else list(document_path)
        return MemoryDocument(*parts, client=self)

    def transaction(self, max_attempts: int = 5, read_only: bool = False) -> "MemoryTransaction":
        return MemoryTransaction(self, max_attempts=max_attempts, read_only=read_only)

    def batch(self) -> "MemoryBatch":
        return MemoryBatch(self)

    def get_all(self, references: Iterable["MemoryDocument"], transaction: Any = None) -> Iterator["Snapshot"]:
        return (reference.get(transaction=transaction) for reference in references)

    def fields(self, path: str) -> dict[str, Any] | None:
        """A document's fields, past the gate."""
        found = self.store.documents.get(f"{self._database_string}/documents/{path}")
        return None if found is None else values.copied(found.fields)

    def commit_writes(self, writes: list[Write], transaction: bytes | None = None) -> Any:
        """Send a commit."""
        label = f"commit {', '.join(short(write.name) for write in writes) or 'nothing'}"
        self.gate.before(label)
        time = self.store.commit(writes, transaction)
        self.gate.after(label)
        return time


class Snapshot(firestore.DocumentSnapshot):
    """A version of a document. The store never changes its fields, so they need no copy before they are asked for."""

    def __init__(self, reference: "MemoryDocument", found: Document | None, read_time: Any) -> None:
        self._reference = reference
        self._data = found.fields if found else None
        self._exists = found is not None
        self.read_time = read_time
        self.create_time = found.create_time if found else None
        self.update_time = found.update_time if found else None

    def to_dict(self) -> dict[str, Any] | None:
        return values.copied(self._data)  # type: ignore[no-any-return]


class MemoryDocument(firestore.DocumentReference):
    """A reference to a document of a MemoryClient."""

    def get(self, field_paths: Iterable[str] | None = None, transaction: Any = None, **_: Any) -> Snapshot:
        client: MemoryClient = self._client
        client.gate.before(f"read {self.path}")
        found = client.store.read(self._document_path, _helpers.get_transaction_id(transaction))
        if field_paths is not None and found is not None:
            found = replace(found, fields={name: found.fields[name] for name in field_paths if name in found.fields})
        return Snapshot(self, found, client.store.tick())

    def create(self, document_data: dict[str, Any], **_: Any) -> None:
        self._client.commit_writes([created(self, document_data)])

    def set(self, document_data: dict[str, Any], merge: bool = False, **_: Any) -> None:
        self._client.commit_writes([put(self, document_data, merge)])

    def update(self, field_updates: dict[str, Any], option: Any = None, **_: Any) -> None:
        self._client.commit_writes([updated(self, field_updates, option)])

    def delete(self, option: Any = None, **_: Any) -> None:
        self._client.commit_writes([deleted(self, option)])


class MemoryBatch:
    """Writes that are made together."""

    def __init__(self, client: MemoryClient) -> None:
        self._client = client
        self._write_pbs: list[Write] = []

    def create(self, reference: MemoryDocument, document_data: dict[str, Any]) -> None:
        self._add(created(reference, document_data))

    def set(self, reference: MemoryDocument, document_data: dict[str, Any], merge: bool = False) -> None:
        self._add(put(reference, document_data, merge))

    def update(self, reference: MemoryDocument, field_updates: dict[str, Any], option: Any = None) -> None:
        self._add(updated(reference, field_updates, option))

    def delete(self, reference: MemoryDocument, option: Any = None) -> None:
        self._add(deleted(reference, option))

    def commit(self, **_: Any) -> None:
        writes, self._write_pbs = self._write_pbs, []
        self._client.commit_writes(writes)

    def __len__(self) -> int:
        return len(self._write_pbs)

    def _add(self, write: Write) -> None:
        self._write_pbs.append(write)


class MemoryTransaction(MemoryBatch):
    """What `firestore.transactional` works with."""

    def __init__(self, client: MemoryClient, max_attempts: int, read_only: bool) -> None:
        super().__init__(client)
        self._max_attempts = max_attempts
        self._read_only = read_only
        self._id: bytes | None = None

    @property
    def in_progress(self) -> bool:
        return self._id is not None

    @property
    def id(self) -> bytes | None:
        return self._id

    def get(self, reference: MemoryDocument) -> Iterator[Snapshot]:
        yield reference.get(transaction=self)

    def _begin(self, retry_id: bytes | None = None) -> None:
        self._id = self._client.store.begin(read_only=self._read_only)

    def _commit(self) -> None:
        if self._id is None:
            raise ValueError("The transaction has no transaction ID, so it cannot be committed.")
        self._client.commit_writes(self._write_pbs, self._id)
        self._clean_up()

    def _rollback(self) -> None:
        if self._id is None:
            raise ValueError("The transaction has no transaction ID, so it cannot be rolled back.")
        self._client.store.end(self._id)
        self._clean_up()

    def _clean_up(self) -> None:
        self._write_pbs = []
        self._id = None

    def _add(self, write: Write) -> None:
        if self._read_only:
            raise ValueError("Cannot perform write operation in read-only transaction.")
        super()._add(write)


def created(reference: MemoryDocument, document_data: Mapping[str, Any]) -> Write:
    """The write of `create`."""
    fields = {(name,): value for name, value in document_data.items()}
    return Write(reference._document_path, fields, replace=True, exists=False)


def put(reference: MemoryDocument, document_data: Mapping[str, Any], merge: bool = False) -> Write:
    """The write of `set`."""
    fields = dict(_leaves(document_data, ())) if merge else {(name,): value for name, value in document_data.items()}
    return Write(reference._document_path, fields, replace=not merge)


def updated(reference: MemoryDocument, field_updates: Mapping[str, Any], option: Any = None) -> Write:
    """The write of `update`. Raises ValueError as the real one."""
    if not field_updates:
        raise ValueError("Cannot update with an empty document.")
    fields = {values.update_path(name): value for name, value in field_updates.items()}
    for path in fields:
        if any(path[:length] in fields for length in range(1, len(path))):
            raise ValueError(f"Conflicting field path: {path}")
    return _conditioned(Write(reference._document_path, fields, exists=True), option)


def deleted(reference: MemoryDocument, option: Any = None) -> Write:
    """The write of `delete`."""
    return _conditioned(Write(reference._document_path, None), option)


def _conditioned(write: Write, option: Any) -> Write:
    if option is None:
        return write
    if isinstance(option, _helpers.LastUpdateOption):
        return Write(write.name, write.fields, write.replace, update_time=option._last_update_time)
    if isinstance(option, _helpers.ExistsOption):
        return Write(write.name, write.fields, write.replace, exists=option._exists)
    raise NotImplementedError(f"the option {option}")


def _leaves(fields: Mapping[str, Any], above: values.Path) -> Iterator[tuple[values.Path, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


class QueryService:
    """What the real queries call of the service."""

    def __init__(self, store: MemoryStore, gate: Gate) -> None:
        self._store = store
        self._gate = gate
        never = SimpleNamespace(_retry=Retry(predicate=if_exception_type()))
        self._transport = SimpleNamespace(run_query=never, run_aggregation_query=never)  # where queries look it up

    def run_query(self, request: Mapping[str, Any], **_: Any) -> Iterator[Any]:
        query, parent = request["structured_query"]._pb, request["parent"]
        self._gate.before(f"query {short(parent)}/{query.from_[0].collection_id}")
        found = self._find(query, request)
        time = self._store.tick()
        for document in found:
            message = document_messages.Document(
                name=document.name,
                fields=_helpers.encode_dict(projected(query, document.fields)),
                create_time=document.create_time,
                update_time=document.update_time,
            )
            yield messages.RunQueryResponse(document=message, read_time=time)

    def run_aggregation_query(self, request: Mapping[str, Any], **_: Any) -> Iterator[Any]:
        aggregation, parent = request["structured_aggregation_query"]._pb, request["parent"]
        query = aggregation.structured_query
        self._gate.before(f"aggregate {short(parent)}/{query.from_[0].collection_id}")
        found = self._find(query, request)
        summed = summed_paths(aggregation)
        counted = [
            one.fields for one in found if all(values.find(one.fields, path) is not values.MISSING for path in summed)
        ]
        figures = {one.alias: _helpers.encode_value(figure(one, counted)) for one in aggregation.aggregations}
        result = messages.RunAggregationQueryResponse(read_time=self._store.tick())
        result.result.aggregate_fields = figures
        yield result

    def _find(self, query: Any, request: Mapping[str, Any]) -> list[Document]:
        return self._store.query(
            lambda all_: matching_documents(query, request["parent"], all_),
            request["transaction"],
            request.get("read_time"),
        )

    def __getattr__(self, name: str) -> NoReturn:
        raise NotImplementedError(f"the service's {name}")
