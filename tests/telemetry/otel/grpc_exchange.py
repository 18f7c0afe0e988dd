"""Sends one span to a gRPC collector, both in this process, and prints what arrived as JSON.

A process of its own, since gRPC keeps threads and descriptors for as long as its process lives.
With the argument ``hole``, the collector takes connections and never says a word; then what is
printed is how long the shutdown took.
"""

import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from kata_exporter.errors import Reason
from kata_exporter.telemetry.hooks import CallInfo, CallOutcome, CallTarget
from kata_exporter.telemetry.otel import tracing_from_environment


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self.requests: list[trace_service_pb2.ExportTraceServiceRequest] = []

    def Export(  # noqa: N802  gRPC's name
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        del context
        self.requests.append(request)
        return trace_service_pb2.ExportTraceServiceResponse()


def send_span(endpoint: str, timeout_seconds: float) -> float:
    """Make a span, shut down, and return how many seconds that took."""
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc"
    tracing = tracing_from_environment(os.environ)
    assert tracing is not None
    info = CallInfo("grpc.Health/Check", CallTarget("/run/a.sock", "demo-1"))
    watch = tracing.hook.started(info)
    watch.ended(CallOutcome(Reason.OK, "OK"))
    start = time.monotonic()
    tracing.shutdown(timeout_seconds)
    return time.monotonic() - start


def exchange() -> dict[str, object]:
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    add_servicer = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add_servicer(collector, server)  # type: ignore[no-untyped-call]  # generated without types
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    send_span(f"http://127.0.0.1:{port}", 20)
    server.stop(None).wait()
    (request,) = collector.requests
    (of_resource,) = request.resource_spans
    (span,) = of_resource.scope_spans[0].spans
    return {
        "service": [
            a.value.string_value for a in of_resource.resource.attributes if a.key == "service.name"
        ],
        "name": span.name,
        "kind": span.kind,
    }


def fall_into_hole() -> dict[str, object]:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        return {"seconds": send_span(f"http://127.0.0.1:{hole.getsockname()[1]}", 0.5)}


if __name__ == "__main__":
    result = fall_into_hole() if "hole" in sys.argv else exchange()
    sys.stdout.write(json.dumps(result))
