"""Vellum's store and Debian's two, run on this machine without a hypervisor, and clients that talk with them.

Debian's come from the packages in BUILD/cache/xen-tools (tests/oracle/fetch-xen-tools) with a library before Xen's own that stands
in for the hypervisor (stores/xen_shim.c); Vellum's is linked with stores/fake_hypervisor.c. All run in a mount namespace of
their own, where /run is a private folder.
"""
import glob
import mmap
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "tests/oracle/stores")
TYPES = ("CONTROL DIRECTORY READ GET_PERMS WATCH UNWATCH TRANSACTION_START TRANSACTION_END INTRODUCE RELEASE GET_DOMAIN_PATH "
         "WRITE MKDIR RM SET_PERMS WATCH_EVENT ERROR IS_DOMAIN_INTRODUCED RESUME SET_TARGET - RESET_WATCHES DIRECTORY_PART").split()
NUMBER = {name: number for number, name in enumerate(TYPES)}
EVENT = NUMBER["WATCH_EVENT"]
HEADER = struct.Struct("<IIII")
RING = 1024
REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD = 2048, 2052, 2056, 2060


class Gone(Exception):
    """The store closed the connection, or does not answer."""


def compile_fakes(build):
    """Builds what stands in for the hypervisor; returns (shim, vellum's store)."""
    out = os.path.join(build, "tests/oracle")
    os.makedirs(out, exist_ok=True)
    shim, store = os.path.join(out, "xen_shim.so"), os.path.join(out, "vellum-xenstored")
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-w", "-shared", "-fPIC", "-o", shim, f"{HERE}/xen_shim.c"], check=True)
    sources = glob.glob(f"{ROOT}/dom0-tools/store/*.c") + glob.glob(f"{ROOT}/dom0-tools/xenstored/*.c")
    sources = [s for s in sources if not s.endswith("/hypervisor.c")] + [f"{ROOT}/dom0-tools/common/ready.c", f"{HERE}/fake_hypervisor.c"]
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE", f"-I{ROOT}/dom0-tools", f"-I{ROOT}", "-Wall", "-Wno-unused-parameter",
                    "-o", store, *sources, "-levent_core"], check=True)
    return shim, store


class Store:
    """One of 'vellum', 'xenstored', 'oxenstored', running."""

    def __init__(self, kind, build, wrapper=()):
        self.folder = tempfile.mkdtemp(prefix="vellum-stores-")
        self.run = os.path.join(self.folder, "run")
        os.makedirs(os.path.join(self.run, "xenstored"))
        os.makedirs(os.path.join(self.run, "lock"))
        os.mkfifo(os.path.join(self.folder, "events"))
        self.events = os.open(os.path.join(self.folder, "events"), os.O_RDWR | os.O_NONBLOCK)
        os.makedirs(os.path.join(self.folder, "proc/xen"))
        with open(os.path.join(self.folder, "proc/xen/xsd_port"), "w", encoding="ascii") as f:
            f.write("1")
        with open(os.path.join(self.folder, "proc/xen/xsd_kva"), "wb") as f:
            f.truncate(4096)
        shim, vellum = os.path.join(build, "tests/oracle/xen_shim.so"), os.path.join(build, "tests/oracle/vellum-xenstored")
        tools = os.path.join(build, "cache/xen-tools")
        environment = dict(os.environ, FAKE_XEN=self.folder)
        path = f"{tools}/usr/lib/xen-4.17/bin/{kind}"
        if kind == "vellum":
            command = [vellum, "--no-fork"]
        elif kind == "xenstored":
            command = [path, "--no-fork"]
        else:
            config = os.path.join(self.folder, "oxenstored.conf")
            with open(config, "w", encoding="ascii") as f:
                f.write("persistent = false\nquota-activate = true\nquota-maxentity = 1000\nquota-maxsize = 2048\nquota-maxwatch = 128\n"
                        "quota-transaction = 10\nxenstored-port = /proc/xen/xsd_port\nxenstored-kva = /proc/xen/xsd_kva\naccess-log-file = /dev/null\nxenstored-log-file = /dev/null\n")
            command = [path, "--no-fork", "--config-file", config]
        if kind != "vellum":
            environment.update(LD_PRELOAD=shim, LD_LIBRARY_PATH=f"{tools}/usr/lib/x86_64-linux-gnu")
        self.log = open(os.path.join(self.folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", 'mount --bind "$1/run" /run && shift && exec "$@"',
             "sh", self.folder, *wrapper, *command],
            env=environment, stdout=self.log, stderr=self.log)
        self.path = os.path.join(self.run, "xenstored/socket")
        for _ in range(600):
            if os.path.exists(self.path) and self.can_connect():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.log.seek(0)
        raise Gone(f"{kind} does not start: {self.log.read()}")

    def can_connect(self):
        try:
            Client(self).close()
            return True
        except OSError:
            return False

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.events)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def notify(self, domid):
        os.write(self.events, struct.pack("<I", 100 + domid))


class Talker:
    """Requests, replies and events, over whatever `send` and `receive` are."""

    def __init__(self):
        self.events = []
        self.buffer = b""
        self.ids = 0

    def message(self):
        while True:
            if len(self.buffer) >= 16:
                kind, req, tx, length = HEADER.unpack_from(self.buffer)
                if len(self.buffer) >= 16 + length:
                    payload, self.buffer = self.buffer[16:16 + length], self.buffer[16 + length:]
                    return kind, req, tx, payload
            data = self.receive()
            if not data:
                raise Gone()
            self.buffer += data

    def ask(self, kind, payload=b"", tx=0):
        """The reply: (type name, payload); or ('gone', b'')."""
        number = NUMBER.get(kind, kind)
        self.ids += 1
        try:
            self.send(HEADER.pack(number, self.ids, tx, len(payload)) + payload)
            while True:
                got, req, got_tx, data = self.message()
                if got != EVENT:
                    wrong = "" if (req, got_tx) == (self.ids, tx) else "?"
                    return wrong + ("=" if got == number else TYPES[got] if got < len(TYPES) else str(got)), data
                self.events.append(data)
        except (Gone, OSError):
            return "gone", b""


class Client(Talker):
    """A program at the socket."""

    def __init__(self, store):
        super().__init__()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(store.path)
        self.socket.settimeout(20)

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        return self.socket.recv(65536)

    def close(self):
        self.socket.close()


class Guest(Talker):
    """A domain with a ring."""

    def __init__(self, store, domid):
        super().__init__()
        self.store, self.domid = store, domid
        path = os.path.join(store.folder, f"page-{domid}")
        with open(path, "w+b") as f:
            f.truncate(4096)
            self.page = mmap.mmap(f.fileno(), 4096)
        self.words = memoryview(self.page).cast("I")  # each one access; struct's "<I" is one for every byte

    def word(self, offset, value=None):
        if value is not None:
            self.words[offset // 4] = value & 0xFFFFFFFF
        return self.words[offset // 4]

    def send(self, data):
        waited = 0
        while data:
            prod, cons = self.word(REQ_PROD), self.word(REQ_CONS)
            room = RING - ((prod - cons) & 0xFFFFFFFF)
            at = prod % RING
            part = data[:min(room, RING - at)]
            if part:
                self.page[at:at + len(part)] = part
                self.word(REQ_PROD, prod + len(part))
                data = data[len(part):]
                self.store.notify(self.domid)
            else:
                waited = self.wait(waited)

    def wait(self, waited):
        if waited > 2000:
            raise Gone()
        time.sleep(0.001 if waited > 50 else 0)
        return waited + 1

    def receive(self):
        waited = 0
        while True:
            prod, cons = self.word(RSP_PROD), self.word(RSP_CONS)
            used = min((prod - cons) & 0xFFFFFFFF, RING - cons % RING)
            if used:
                data = bytes(self.page[RING + cons % RING:RING + cons % RING + used])
                self.word(RSP_CONS, cons + used)
                self.store.notify(self.domid)
                return data
            waited = self.wait(waited)
