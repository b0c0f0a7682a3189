"""A whole stack of real processes, with a load, and the means to harm it at chosen points.

    with Rig(folder, log="embedded", build="honest", seed=7) as rig:
        with rig.load():
            rig.hit("intake-worker", "relay:acknowledged")              # kill -9 when it passes that point
            rig.stop({"casework": "consumer:polled"}, 5.0)              # SIGSTOP there, SIGCONT five seconds later
            rig.kill("intake")                                          # kill -9 wherever it is
            rig.end(["intake", "casework"])                             # SIGTERM
            with rig.full_disk(): …                                     # nothing of the database can be written down
            rig.whole()                                                 # nothing ordered, nothing stopped, everything answers
        rig.differences()                                               # {} where all that was promised holds

What dies is started again at once by a thread of the rig (the stack would wait ever longer, which is right in earnest). A part that
dies without being hit is a difference. The points and the builds are in `inside/`; the processes get them by PYTHONPATH.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import httpx

from shared.embedded import process
from shared.embedded.kafka import Broker
from shared.embedded.ports import free_base
from shared.embedded.process import ROOT, Process
from shared.embedded.stack import Stack
from shared.embedded.trouble import Trouble
from shared.settings import Settings
from tests import oracle
from tests.callers import until
from tests.faults import claims
from tests.faults.desk import Desk, Tokens
from tests.faults.ledger import Ledger
from tests.faults.links import Links
from tests.faults.load import Load

SERVICES = tuple(oracle.AGGREGATES)
INSIDE = Path(__file__).parent / "inside" / "site"
REST_SECONDS = {"honest": 120.0}
"""How long a build may take to come to rest after the faults; a broken one need not be waited for so long."""
REST_SECONDS_BROKEN = 25.0
ROOM = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
"""The limit on the size of files, as it usually is."""
END_SECONDS = 20.0
"""How long a part is waited for that was told to end, before it is killed."""
HIT_SECONDS = 30.0
"""How long a point may take to be reached under load."""


class NotPut(Exception):
    """A fault could not be put to the test: nobody came to that point in time."""


@dataclass(frozen=True)
class Line:
    """What a process of the stack has written down about itself. `at`: by the monotonic clock, which all of them share."""

    at: float
    part: str
    pid: int
    what: str
    point: str


@dataclass(frozen=True)
class Ended:
    """How a part ended that was told to: after how many seconds, and its exit code (negative: the signal that ended it)."""

    seconds: float
    code: int


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How a stack is set up, where a scenario wants it otherwise. `through_proxies`: its parts reach each other by `Links`."""

    through_proxies: bool = False
    mongod_options: tuple[str, ...] = ()


PLAIN = Setup()


class Rig:
    """`scale`: `short`, `normal` or `long`: how much of everything. `seed` decides who is hit where and when, not how the
    processes then interleave: a failure may need several runs."""

    def __init__(
        self,
        folder: Path,
        log: str = "embedded",
        build: str = "honest",
        seed: int = 1,
        scale: str = "normal",
        broker: Broker | None = None,
        setup: Setup = PLAIN,
        is_first: bool = True,
    ) -> None:
        """`broker`: the one that the log is on, for `log="kafka"`. Others may be there too: the names get the folder's in front.
        `is_first`: of several seeds; what takes very long is done with the first one alone.
        """
        self.folder, self.log, self.build, self.seed, self.scale = folder, log, build, seed, scale
        self.broker, self.setup, self.is_first = broker, setup, is_first
        self.chance = random.Random(seed)
        self.ledger = Ledger()
        self.hits: Counter[str] = Counter()
        """What was done: `kill relay:acknowledged` → how often."""
        self.kills: Counter[str] = Counter()
        """kill -9 by the kind of process: `web`, `worker`, `mongod`, `broker`."""
        self.links: Links | None = None
        """The links that the parts reach each other by, where the set-up leads them through proxies."""
        self.strangers: set[str] = set()
        """Subjects of events that no service has told: what a scenario has put on the log."""
        self.held: set[str] = set()
        """Parts that are left dead."""
        self._without_room: set[str] = set()
        self._limited: set[int] = set()
        self.notes: list[str] = []
        """What a scenario has measured."""
        self.wrong: dict[str, str] = {}
        """What a scenario has seen that should not be: the name of its check → what."""
        self.begun_with = 0
        """How many requests had been acknowledged when the scenario began."""
        self._begun = 0
        self._killed: Counter[str] = Counter()
        self._deaths: dict[int, str] = {}
        self._seconds: dict[str, Process] = {}
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper")

    def begin(self) -> None:
        """A scenario begins: what was done, seen and measured before was another's."""
        self.hits.clear()
        self.kills.clear()
        self.notes.clear()
        self.wrong.clear()
        self._begun = len(self._lines())
        self.begun_with = len(self.ledger.done)

    def times(self, short: int, normal: int, long: int) -> int:
        return {"short": short, "normal": normal, "long": long}[self.scale]

    # ------------------------------------------------------------------ begin and end

    def __enter__(self) -> Rig:
        for name in ("orders", "taken", "bugs", "handled"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as begun:
            environment = {
                "PYTHONPATH": f"{INSIDE}{os.pathsep}{ROOT}",
                "FAULTS_FOLDER": str(self.folder),
                "FAULTS_BUILD": self.build,
            }
            bootstrap, prefix = "", ""
            if self.broker:
                bootstrap, prefix = self.broker.bootstrap, f"{self.folder.name}_"
                environment |= {"KAFKA_BOOTSTRAP": bootstrap, "DATABASE_PREFIX": prefix}
            base = free_base()
            if self.setup.through_proxies:
                self.links = begun.enter_context(Links(base, self.broker))
                environment |= self.links.environment
            self.stack = begun.enter_context(
                Stack(
                    self.folder / "data",
                    base,
                    log=self.log,
                    environment=environment,
                    mongod_options=self.setup.mongod_options,
                    revive=False,
                )
            )
            settings = Settings(
                mongo_url=self.stack.mongo_url,
                log=self.log,
                kafka_bootstrap=bootstrap,
                database_prefix=prefix,
            )
            self.world = oracle.World(self.stack, settings=settings)
            begun.callback(self.world.close)
            self.tokens = Tokens(self.stack)
            begun.callback(self._end_keeper)
            self._keeper.start()
            self._open = begun.pop_all()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def _end_keeper(self) -> None:
        self._ending.set()
        self._keeper.join()
        process.end(list(self._seconds.values()), 5.0)

    # ------------------------------------------------------------------ load

    @contextlib.contextmanager
    def load(self) -> Iterator[Load]:
        """People at work. Whatever goes wrong in the block, the parts are whole again before they are told to stop."""
        load = self._load = Load(self.origin, self.tokens, self.ledger, self.chance.randrange(10**6))
        with load:
            self.go_on(3)
            try:
                yield load
            finally:
                self.whole()
        if load.failures:
            raise load.failures[0]

    @contextlib.contextmanager
    def slowly(self, slowness: float) -> Iterator[None]:
        """The people wait so many times longer between two steps, for the length of the block."""
        self._load.slowness = slowness
        try:
            yield
        finally:
            self._load.slowness = 1.0

    def go_on(self, acknowledged: int, seconds: float = 60.0) -> None:
        """Let the people work until so many more requests have been acknowledged."""
        wanted = len(self.ledger.done) + acknowledged
        until(
            lambda: len(self.ledger.done) >= wanted, f"{acknowledged} more requests are acknowledged", seconds
        )

    @property
    def origin(self) -> str:
        """Where the people go."""
        return self.links.origin if self.links else self.stack.origin

    def at_an_acknowledgement(self, seconds: float = 60.0) -> None:
        """Returns in the moment in which a client has its answer: what is only in memory then is lost by a kill."""
        known, end = len(self.ledger.done), time.monotonic() + seconds
        while len(self.ledger.done) == known:
            assert time.monotonic() < end, "nothing is acknowledged any more"
            time.sleep(0.001)  # `until` looks every 30 ms: by then the journal may be written

    def desk(self) -> Desk:
        return Desk(self.origin, self.tokens, self.ledger, threading.Event())

    # ------------------------------------------------------------------ harm

    def hit(self, part: str, point: str) -> None:
        """kill -9 the part when it passes the point. Raises NotPut where nobody comes there."""
        self.wait_ready(part)
        self._carry_out("kill", point, (part,))
        self._count_kill(part)

    def stop(self, targets: Mapping[str, str], seconds: float) -> None:
        """SIGSTOP one worker of each of these services at the point that is named for it; SIGCONT all so many seconds later."""
        with self.stopped(targets):
            time.sleep(seconds)  # this is the fault: how long they stand still

    @contextlib.contextmanager
    def stopped(self, targets: Mapping[str, str]) -> Iterator[None]:
        """One worker of each of these services stands still at its point, for the length of the block."""
        stopped = []
        try:
            for service, point in targets.items():
                self.wait_ready(f"{service}-worker")
                stopped.append(self._carry_out("stop", point, self.workers(service)).pid)
            yield
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    def _carry_out(self, what: str, point: str, parts: Sequence[str]) -> Line:
        """Order it of these parts, and wait until one of them has carried it out."""
        seen = len(self.journal())
        orders = [self.folder / "orders" / f"{part}@{point}" for part in parts]
        for order in orders:
            written = self.folder / "taken" / order.name
            written.write_text(what)
            written.rename(order)

        def carried_out() -> Line | None:
            lines = self.journal()[seen:]
            return next((line for line in lines if (line.what, line.point) == (what, point)), None)

        try:
            line = until(carried_out, f"{parts[0]} passes {point}", HIT_SECONDS)
        except AssertionError as late:
            raise NotPut(str(late)) from None
        finally:
            for order in orders:
                order.unlink(missing_ok=True)
        self.hits[f"{what} {point}"] += 1
        return line

    def kill(self, part: str) -> None:
        """kill -9 the part wherever it is."""
        self._count_kill(part)
        self.hits[f"kill {part}"] += 1
        self.stack.kill(part)

    def kill_broker(self) -> None:
        self.kills["broker"] += 1
        self.hits["kill broker"] += 1
        self.broker.kill()

    def _count_kill(self, part: str) -> None:
        self._killed[part] += 1
        self.kills["worker" if "-worker" in part else "web" if part in SERVICES else part] += 1

    def end(self, parts: Sequence[str]) -> dict[str, Ended]:
        """SIGTERM all of these at once, and wait for them; how each has ended. Then they are started again."""
        pids = {part: self.stack.pid_of(part) for part in parts}
        ended: dict[str, Ended] = {}
        self.held.update(parts)
        begun = time.monotonic()
        for part in parts:
            self._killed[part] += 1
            self.hits[f"term {part}"] += 1
            self.stack.signal(part, signal.SIGTERM)

        def all_ended() -> bool:
            for part, pid in pids.items():
                code = None if part in ended else _exit_code(pid)
                if code is not None:
                    ended[part] = Ended(time.monotonic() - begun, code)
            return len(ended) == len(pids)

        try:
            until(all_ended, "who was told to end has ended", END_SECONDS)
        except AssertionError:
            for part in pids.keys() - ended.keys():
                ended[part] = Ended(time.monotonic() - begun, -signal.SIGKILL)
                self.stack.kill(part)
        finally:
            self.held.difference_update(parts)
        return ended

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """For the length of the block mongod, and whichever is started in its place, has no room. See `take_room`."""
        self._without_room.add("mongod")
        try:
            yield
        finally:
            self._without_room.discard("mongod")
            for pid in tuple(self._limited):
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, ROOM)
            self._limited.clear()

    def deaths(self, part: str) -> int:
        """How often the part has died since the stack began."""
        return Counter(self._deaths.values())[part]

    def bug(
        self, service: str, families: tuple[str, ...] = (), percent: int = 0, types: tuple[str, ...] = ()
    ) -> None:
        """From now on the service fails at events (of these types; of all) of these families, or of a share of all."""
        path = self.folder / "bugs" / service
        text = json.dumps({"families": families, "percent": percent, "types": types})
        path.with_name(f"{service}.new").write_text(text)
        path.with_name(f"{service}.new").rename(path)
        self.hits[f"bug in {service}"] += 1

    def mend(self) -> None:
        for path in (self.folder / "bugs").iterdir():
            path.unlink()

    def second_workers(self, services: tuple[str, ...] = SERVICES) -> None:
        """From now on each of these services has two workers; the second is `<service>-worker-2`. Ended by `one_worker`."""
        for service in services:
            first = Path(f"/proc/{self.stack.pid_of(f'{service}-worker')}/environ").read_bytes().decode()
            environment = dict(entry.partition("=")[::2] for entry in first.split("\0") if entry)
            name = f"{service}-worker-2"
            self._seconds[name] = Process(
                (sys.executable, "-m", f"services.{service}", "worker"),
                {**environment, "FAULTS_PART": name, "WORKER_METRICS_PORT": "0"},
                self.stack.log_file(name),
            )

    def workers(self, service: str) -> tuple[str, ...]:
        """The names of its workers."""
        names = (f"{service}-worker", f"{service}-worker-2")
        return tuple(name for name in names if name in self._seconds or name in self.stack.parts)

    def one_worker(self) -> None:
        ending, self._seconds = self._seconds, {}
        process.end(list(ending.values()), 8.0)

    def wait_ready(self, part: str) -> None:
        self.stack.wait_ready(part)

    def whole(self) -> None:
        """Nothing is ordered any more, nothing stopped, no bug is left, and everything answers."""
        for order in (self.folder / "orders").iterdir():
            order.unlink(missing_ok=True)
        self.mend()
        self.held.clear()
        for part in self.stack.parts:
            with contextlib.suppress(KeyError):
                self.stack.signal(part, signal.SIGCONT)
        for second in self._seconds.values():
            second.send(signal.SIGCONT)
        if self.broker:
            self.broker.send(signal.SIGCONT)
            if self.broker.code is not None:
                self.broker.start()
        for part in self.stack.parts:
            self.stack.wait_ready(part)

    def _keep(self) -> None:
        """Runs in a thread of its own: starts again what has died."""
        while not self._ending.wait(0.05):
            for part in self.stack.parts:
                pid = self.stack.pid_of(part)
                if part not in self.held and _is_dead(pid):
                    self._deaths[pid] = part
                    with contextlib.suppress(Trouble, OSError):
                        self.stack.start_part(part, 0.0)
                if part in self._without_room:
                    self._take_room(part)

    def _take_room(self, part: str) -> None:
        pid = self.stack.pid_of(part)
        if pid not in self._limited and pid not in self._deaths:
            with contextlib.suppress(ProcessLookupError):
                take_room(pid)
                self._limited.add(pid)
                self._killed[part] += 1

    # ------------------------------------------------------------------ what is to be seen

    def journal(self) -> list[Line]:
        """What the processes have written down since the scenario began."""
        lines = map(str.split, self._lines()[self._begun :])
        return [Line(float(at), part, int(pid), what, point) for at, part, pid, what, point in lines]

    def mistakes(self) -> int:
        """How often a broken build has said that it makes its mistake, since the stack began."""
        return sum(" broken " in line for line in self._lines())

    def _lines(self) -> list[str]:
        path = self.folder / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def handled(self) -> claims.Handled:
        return {service: [tuple(line.split()) for line in self._handled(service)] for service in SERVICES}

    def _handled(self, service: str) -> list[str]:
        path = self.folder / "handled" / service
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if line.partition(" ")[0] not in self.strangers]

    def picture(self) -> oracle.Picture:
        """Everything there is, without the strangers."""
        picture = self.world.picture()
        intake = picture.documents["intake"]
        for name in ("timeline", "worklist"):
            rows = {id: row for id, row in intake[name].items() if row["subject"] not in self.strangers}
            intake = {**intake, name: rows}
        log = [envelope for envelope in picture.log if envelope.subject not in self.strangers]
        return replace(picture, log=log, documents={**picture.documents, "intake": intake})

    def counted(self) -> dict[str, int]:
        """What there is so far: `events`, `repeats`, `sms`."""
        return oracle.counted(oracle.Picture(self.world.log(), {}, self.world.sms()))

    def differences(self) -> tuple[dict[str, str], dict[str, int]]:
        """What does not hold of what was promised, by the name of the check, and what was counted."""
        found = {}
        try:
            self.world.at_rest(REST_SECONDS.get(self.build, REST_SECONDS_BROKEN))
        except AssertionError as unrest:
            found["at-rest"] = str(unrest)
        picture = self.picture()
        found |= oracle.differences(picture)
        found |= claims.differences(picture, self.ledger, self.handled())
        breaches = {service: self.breaches(service) for service in SERVICES}
        if any(breaches.values()):
            found["breaches"] = str(breaches)
        if strange := Counter(self._deaths.values()) - self._killed:
            found["deaths"] = f"died without being hit: {dict(strange)}"
        return found, oracle.counted(picture)

    def breaches(self, service: str) -> float:
        page = httpx.get(f"{self.stack.origin}/{service}/metrics", trust_env=False).text
        lines = [line for line in page.splitlines() if line.startswith("birtereze_open_items_in_breach{")]
        return sum(float(line.rpartition(" ")[2]) for line in lines) if lines else float("nan")


def take_room(pid: int) -> None:
    """From now on the kernel refuses whatever this process writes to a file.

    A limit on the size of files does that; a file system of our own, to be filled, would need rights. It ends as on one that is
    full: a write of mongod's journal fails (there with ENOSPC, here with EFBIG), and it aborts (SIGABRT).
    """
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def _exit_code(pid: int) -> int | None:
    """Of a child that has ended, with all its threads, and is still to be waited for: that is left to whoever started it."""
    died = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if died is None:
        return None
    return died.si_status if died.si_code == os.CLD_EXITED else -died.si_status
