"""The documents of `memory_store`, found by their collection: for worlds of tens of thousands of them.

A query over one collection looks at that collection only, and one for a job's predictions at those: real Firestore has
an index for it. Queries are answered as of now, those of a transaction or with a `read_time` too: a transaction whose
query would find something else at its end is still refused.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from google.api_core.exceptions import GoogleAPICallError

from tests.simulation.firestore_queries import matching_documents
from tests.simulation.memory_firestore import Gate, MemoryClient, MemoryDocument, QueryService, Snapshot
from tests.simulation.memory_store import Document, MemoryStore, Write


class IndexedDocuments(dict[str, Document]):
    """All documents, by their names; and those of one collection, or of one job, without looking at the others."""

    def __init__(self) -> None:
        super().__init__()
        self._of_collection: defaultdict[str, dict[str, Document]] = defaultdict(dict)
        self._of_job: defaultdict[str, dict[str, Document]] = defaultdict(dict)

    def __setitem__(self, name: str, document: Document) -> None:
        super().__setitem__(name, document)
        self._of_collection[name.rpartition("/")[0]][name] = document
        if job_path := document.fields.get("job_path"):
            self._of_job[job_path][name] = document

    def pop(self, name: str, default: Any = None) -> Any:
        found = super().pop(name, default)
        if found is not default:
            del self._of_collection[name.rpartition("/")[0]][name]
            self._of_job[found.fields.get("job_path", "")].pop(name, None)
        return found

    def among(self, query: Any, parent: str) -> Mapping[str, Document]:
        """Where a query has to look."""
        (source,) = query.from_
        where = query.where.field_filter
        if source.all_descendants:
            return self
        if source.collection_id == "predictions" and where.field.field_path == "job_path":
            return self._of_job[where.value.string_value]
        return self._of_collection[f"{parent}/{source.collection_id}"]


class IndexedStore(MemoryStore):
    """A database whose queries are quick."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.documents = IndexedDocuments()
        self.refused = 0  # commits that came too late

    def commit(self, writes: Iterable[Write], transaction: bytes | None = None) -> datetime:
        try:
            return super().commit(writes, transaction)
        except GoogleAPICallError:
            self.refused += 1
            raise


class IndexedClient(MemoryClient):
    """A client of such a database."""

    def __init__(self, store: IndexedStore, gate: Gate | None = None) -> None:
        super().__init__(store, gate)
        self._firestore_api_internal = _IndexedQueries(store, self.gate)

    def get_all(self, references: Iterable[MemoryDocument], transaction: Any = None) -> Iterator[Snapshot]:
        """In one call, as Firestore does it."""
        self.gate.before("read many")
        time = self.store.tick()
        return (Snapshot(one, self.store.documents.get(one._document_path), time) for one in references)


class _IndexedQueries(QueryService):
    def _find(self, query: Any, request: Mapping[str, Any]) -> list[Document]:
        documents: IndexedDocuments = self._store.documents  # type: ignore[assignment]  # of an IndexedStore
        parent = request["parent"]
        return self._store.query(
            lambda _: matching_documents(query, parent, documents.among(query, parent)), request["transaction"]
        )
