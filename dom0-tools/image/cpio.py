"""Images of the "newc" cpio format, the same bytes for the same input."""
import os
import stat


class ImageError(Exception):
    """What cannot be put into the image, and why."""


class Archive:
    """The files of the image, written as a cpio archive of the "newc" format."""

    def __init__(self, date):
        self.entries = {}
        self.date = date

    def add(self, path, mode, data=b"", device=(0, 0)):
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self.add(parent, stat.S_IFDIR | 0o755)
        self.entries[path] = (mode, data, device)

    def add_tree(self, source, path):
        if os.path.isdir(source) and not os.path.islink(source):
            for name in sorted(os.listdir(source)):
                self.add_tree(os.path.join(source, name), f"{path}/{name}")
        elif os.path.islink(source):
            self.add(path, stat.S_IFLNK | 0o777, os.readlink(source).encode())
        else:
            with open(source, "rb") as f:
                self.add(path, stat.S_IFREG | (0o755 if os.access(source, os.X_OK) else 0o644), f.read())

    def record(self, inode, path, mode, data, device):
        name = path.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (inode, mode, 0, 0, links, self.date, len(data), 0, 0, *device, len(name), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
        return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)

    def bytes(self):
        out = [self.record(inode, path, *self.entries[path])
               for inode, path in enumerate(sorted(self.entries), 1)]
        out.append(self.record(0, "TRAILER!!!", 0, b"", (0, 0)))
        return b"".join(out)
