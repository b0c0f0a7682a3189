"""gunicorn of every web process, in the embedded stack and in the real one.

One worker with eight threads: a service waits for the database, not for the processor, and a process costs 60 MB.
`PORT` and `BIND` say where it listens; `SERVICE` stands on its log lines, which are JSON on standard error. The application in
the worker brings its own logging (shared.telemetry); loading that in the master as well would cost 20 MB for each service.
"""

import json
import logging
import os
import time
import traceback


class JsonLines(logging.Formatter):
    """One line of JSON; an exception by its type and places, without its message (see shared.telemetry)."""

    converter = time.gmtime

    def format(self, record):
        line = {
            "event": record.getMessage().partition("\n")[0],
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "service": os.environ.get("SERVICE", "web"),
        }
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            stack = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
            line["exception"] = {"type": kind.__name__, "stack": stack}
        return json.dumps(line, ensure_ascii=False)


bind = f"{os.environ.get('BIND', '127.0.0.1')}:{os.environ['PORT']}"
worker_class = "gthread"
workers = 1
threads = 8
timeout = 30
graceful_timeout = 5
keepalive = 75
control_socket_disable = True  # it would be a file in the home
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a heartbeat must not wait for a disk
forwarded_allow_ips = "127.0.0.1"
accesslog = None  # the gateway has one, without query strings
loglevel = "warning"
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "WARNING", "handlers": []},
    "loggers": {
        "gunicorn.error": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
        # With a logconfig_dict gunicorn writes access lines whatever `accesslog` says, and with the query string.
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}
