"""In front of the Firestore emulator: passes every call on and counts what Firestore would bill for it.

    functions ──> front ──> emulator
                    └── documents read, written, deleted

Source: https://cloud.google.com/firestore/pricing. A read is a document that was returned, or looked for in vain; a
query that finds nothing is one; so is an aggregation over up to 1,000 index entries. A commit that was refused writes
nothing, and is counted apart: it is made again, and so are its reads.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.cloud.firestore_v1.types import firestore as messages

from localdev.stack.ports import LOOPBACK
from localdev.stack.startable import Startable

THREADS = 64


class FirestoreFront(Startable):
    """Serves gRPC on a port of its own between start() and stop(). `target` is known once the stack runs."""

    def __init__(self) -> None:
        self.target = ""
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._expiring: set[str] = set()
        self._channel: grpc.Channel | None = None
        self._server: grpc.Server | None = None
        self.address = ""

    def start(self) -> "FirestoreFront":
        self._server = grpc.server(ThreadPoolExecutor(THREADS), handlers=[_Passing(self)])
        self.address = f"{LOOPBACK}:{self._server.add_insecure_port(f'{LOOPBACK}:0')}"
        self._server.start()
        return self

    def stop(self) -> None:
        if self._server:
            self._server.stop(None)
        if self._channel:
            self._channel.close()
        self._server = self._channel = None

    def take(self) -> Counter[str]:
        """What was counted since the last time: `reads`, `writes`, `deletes`, `refused`, `writes to {collection}`, and
        `expiring`: documents that got an `expire_at`, by which Firestore deletes them one day, for money."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
            counted["expiring"] = len(self._expiring)
            self._expiring.clear()
        return counted

    def call(self, method: str, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Pass one call on; its answers, and its failure, are the emulator's."""
        name = method.rpartition("/")[2]
        sent: list[bytes] = []
        answers = self._to_emulator(method)(_kept(requests, sent), metadata=_passed(context.invocation_metadata()))
        found = False
        try:
            for answer in answers:
                found = self._count_answer(name, answer) or found
                yield answer
        except grpc.RpcError as error:
            if name == "Commit":
                self._add({"refused": 1})
            context.abort(error.code(), error.details())
        if name in ("RunQuery", "RunAggregationQuery") and not found:
            self._add({"reads": 1})
        if name == "Commit":
            for request in sent:
                self._count_commit(request)

    def _to_emulator(self, method: str) -> Any:
        with self._lock:
            if self._channel is None:
                self._channel = grpc.insecure_channel(self.target)
        return self._channel.stream_stream(method)

    def _count_answer(self, name: str, answer: bytes) -> bool:
        """Whether it held a document."""
        held = name == "GetDocument"
        if name == "BatchGetDocuments":
            message = messages.BatchGetDocumentsResponse.deserialize(answer)
            held = bool(message.missing or message.found.name)
        elif name == "RunQuery":
            held = bool(messages.RunQueryResponse.deserialize(answer).document.name)
        if held:
            self._add({"reads": 1})
        return held

    def _count_commit(self, request: bytes) -> None:
        counted: Counter[str] = Counter()
        for write in messages.CommitRequest.deserialize(request).writes:
            path = (write.delete or write.update.name).partition("/documents/")[2]
            counted["deletes" if write.delete else "writes"] += 1
            if not write.delete:
                counted[f"writes to {path.split('/')[0]}"] += 1
            if "expire_at" in write.update.fields:
                with self._lock:
                    self._expiring.add(path)
        self._add(counted)

    def _add(self, counted: dict[str, int]) -> None:
        with self._lock:
            self._counted.update(counted)


class _Passing(grpc.GenericRpcHandler):
    """Takes every method; on the wire a call with one message is a stream of one."""

    def __init__(self, front: FirestoreFront) -> None:
        self._front = front

    def service(self, details: Any) -> Any:
        return grpc.stream_stream_rpc_method_handler(
            lambda requests, context: self._front.call(details.method, requests, context)
        )


def _kept(requests: Iterator[bytes], kept: list[bytes]) -> Iterator[bytes]:
    for request in requests:
        kept.append(request)
        yield request


def _passed(metadata: Any) -> list[tuple[str, Any]]:
    own = ("user-agent", "content-type", "te")
    return [(name, value) for name, value in metadata or () if name not in own and not name.startswith("grpc-")]
