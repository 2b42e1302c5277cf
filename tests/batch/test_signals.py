"""Told to end: once, it finishes what is begun; twice, it is gone at once."""

from __future__ import annotations

import subprocess
import sys
import time

BUSY = """
import os, signal, time
from runbook_lib.batch.crew import Task, in_order
from runbook_lib.batch.signals import heard

def work(name):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
    if {times} > 1:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    return name

with heard() as stop:
    done = []
    crew = Task(work, lambda name: None, lambda name, came: done.append(came) is None, lambda: stop() is not None)
    in_order({{"web": (), "cart": ("web",)}}, (), crew, 2)
print(done, stop())
"""


def told(times: int) -> tuple[int, str, float]:
    began = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", BUSY.format(times=times)], capture_output=True, text=True, timeout=90)
    return ran.returncode, ran.stdout.strip(), time.monotonic() - began


def test_once_it_finishes_what_is_begun_and_begins_nothing_more() -> None:
    assert told(1)[:2] == (0, "['web'] 15")


def test_twice_it_ends_at_once_whatever_a_member_is_doing() -> None:
    code, said, seconds = told(2)
    assert (code, said) == (130, "")
    assert seconds < 30
