"""What some cases set up on the host beforehand and look at afterwards."""
import hashlib
import http.server
import os
import re
import subprocess
import threading


class Fixture:
    """What a case needs on the host: values for its device options, kernel arguments, a last check."""

    def __init__(self):
        self.values = {}
        self.dom0_args = ""

    def verify(self, text):
        """Called after the run with the console's text; returns what is wrong, or None."""

    def close(self):
        pass


class Disk(Fixture):
    def __init__(self, kit, scratch):
        super().__init__()
        self.scratch = scratch
        self.values = {"disk": kit.ext4(scratch)}

    def verify(self, text):
        """The file system must be whole, and hold what domain 0 says it wrote."""
        image = self.values["disk"]
        environment = dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin")
        done = subprocess.run(["e2fsck", "-f", "-n", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, env=environment)
        if done.returncode:
            return f"e2fsck: {done.stdout[-300:]}"
        told = re.search(r"^WRITTEN ([0-9a-f]{64})", text, re.M)
        if not told:
            return "domain 0 did not say what it wrote"
        dump = os.path.join(self.scratch, "written")
        subprocess.run(["debugfs", "-R", f"dump written {dump}", image], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False, env=environment)
        with open(dump, "rb") as f:
            found = hashlib.sha256(f.read()).hexdigest()
        return None if found == told[1] else "the image does not hold what domain 0 wrote"


BLOB = hashlib.shake_128(b"network").digest(4 << 20)


class Handler(http.server.BaseHTTPRequestHandler):
    """GET /blob: 4 MB; GET /sum: their checksum; POST: the checksum of what was sent."""

    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):  # pylint: disable=invalid-name
        self.reply(BLOB if self.path == "/blob" else hashlib.sha256(BLOB).hexdigest().encode())

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(hashlib.sha256(body).hexdigest().encode())

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Network(Fixture):
    def __init__(self):
        super().__init__()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        # QEMU's user network shows the host's loopback as 10.0.2.2.
        self.dom0_args = f"vellum.http=10.0.2.2:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Guests(Fixture):
    """The disk of kernels, images and configurations of guests."""

    def __init__(self, kit):
        super().__init__()
        self.values = {"disk": kit.guests_disk()}


class Exchange(Guests):
    """The same, and an empty disk beside it, which all parts of a case share."""

    def __init__(self, kit, scratch):
        super().__init__(kit)
        self.values["exchange"] = kit.exchange_disk(scratch)


class PC(Guests):
    """The same, and the disk of a guest that BIOS and GRUB boot."""

    def __init__(self, kit):
        super().__init__(kit)
        self.values["pc"] = kit.pc_disk()


class Root(Fixture):
    """A full Debian system for domain 0."""

    def __init__(self, kit):
        super().__init__()
        self.values = {"disk": kit.dom0_root()}
        self.dom0_args = "vellum.root=vellum-root"


def dom0_root(_case, kit, _scratch):
    return Root(kit)


def guests_disk(_case, kit, _scratch):
    return Guests(kit)


def pc_disk(_case, kit, _scratch):
    return PC(kit)


def exchange(_case, kit, scratch):
    return Exchange(kit, scratch)


def ext4_disk(_case, kit, scratch):
    return Disk(kit, scratch)


def network(_case, _kit, _scratch):
    return Network()
