"""A small xenstored for tests: one Unix socket, no quotas, no permission checks, transactions that always
succeed (one at a time, whose changes are seen at once and taken back if it is aborted). Special paths (@introduceDomain, ...) are watched and fired like any other."""
import copy
import os
import socket
import struct
import threading

HEAD = struct.Struct("<IIII")
(CONTROL, DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, START, END) = range(8)
(GET_DOMAIN_PATH, WRITE, MKDIR, RM, SET_PERMS, EVENT, ERROR) = range(10, 17)


class Refused(Exception):
    pass


def good(path):
    return path.startswith("@") or path == "/" or (path.startswith("/") and "//" not in path and not path.endswith("/"))


class Store:
    def __init__(self, folder):
        self.nodes = {"/": ["", ["n0"]]}
        self.before = None
        self.conflicts = 0  # so many transactions will fail
        self.watches = []  # (connection, path, token)
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.path = os.path.join(folder, "socket")
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        read = connection.makefile("rb").read
        while len(head := read(HEAD.size)) == HEAD.size:
            kind, request, transaction, length = HEAD.unpack(head)
            words = read(length).decode("latin1").split("\0")
            with self.lock:
                events = []
                try:
                    answer = self.obey(connection, kind, words, events)
                except Refused as refused:
                    kind, answer = ERROR, f"{refused}\0"
                answer = answer.encode("latin1")
                connection.sendall(HEAD.pack(kind, request, transaction, len(answer)) + answer)
                self.tell(events)
        with self.lock:
            self.watches = [watch for watch in self.watches if watch[0] is not connection]

    def tell(self, events):
        for connection, path, token in events:
            body = f"{path}\0{token}\0".encode("latin1")
            try:
                connection.sendall(HEAD.pack(EVENT, 0, 0, len(body)) + body)
            except OSError:
                pass

    def changed(self, path, events):
        for connection, watched, token in self.watches:
            if path == watched or path.startswith(watched.rstrip("/") + "/"):
                events.append((connection, path, token))

    def children(self, path):
        prefix = path.rstrip("/") + "/"
        return [name for name in self.nodes if name.startswith(prefix) and name != "/"]

    def node(self, path):
        if not good(path):
            raise Refused("EINVAL")
        if path not in self.nodes:
            raise Refused("ENOENT")
        return self.nodes[path]

    def write(self, path, value):
        if not good(path):
            raise Refused("EINVAL")
        above = path.rpartition("/")[0]
        if above and above not in self.nodes:
            self.write(above, "")
        self.nodes.setdefault(path, ["", list(self.nodes[above or "/"][1])])[0] = value

    def obey(self, connection, kind, words, events):
        path = words[0]
        if kind == DIRECTORY:
            self.node(path)
            prefix = path.rstrip("/") + "/"
            names = [name[len(prefix):] for name in self.children(path)]
            return "".join(f"{name}\0" for name in names if "/" not in name)
        if kind == READ:
            return self.node(path)[0]
        if kind == GET_PERMS:
            return "".join(f"{perm}\0" for perm in self.node(path)[1])
        if kind == SET_PERMS:
            self.node(path)[1] = [word for word in words[1:] if word]
            self.changed(path, events)
        elif kind in (WRITE, MKDIR):
            if kind == WRITE or path not in self.nodes:
                self.write(path, "\0".join(words[1:]) if kind == WRITE else "")
                self.changed(path, events)
        elif kind == RM:
            above = path.rpartition("/")[0] or "/"
            if path == "/":
                raise Refused("EINVAL")
            if path in self.nodes or self.node(above):
                for name in [path] + self.children(path):
                    self.nodes.pop(name, None)
                self.changed(path, events)
        elif kind == WATCH:
            if not good(path):
                raise Refused("EINVAL")
            self.watches.append((connection, path, words[1]))
            events.append((connection, path, words[1]))
        elif kind == UNWATCH:
            if (connection, path, words[1]) not in self.watches:
                raise Refused("ENOENT")
            self.watches.remove((connection, path, words[1]))
        elif kind == START:
            self.before = copy.deepcopy(self.nodes)
            return "16\0"
        elif kind == END and self.conflicts:
            self.conflicts -= 1
            raise Refused("EAGAIN")
        elif kind == END:
            self.nodes = self.nodes if path == "T" else self.before
        elif kind == GET_DOMAIN_PATH:
            return f"/local/domain/{path}\0"
        else:
            raise Refused("EINVAL" if kind == CONTROL else "ENOSYS")
        return "OK\0"

    def set(self, path, value):
        """What a program inside the test writes."""
        with self.lock:
            events = []
            self.write(path, value)
            self.changed(path, events)
            self.tell(events)

    def fire(self, path):
        """Says that something happened to a special path."""
        with self.lock:
            events = []
            self.changed(path, events)
            self.tell(events)
