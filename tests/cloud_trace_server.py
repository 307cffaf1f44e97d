"""A server that speaks Cloud Trace's BatchWriteSpans on loopback: takes spans, refuses them, or never answers."""

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from google.cloud.trace_v2 import BatchWriteSpansRequest, Span, TraceServiceClient
from google.cloud.trace_v2.services.trace_service.transports import TraceServiceGrpcTransport
from google.protobuf.empty_pb2 import Empty

SERVICE = "google.devtools.cloudtrace.v2.TraceService"


class CloudTraceServer:
    """`requests` is what has come."""

    def __init__(self) -> None:
        self.requests: list[BatchWriteSpansRequest] = []
        self.refuses = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        handler = grpc.unary_unary_rpc_method_handler(
            self._write,
            request_deserializer=BatchWriteSpansRequest.deserialize,
            response_serializer=Empty.SerializeToString,
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {"BatchWriteSpans": handler}),)
        )
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    @property
    def spans(self) -> list[Span]:
        return [span for request in self.requests for span in request.spans]

    @contextmanager
    def client(self) -> Iterator[TraceServiceClient]:
        with grpc.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            yield TraceServiceClient(transport=TraceServiceGrpcTransport(channel=channel))

    def stop(self) -> None:
        self.goes_on.set()
        self._server.stop(None).wait()

    def _write(self, request: BatchWriteSpansRequest, context: Any) -> Empty:
        self.goes_on.wait(30)
        if self.refuses:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "cloudtrace.traces.patch is missing")
        self.requests.append(request)
        return Empty()
