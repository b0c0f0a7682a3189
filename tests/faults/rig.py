"""A whole stack of real processes, with a load, and the means to harm it at chosen points.

    with Rig(folder, log="embedded", build="honest", seed=7) as rig:
        with rig.load():
            rig.hit("intake-worker", "relay:acknowledged")              # kill -9 when it passes that point
            rig.stop({"casework": "consumer:polled"}, 5.0)              # SIGSTOP there, SIGCONT five seconds later
            rig.kill("intake")                                          # kill -9 wherever it is
            rig.end(["intake", "casework"])                             # SIGTERM
            rig.orders.bug("casework", percent=25)                      # fails at the events of a quarter of the families
            with rig.keeper.full_disk(): …                              # nothing of the database can be written down
            rig.whole()                                                 # nothing ordered, nothing stopped, everything answers
        rig.differences(rest_seconds=120)                               # {} where all that was promised holds

| part of it | module | has |
|---|---|---|
| `rig.keeper` | `keeper.py` | starts again what has died, counts deaths: one without being hit is a difference |
| `rig.orders` | `orders.py` | what the processes are to do at a point, and bugs in them |
| `rig.journal` | `journal.py` | what they have written down about themselves |
| `rig.second_workers` | `second_workers.py` | a second worker of each service |
| `rig.links` | `links.py` | the links that the parts reach each other by, where the set-up leads them through proxies |

What there is at the end is seen by `seen.py`. The points and the builds are in `inside/`; the processes get them by PYTHONPATH.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from shared.embedded.kafka import Broker
from shared.embedded.ports import free_base
from shared.embedded.process import ROOT
from shared.embedded.stack import Stack
from shared.settings import Settings
from tests import oracle
from tests.callers import until
from tests.faults import seen
from tests.faults.desk import Desk, Tokens
from tests.faults.journal import Journal
from tests.faults.keeper import Ended, Keeper
from tests.faults.ledger import Ledger
from tests.faults.links import Links
from tests.faults.load import Load
from tests.faults.orders import Orders
from tests.faults.parts import kind_of
from tests.faults.second_workers import SecondWorkers

INSIDE = Path(__file__).parent / "inside" / "site"


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
        self.strangers: set[str] = set()
        """Subjects of events that no service has told: what a scenario has put on the log."""
        self.hits: Counter[str] = Counter()
        """What was done: `kill relay:acknowledged` → how often."""
        self.kills: Counter[str] = Counter()
        """kill -9 by the kind of process: `web`, `worker`, `mongod`, `broker`."""
        self.notes: list[str] = []
        """What a scenario has measured."""
        self.wrong: dict[str, str] = {}
        """What a scenario has seen that should not be: the name of its check → what."""
        self.begun_with = 0
        """How many requests had been acknowledged when the scenario began."""
        self.journal = Journal(folder)
        self.orders = Orders(folder, self.journal, self.hits)
        self.links: Links | None = None

    def begin(self) -> None:
        """A scenario begins: what was done, seen and measured before was another's."""
        self.hits.clear()
        self.kills.clear()
        self.notes.clear()
        self.wrong.clear()
        self.journal.begin()
        self.begun_with = len(self.ledger.done)

    def times(self, short: int, normal: int, long: int) -> int:
        return {"short": short, "normal": normal, "long": long}[self.scale]

    # ------------------------------------------------------------------ begin and end

    def __enter__(self) -> Rig:
        self.orders.lay_out()
        with contextlib.ExitStack() as begun:
            environment = {
                "PYTHONPATH": f"{INSIDE}{os.pathsep}{ROOT}",
                "FAULTS_FOLDER": str(self.folder),
                "FAULTS_BUILD": self.build,
            }
            bootstrap, prefix = "", ""
            if self.broker:
                if self.broker.code is not None:
                    self.broker.start()  # an earlier run has not come so far as to start it again
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
            self.second_workers = SecondWorkers(self.stack)
            begun.callback(self.second_workers.end, 5.0)
            self.keeper = begun.enter_context(Keeper(self.stack))
            self._open = begun.pop_all()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    # ------------------------------------------------------------------ people at work

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
        """For the length of the block, see `Load.slow_down`."""
        self._load.slow_down(slowness)
        try:
            yield
        finally:
            self._load.slow_down(1.0)

    def go_on(self, acknowledged: int, seconds: float = 60.0) -> None:
        """Let the people work until so many more requests have been acknowledged."""
        wanted = len(self.ledger.done) + acknowledged
        until(
            lambda: len(self.ledger.done) >= wanted, f"{acknowledged} more requests are acknowledged", seconds
        )

    def at_an_acknowledgement(self, seconds: float = 60.0) -> None:
        """Returns in the moment in which a client has its answer: what is only in memory then is lost by a kill."""
        known, end = len(self.ledger.done), time.monotonic() + seconds
        while len(self.ledger.done) == known:
            assert time.monotonic() < end, "nothing is acknowledged any more"
            time.sleep(0.001)  # `until` looks every 30 ms: by then the journal may be written

    @property
    def origin(self) -> str:
        """Where the people go."""
        return self.links.origin if self.links else self.stack.origin

    def desk(self) -> Desk:
        """One more of them, who does what the scenario says."""
        return Desk(self.origin, self.tokens, self.ledger, threading.Event())

    # ------------------------------------------------------------------ harm

    def hit(self, part: str, point: str) -> None:
        """kill -9 the part when it passes the point. Raises NotPut where nobody comes there."""
        self.wait_ready(part)
        self.orders.carry_out("kill", point, part)
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
                stopped.append(self.orders.carry_out("stop", point, f"{service}-workers").pid)
            yield
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    def kill(self, part: str) -> None:
        """kill -9 the part wherever it is."""
        self._count_kill(part)
        self.hits[f"kill {part}"] += 1
        self.stack.kill(part)

    def kill_broker(self) -> None:
        self.kills["broker"] += 1
        self.hits["kill broker"] += 1
        self.broker.kill()

    def end(self, parts: Sequence[str]) -> dict[str, Ended]:
        """SIGTERM all of these at once, and wait for them; how each has ended. Then they are started again."""
        self.hits.update(f"term {part}" for part in parts)
        return self.keeper.end(parts)

    def wait_ready(self, part: str) -> None:
        self.stack.wait_ready(part)

    def whole(self) -> None:
        """Nothing is ordered any more, nothing stopped, no bug is left, and everything answers."""
        self.orders.withdraw()
        self.orders.mend()
        self.keeper.held.clear()
        for part in self.stack.parts:
            with contextlib.suppress(KeyError):
                self.stack.signal(part, signal.SIGCONT)
        self.second_workers.signal(signal.SIGCONT)
        if self.broker:
            self.broker.send(signal.SIGCONT)
            if self.broker.code is not None:
                self.broker.start()
        for part in self.stack.parts:
            self.stack.wait_ready(part)

    def _count_kill(self, part: str) -> None:
        self.keeper.expect(part)
        self.kills[kind_of(part)] += 1

    # ------------------------------------------------------------------ what is to be seen

    def differences(self, rest_seconds: float) -> tuple[dict[str, str], dict[str, int]]:
        """What does not hold of what was promised, by the name of the check, and what was counted."""
        found, counted = seen.differences(self.world, self.ledger, self.journal, self.strangers, rest_seconds)
        if strange := self.keeper.unexpected():
            found["deaths"] = f"died without being hit: {strange}"
        return found, counted
