"""Runs `spine_app` in processes that are cheap to start: forked from one that has imported everything already.

The process of the tests imports this module, and never `spine_app` itself.
"""

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["pytest", "tests.faults.spine_app"])


def start_worker(settings, service: str, death_rate: float):
    process = PROCESSES.Process(target=_work, args=(settings, service, death_rate), daemon=True)
    process.start()
    return process


def start_client(settings, commands: int):
    """Answers the process, and the connection on which it sends a ping's name for every command acknowledged."""
    here, there = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_load, args=(settings, commands, there), daemon=True)
    process.start()
    there.close()
    return process, here


def _work(settings, service: str, death_rate: float) -> None:
    from tests.faults import spine_app

    spine_app.work(settings, service, death_rate)


def _load(settings, commands: int, acknowledged) -> None:
    from tests.faults import spine_app

    spine_app.App(settings).load(commands, acknowledged.send)
