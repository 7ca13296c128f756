"""Runs one emulator, reads its serial line as it comes, and says how it ended.

The child is always ended: by itself, by a marker that decides the outcome, or by the time limit.
"""
import json
import os
import re
import select
import socket
import subprocess
import time

# A forbidden line is often only the first of a report: read on this long for the log's sake.
LINGER = 3.0
KERNEL_LINE = re.compile(r"\[ *\d+\.\d+\] ")


class Console:
    """What came over the serial line, split as it is needed for markers and for prompts."""

    def __init__(self, log, echo):
        self.log = log
        self.echo = echo  # also show what a reader wants to see
        self.tests_begun = False
        self.text = ""
        self.lines_end = 0  # everything before it is whole lines that were handed out
        self.prompt_from = 0  # where the next expected prompt may begin

    def feed(self, data):
        self.log.write(data)
        self.log.flush()
        self.text += data.decode("utf-8", "replace").replace("\r", "").replace("\0", "")

    def new_lines(self):
        end = self.text.rfind("\n") + 1
        lines = self.text[self.lines_end:end].splitlines()
        self.lines_end = max(end, self.lines_end)
        for line in lines if self.echo else []:
            self.show(line)
        return lines

    def show(self, line):
        """The hypervisor's lines, and all behind the tests' beginning but the kernel's."""
        self.tests_begun |= line.startswith("VELLUM-TEST begin")
        if line.startswith(("(v)", "VELLUM-DOM0")) or self.tests_begun and not KERNEL_LINE.match(line):
            print(line, flush=True)

    def saw_prompt(self, pattern):
        match = re.compile(pattern).search(self.text, self.prompt_from)
        if match:
            self.prompt_from = match.end()
        return bool(match)


class Ending:
    """How a run ended. `how` is exit, done, forbidden, or timeout; `reason` is QEMU's reason for an exit."""

    def __init__(self):
        self.how = "exit"
        self.line = ""
        self.reason = ""
        self.status = None
        self.seconds = 0.0


class Monitor:
    """QEMU's machine protocol, which alone tells a power-off from a reset."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.settimeout(15)
        self.peer = None

    def greet(self):
        try:
            self.peer, _ = self.listener.accept()
        except socket.timeout:
            return
        self.peer.sendall(b'{"execute": "qmp_capabilities"}\n')

    def shutdown_reason(self):
        """Call after QEMU has exited."""
        if not self.peer:
            return ""
        self.peer.settimeout(1)
        data = b""
        try:
            while chunk := self.peer.recv(65536):
                data += chunk
        except OSError:
            pass
        for line in data.splitlines():
            event = json.loads(line)
            if event.get("event") == "SHUTDOWN":
                return event["data"].get("reason", "")
        return ""

    def close(self):
        for s in (self.peer, self.listener):
            if s:
                s.close()


CHILDREN = set()


def stop_all():
    """Ends the emulators that still run, when the runner itself must end."""
    for child in list(CHILDREN):
        stop(child)


def stop(child):
    """Ends our child, and no other process."""
    CHILDREN.discard(child)
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def step_script(script, console, child):
    """Sends the next answers for which the prompt has come; returns the steps that remain."""
    while script and console.saw_prompt(script[0][0]):
        answer = script[0][1]
        script = script[1:]
        if answer:
            try:
                child.stdin.write(answer.encode())
                child.stdin.flush()
            except BrokenPipeError:
                break
    return script


def follow(child, stream, console, patterns, script, limit, ending):
    """Reads until the child ends or the outcome is known. Returns the script steps not reached."""
    began = time.monotonic()
    deadline = began + limit
    open_stream = True
    while open_stream:
        left = deadline - time.monotonic()
        if left <= 0:
            if ending.how == "exit":
                ending.how = "timeout"
            break
        ready, _, _ = select.select([stream], [], [], min(left, 0.5))
        if ready:
            data = os.read(stream, 65536)
            open_stream = bool(data)
            console.feed(data)
        elif child.poll() is not None:
            break
        for line in console.new_lines():
            for how, pattern in zip(("forbidden", "done"), patterns):
                if pattern and ending.how == "exit" and pattern.search(line):
                    ending.how, ending.line = how, line.strip()
                    deadline = time.monotonic() + LINGER
        script = step_script(script, console, child)
    ending.seconds = time.monotonic() - began
    return script


def run(command, log_path, forbidden, limit, script=(), monitor=None, serial_fifo=None, echo=False, done=None):
    """Runs `command` until it ends or its outcome is decided; returns (Ending, text, steps left).

    The serial line is the child's standard output, or `serial_fifo` if the emulator can only write
    to a file. `script` is a list of (pattern to wait for, text to type). A line that matches `done`
    ends the run where the machine cannot end itself.
    """
    fifo = os.open(serial_fifo, os.O_RDONLY | os.O_NONBLOCK) if serial_fifo else None
    ending = Ending()
    with open(log_path, "wb") as log, open(log_path + ".stderr", "wb") as errors:
        log.write((" ".join(command) + "\n").encode())
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=errors,
                                 stdout=errors if fifo else subprocess.PIPE)
        CHILDREN.add(child)
        try:
            if monitor:
                monitor.greet()
            if fifo is not None:
                wait_for_writer(fifo, child)
            console = Console(log, echo)
            stream = fifo if fifo is not None else child.stdout.fileno()
            left = follow(child, stream, console, (forbidden, done), list(script), limit, ending)
            if ending.how == "exit":
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    ending.how = "timeout"
        finally:
            stop(child)
            if fifo is not None:
                os.close(fifo)
        ending.status = child.returncode
        if monitor:
            ending.reason = monitor.shutdown_reason()
            monitor.close()
    return ending, console.text, left


def wait_for_writer(fifo, child):
    """A FIFO without a writer reads as ended: wait until the emulator has opened it."""
    poller = select.poll()
    poller.register(fifo, select.POLLIN)
    until = time.monotonic() + 20
    while time.monotonic() < until and child.poll() is None:
        events = poller.poll(200)
        if events and events[0][1] & select.POLLIN:
            return
