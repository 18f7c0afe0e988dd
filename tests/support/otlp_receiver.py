"""A collector for tests: takes spans and metrics by OTLP over HTTP on a loopback port."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Plain = dict[str, str | int | float]

TRACES = "/v1/traces"


def plain(attributes: Iterable[KeyValue]) -> Plain:
    """Attributes as a dictionary; those of a type that we never send fail the test."""
    found: Plain = {}
    for pair in attributes:
        kind = pair.value.WhichOneof("value")
        assert kind in {"string_value", "int_value", "double_value"}, pair
        found[pair.key] = getattr(pair.value, kind)
    return found


class Received:
    """What came, in the order in which it came."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.requests: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]

    @property
    def resource(self) -> Plain:
        return plain(self.requests[0].resource_spans[0].resource.attributes)


@contextmanager
def otlp_receiver(
    *, status: int = 200, headers: Mapping[str, str] | None = None, delay_seconds: float = 0.0
) -> Iterator[tuple[str, Received]]:
    """Serve until the block ends; gives the base URL and what came.

    Every answer has the status and the headers, and comes after the delay.
    """
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.paths.append(self.path)
            received.headers.append({name.lower(): text for name, text in self.headers.items()})
            answer = ExportTraceServiceResponse().SerializeToString()
            if self.path == TRACES:
                received.requests.append(ExportTraceServiceRequest.FromString(body))
            else:
                received.metrics.append(ExportMetricsServiceRequest.FromString(body))
                answer = ExportMetricsServiceResponse().SerializeToString()
            time.sleep(delay_seconds)
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
