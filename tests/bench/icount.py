"""Boots machines that count instructions deterministically, and reads what a program in them reports.

One tick of the emulated time-stamp counter is one instruction and one nanosecond; the counter starts at power-on. Figures
repeat within about one part in a thousand, whatever else the machine does.
"""
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "boot"))

import machine  # noqa: E402
import watch  # noqa: E402
from cases import FORBIDDEN, Case  # noqa: E402
from kit import KitError  # noqa: E402

ICOUNT = ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm,base=2026-01-01"]
LIMIT = 600  # seconds of wall time for one boot


def boot(kit, name, memory, words, done, limit=LIMIT):
    """Boots one machine until a line matches `done` and returns the values of its BENCH lines."""
    case = Case(name, cpus=1, memory=memory, accel="tcg,thread=single")
    log = os.path.join(kit.build, "tests", f"bench-{name}.log")
    with tempfile.TemporaryDirectory(prefix="vellum-") as scratch:
        monitor = watch.Monitor(f"{scratch}/qmp")
        command = machine.qemu(case, ["qemu-system-x86_64"], scratch, ICOUNT + words, log)
        ending, text, _ = watch.run(command, log, re.compile("|".join(FORBIDDEN)), limit, monitor=monitor,
                                    done=re.compile(done))
    if ending.how not in ("done", "exit") or not re.search(done, text, re.M):
        raise KitError(f"{name}: {ending.line or 'no result (' + ending.how + ')'}; see {log}")
    return {m[1]: int(m[2], 0) for m in re.finditer(r"^BENCH (\w+) (\w+)", text, re.M)}
