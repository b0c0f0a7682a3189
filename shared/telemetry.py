"""What a process tells about itself: log lines, the identity of a request and of a trace, and metrics.

    telemetry.configure("casework")                      # once, at the start of a process
    log = telemetry.logger()
    log.info("case opened", case_id=case.id)             # one line of JSON on standard error

Log lines hold ids, codes and numbers. Names, phones, IINs, addresses and free text never go into one, and neither do query
strings. An exception is written as its type and the places it passed (file, line, function) **without its message**, for a
message may quote what a citizen told us. Lines of libraries (werkzeug, gunicorn, pymongo) come out in the same form.

Trace: `current_traceparent()` is the W3C traceparent of what is being done now. The web side takes it from the request (or
begins one), the aggregate store writes it into the events, and whoever handles an event goes on with it:

    with telemetry.continue_trace(envelope.traceparent):
        react(envelope)

Metrics: `counter`, `gauge`, `histogram` give the metric of that name, made once per process. A web process shows them at
`/<service>/metrics`; a worker calls `serve_metrics(port)`, which listens on loopback only. Labels are codes, never ids.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import threading
import uuid
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
"""What an X-Request-Id from outside must look like to be taken over."""
TRACEPARENT = re.compile(
    r"(?!ff|00-.{53})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?"
)
"""Version 00 ends after the flags; a later one may have more parts."""
QUERY = re.compile(r"\?[^\s'\"]*")
FRAMES = 30
"""How many frames of a stack are written: the innermost ones."""
QUIET = ("werkzeug", "httpx", "httpcore", "pymongo", "kafka", "asyncio")
"""Libraries whose lines below a warning would say too much (addresses, commands, values)."""

_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
_metrics: dict[str, Any] = {}
_metrics_lock = threading.Lock()


def logger(**values: Any) -> Any:
    """A logger; `values` stand on each of its lines."""
    return structlog.get_logger(**values)


def configure(service: str, level: str = "info") -> None:
    """Send every log line of this process to standard error, as JSON. Doing it again changes service and level only."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_service(service),
        _describe_exception,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _ToStandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared, _without_query],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _ToStandardError)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in QUIET:
        library = logging.getLogger(name)
        library.setLevel(max(library.level, logging.WARNING))  # whoever wants it quieter still has said so
    for name in ("gunicorn.error", "gunicorn.access"):  # gunicorn gives them handlers of their own
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True


class _ToStandardError(logging.StreamHandler):
    """Writes to what `sys.stderr` is at that moment: tests and supervisors replace it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr


def _with_service(service: str) -> Any:
    def add(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["service"] = service
        return line

    return add


def _without_query(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    line["event"] = QUERY.sub("", str(line["event"]))
    return line


def _describe_exception(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = line.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        line["exception"] = describe(error)
    line.pop("exc_text", None)
    return line


def describe(error: BaseException) -> list[dict[str, Any]]:
    """An exception and its causes, outermost first: `{type, code?, stack [file:line function]}`. Never the message."""
    described: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(described) < 5:
        kind = type(current)
        entry: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}"}
        code = getattr(current, "code", None)
        if isinstance(code, int):
            entry["code"] = code
        entry["stack"] = _stack(current)
        described.append(entry)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return described


def _stack(error: BaseException) -> list[str]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-FRAMES:]


def request_id(offered: str | None) -> str:
    """The id of a request: the one that came with it if it looks like one, else a new one."""
    return offered if offered and REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex


def new_traceparent(parent: str | None = None) -> str:
    """A span of `parent`'s trace, or the first one of a new trace where there is no usable parent."""
    known = TRACEPARENT.fullmatch(parent) if parent else None
    # a version above 00 may have more parts: what we send on is version 00, with the parts that we know
    trace, flags = (known.group(1), known.group(2)) if known else (secrets.token_hex(16), "01")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"


def current_traceparent() -> str:
    """The traceparent of what is being done now. Outside of any trace each call begins a new one."""
    return _traceparent.get() or new_traceparent()


@contextmanager
def continue_trace(traceparent: str | None) -> Iterator[str]:
    """Do something as part of the trace that `traceparent` names; None, or what is not one, begins a new trace."""
    mine = new_traceparent(traceparent)
    token = _traceparent.set(mine)
    with structlog.contextvars.bound_contextvars(trace_id=mine.split("-")[1]):
        try:
            yield mine
        finally:
            _traceparent.reset(token)


def _metric(kind: type, name: str, text: str, labels: Sequence[str], **options: Any) -> Any:
    with _metrics_lock:
        if name not in _metrics:
            _metrics[name] = kind(name, text, labelnames=tuple(labels), registry=REGISTRY, **options)
        return _metrics[name]


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """The counter of that name (`birtereze_…_total`), made at the first call."""
    return _metric(Counter, name, text, labels)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """The gauge of that name (`birtereze_…`), made at the first call."""
    return _metric(Gauge, name, text, labels)


def histogram(name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()) -> Histogram:
    """The histogram of that name (`birtereze_…_seconds`), made at the first call."""
    return _metric(Histogram, name, text, labels, **({"buckets": tuple(buckets)} if buckets else {}))


def count_request(service: str, method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request. `route` is the template (`/intake/v1/appeals/<id>`), never the address itself."""
    labels = (service, method, route)
    counter(
        "birtereze_http_requests_total", "Requests answered.", ("service", "method", "route", "status")
    ).labels(*labels, str(status)).inc()
    histogram(
        "birtereze_http_request_seconds",
        "Time from a request to its answer.",
        ("service", "method", "route"),
        (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15),
    ).labels(*labels).observe(seconds)


def serve_metrics(port: int) -> None:
    """Show this process's metrics at `http://127.0.0.1:<port>/metrics`, in a thread of their own. Port 0 shows none."""
    if port:
        start_http_server(port, addr="127.0.0.1")
