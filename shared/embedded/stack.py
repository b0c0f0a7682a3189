"""The whole embedded stack as one object: `make run` starts one, and so do the tests of the system and of its faults.

    with Stack(folder, free_base()) as stack:
        stack.origin                            # "http://127.0.0.1:<port>"
        stack.user_token("worker.astana")       # by the real log-in; client_token("agency-health-astana")
        stack.kill("intake")                    # kill -9 of the part and what it started; it is started again by itself
        stack.signal("casework-worker", signal.SIGSTOP)
        stack.stop_part("notifications"); stack.start_part("notifications"); stack.restart("mongod")

Parts: `mongod` (unless `mongo_url` is given), `issuer`, `gateway`, and for each service `<name>` and `<name>-worker`.

Guarantees: when `start` returns, every part answers; when `stop` returns, none of them is left; if this process is killed, all
parts end by themselves, and a new stack on the same folder waits for that. A part that dies is started again, a part that keeps
dying ever more slowly (up to RETRY_SECONDS). Errors: Trouble, one line, and nothing left running.

The kernel ties a child to the *thread* that started it: call `start` and `restart` from a thread that outlives the stack.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pymongo
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from shared.embedded import mongod, parts, ports, process
from shared.embedded.folder import explain, open_folder
from shared.embedded.log_ins import STAFF_PAGES, make_secrets
from shared.embedded.parts import SERVICES, Part, Plan, Service
from shared.embedded.process import Lock, Process
from shared.embedded.trouble import Trouble

READY_SECONDS = 60.0
STOP_SECONDS = (2.5, 4.5, 2.5)
"""What each stage gets before it is killed: gateway and workers, web processes, database. Together less than ten seconds."""
EARLIER_RUN_SECONDS = 12.0
RETRY_SECONDS = 10.0
SETTLED_SECONDS = 30.0
"""A part that lived so long starts with a clean slate when it dies."""
LOOK_SECONDS = 0.1


class Stack:
    def __init__(
        self,
        data_dir: Path,
        port: int = 8000,
        *,
        services: tuple[Service, ...] = SERVICES,
        mongo_url: str = "",
        log: str = "embedded",
        environment: Mapping[str, str] | None = None,
        mongod_options: Sequence[str] = (),
        revive: bool = True,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Nothing starts yet. `environment`: settings for all parts, over those of the stack; `mongod_options`: for its own mongod;
        `revive`: start dead parts again; `say`: called with each line of progress.
        """
        self.data_dir = data_dir.absolute()
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        self.mongo_url = mongo_url
        self.log = log
        self._services, self._environment = services, dict(environment or {})
        self._mongod_options = tuple(mongod_options)
        self._revive, self._say = revive, say
        self._parts: dict[str, Part] = {}
        self._processes: dict[str, Process] = {}
        self._failures: dict[str, int] = {}
        self._lock: Lock | None = None
        self._block: socket.socket | None = None
        self._guard = threading.RLock()
        self._stopping, self._stopped = threading.Event(), threading.Event()
        self._watcher: threading.Thread | None = None

    # -- all of it

    def start(self) -> Stack:
        """Start everything and wait until all of it answers. Raises Trouble; then nothing is left running."""
        try:
            self._start()
        except OSError as error:
            self.stop()
            raise Trouble(explain(error, self.data_dir)) from None
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End everything, within ten seconds: first what takes new work, then what does it, then the database."""
        self._stopping.set()
        with self._guard:
            for stage, seconds in enumerate(STOP_SECONDS):
                names = [name for name in self._running() if self._stage(name) == stage]
                process.end([self._processes.pop(name) for name in names], seconds)
        self._stopped.set()
        if self._watcher:
            self._watcher.join()
        for kept in (self._block, self._lock):
            if kept:
                kept.close()

    def __enter__(self) -> Stack:
        return self.start()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # -- its parts

    @property
    def parts(self) -> list[str]:
        return list(self._parts)

    def url(self, name: str) -> str:
        """Where a part listens itself, past the gateway."""
        return f"http://127.0.0.1:{self._parts[name].port}"

    def log_file(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"

    def pid_of(self, name: str) -> int:
        """The process id of a part (of gunicorn's master for a web process); another one after it was started again."""
        with self._guard:
            return self._processes[name].pid

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a part and all that it started."""
        with self._guard:
            self._processes[name].send(number)

    def kill(self, name: str) -> None:
        """kill -9 a part and all that it started. It is started again by itself, unless the stack does not revive."""
        self.signal(name, signal.SIGKILL)

    def stop_part(self, name: str, seconds: float = 8.0) -> None:
        """End a part and leave it so."""
        with self._guard:
            process.end([self._processes.pop(name)], seconds)

    def start_part(self, name: str, seconds: float = READY_SECONDS) -> None:
        """Start a part that is not running and wait until it is ready."""
        with self._guard:
            if name not in self._processes or self._processes[name].code is not None:
                self._launch(self._parts[name])
        self.wait_ready(name, seconds)

    def restart(self, name: str) -> None:
        self.stop_part(name)
        self.start_part(name)

    def wait_ready(self, name: str, seconds: float = READY_SECONDS) -> None:
        """Wait until a part answers. Raises Trouble when it does not in time."""
        part, end = self._parts[name], time.monotonic() + seconds
        while not _answers(part):
            if time.monotonic() > end:
                raise Trouble(f"{name} did not answer within {seconds:.0f} s: see {self.log_file(name)}.")
            time.sleep(0.03)

    # -- tokens

    def user_token(self, login: str) -> str:
        """An access token of a demo user, by the real log-in."""
        from shared.embedded import token  # only here: `make run` needs no HTTP client, and it costs 7 MB

        secrets = self.secrets
        return token.user_token(self.origin, login, secrets.users[login], secrets.clients[STAFF_PAGES])

    def client_token(self, client_id: str) -> str:
        """An access token of a demo client, by client credentials."""
        from shared.embedded import token

        return token.client_token(self.origin, client_id, self.secrets.clients[client_id])

    # -- how

    def _start(self) -> None:
        begun = time.monotonic()
        ports.check_base(self.port)
        open_folder(self.data_dir)
        self._lock = Lock(self.data_dir)
        if not self._lock.take(EARLIER_RUN_SECONDS, lambda: self._say("Waiting for an earlier run to end …")):
            raise Trouble(
                f"A stack is already running on DATA_DIR ({self.data_dir}): end it, or choose another DATA_DIR."
            )
        self.secrets = make_secrets(self.data_dir)
        with self._reporting("database", begun):
            plan = self._with_database()
        programs = parts.programs(plan)
        for part in programs:
            ports.check_free(part.port, part.name)
        self._block = ports.hold(self.port)
        with self._reporting("databases migrated and seeded", begun):
            self._prepare(plan)
        for part in programs:
            self._parts[part.name] = part
            self._launch(part)
        for part in programs:
            with self._reporting(part.name, begun):
                self._await_first(part.name)
        if self._revive:
            self._watcher = threading.Thread(target=self._watch, name="stack")
            self._watcher.start()

    def _with_database(self) -> Plan:
        """The plan, with a database that answers: the one given, or our own mongod."""
        port = None
        if not self.mongo_url:
            port = mongod.kept_port(self.data_dir / "mongod", self.port + ports.MONGOD)
        plan = Plan(
            data_dir=self.data_dir,
            port=self.port,
            mongo_url=self.mongo_url or mongod.url(port),
            mongod_port=port,
            log=self.log,
            secrets=self.secrets,
            services=self._services,
            environment=self._environment,
            mongod_options=self._mongod_options,
        )
        own = parts.database(plan)
        if own is None:
            check_replica_set(self.mongo_url)
            return plan
        ports.check_free(own.port, own.name)
        self._parts[own.name] = own
        server = self._launch(own)
        try:
            mongod.make_ready(own.port, lambda: server.code is None, READY_SECONDS)
        except mongod.MongodFailed as failure:
            raise Trouble(f"{failure} See {self.log_file(own.name)}.") from None
        self.mongo_url = plan.mongo_url
        return plan

    def _prepare(self, plan: Plan) -> None:
        log = self.log_file("prepare")
        log.unlink(missing_ok=True)
        run = Process(parts.preparation(plan), parts.settings(plan), log, self._lock)
        self._processes["prepare"] = run
        ended = run.wait(READY_SECONDS)
        run.kill()
        del self._processes["prepare"]
        if not ended or run.code:
            raise Trouble(f"The databases could not be made ready ({_last_step(log)}): see {log}.")

    def _launch(self, part: Part) -> Process:
        started = Process(part.command, part.environment, self.log_file(part.name), self._lock)
        self._processes[part.name] = started
        return started

    def _await_first(self, name: str) -> None:
        """Like wait_ready, but a part that dies before it was ever ready is a reason to give up."""
        end = time.monotonic() + READY_SECONDS
        while not _answers(self._parts[name]):
            code = self._processes[name].code
            if code is not None:
                raise Trouble(
                    f"{name} ended while it was starting ({_how(code)}): see {self.log_file(name)}."
                )
            if time.monotonic() > end:
                raise Trouble(
                    f"{name} did not answer within {READY_SECONDS:.0f} s: see {self.log_file(name)}."
                )
            time.sleep(0.03)

    @contextlib.contextmanager
    def _reporting(self, what: str, begun: float) -> Iterator[None]:
        yield
        self._say(f"  {time.monotonic() - begun:5.1f} s  {what}")

    def _running(self) -> list[str]:
        return list(self._processes)

    def _stage(self, name: str) -> int:
        return self._parts[name].stage if name in self._parts else 0

    def _watch(self) -> None:
        """Runs in a thread of its own until all parts are gone: dead parts are started again, long logs shortened."""
        retry_at: dict[str, float] = {}
        while not self._stopped.wait(LOOK_SECONDS):
            for name in self._running():
                process.shorten(self.log_file(name))
                with self._guard:
                    if not self._stopping.is_set():
                        self._revive_one(name, retry_at)

    def _revive_one(self, name: str, retry_at: dict[str, float]) -> None:
        dead = self._processes.get(name)
        if dead is None or dead.code is None:
            return
        now = time.monotonic()
        if name not in retry_at:
            failures = 0 if now - dead.started > SETTLED_SECONDS else self._failures.get(name, 0)
            self._failures[name] = failures + 1
            wait = min(RETRY_SECONDS, 0.1 * 4**failures)
            retry_at[name] = now + wait
            when = f" in {wait:.0f} s" if wait >= 1 else ""
            self._say(f"{name} ended ({_how(dead.code)}) and is started again{when}.")
        if now >= retry_at[name]:
            del retry_at[name]
            dead.kill()  # what it had started may still hold its port
            with contextlib.suppress(Trouble, OSError):  # it stays dead, so the next look tries again
                self._launch(self._parts[name])


def check_replica_set(mongo_url: str) -> None:
    """Whether a replica set answers at a URL that somebody gave. Raises Trouble; the text has no password in it."""
    try:
        hosts = ", ".join(f"{host}:{port}" for host, port in parse_uri(mongo_url)["nodelist"])
        with pymongo.MongoClient(mongo_url, serverSelectionTimeoutMS=5000) as client:
            hello: dict[str, Any] = client.admin.command("hello")
    except (PyMongoError, ValueError) as error:
        if isinstance(error, PyMongoError) and error.timeout:
            raise Trouble(f"No database answers at MONGO_URL ({hosts}).") from None
        raise Trouble(f"MONGO_URL cannot be used: {type(error).__name__}.") from None
    if "setName" not in hello:
        raise Trouble(f"The database at MONGO_URL ({hosts}) is not a replica set; transactions need one.")


def _answers(part: Part) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", part.port, timeout=2)
    try:
        connection.connect()
        if not part.health:
            return True
        connection.request("GET", part.health)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _last_step(log: Path) -> str:
    """The last step that `prepare` named."""
    named = re.findall(r"^\S+ (?:migrate|seed)$", log.read_text(errors="replace"), re.MULTILINE)
    return named[-1] if named else "before the first step"
