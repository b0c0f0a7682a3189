"""What is done to a process of the stack before its own code runs: which part it is, its build, its points."""

from __future__ import annotations

import os
import re
import sys


def part() -> str:
    """`intake` (a web process), `intake-worker`, or what FAULTS_PART says; "" for a process that is none of the services'."""
    command = " ".join(sys.orig_argv)
    if web := re.search(r"services\.(\w+)\.app:create_app", command):
        name = web[1]
    elif worker := re.search(r"-m services\.(\w+) worker$", command):
        name = f"{worker[1]}-worker"
    else:
        return ""
    return os.environ.get("FAULTS_PART", name)


def enter() -> None:
    """Set up this process. Nothing of the services is imported before, so that what is changed is what they get."""
    name = part()
    if not name:
        return
    from tests.faults.inside import builds, orders, points

    orders.begin(name)
    builds.BUILDS[os.environ["FAULTS_BUILD"]]()
    points.install(name)
