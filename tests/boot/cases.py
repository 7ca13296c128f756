"""The table of boot tests. Each case boots a hypervisor with Debian's kernel as domain 0 and ends by itself."""
from dataclasses import dataclass, field
from typing import Callable, Optional

import checks
from kit import Kit

# Nobody may print any of these in any case.
FORBIDDEN = [
    r"Kernel panic", r"\bBUG\b[: ]", r"kernel BUG at", r"\bOops\b", r"Call Trace:", r"WARNING: CPU",
    r"rcu: INFO|rcu_\w+ (self-)?detected|RCU_STALL", r"soft lockup|hard LOCKUP", r"blocked for more than",
    r"\bsegfault at\b", r"general protection", r"unable to handle", r"VELLUM-TEST FAIL",
    r"[Pp]anic on CPU|\bPANIC\b|\bpanic:", r"FATAL TRAP|FATAL PAGE FAULT", r"Xen BUG at|Assertion .* failed",
    r"Domain 0 crashed|domain_crash called|Domain 0 shutdown: watchdog",
]
CRASH_MARKERS = {r"Kernel panic", r"Call Trace:", r"Domain 0 crashed|domain_crash called|Domain 0 shutdown: watchdog"}


@dataclass
class Case:
    name: str
    tests: str = ""  # names below dom0/, comma separated; empty: a shell
    cpus: int = 1
    memory: int = 1024  # MB
    path: str = "kernel"  # kernel, iso-bios, iso-uefi
    emulator: str = "qemu"  # qemu, qemu-new, bochs
    machine: str = "pc"
    cpu: str = ""
    accel: str = ""
    devices: list = field(default_factory=list)
    hypervisor_args: str = "dom0_mem=512M"
    dom0_args: str = ""
    kernel: str = "linux-image-amd64"
    plain_kernel: bool = True  # the same kernel unpacked beforehand and without its own tests, which saves time
    extra: Callable[[Kit], tuple] = lambda kit: ()  # further files of the initramfs
    expect: list = field(default_factory=list)  # patterns beside the usual markers
    script: list = field(default_factory=list)  # (prompt, what to type)
    allowed: set = field(default_factory=set)  # entries of FORBIDDEN that this case provokes
    end: str = "poweroff"  # poweroff, reboot, crash
    prepare: Optional[Callable] = None  # (case, kit, scratch) -> checks.Fixture
    parts: list = field(default_factory=list)  # machines one after the other that share the fixture: what differs in each
    xen: bool = False  # Debian's real Xen, whatever else is tested
    guest: str = ""  # a bare test guest of tests/guests in the kernel's place
    quiet: bool = False  # the hypervisor may report nothing while the tests run
    limit: int = 150  # seconds
    group: str = "test"  # test; soak: long; demo: shown to a user


def net(name, device, kind, arguments="", **options):
    """A case of the network test; `kind` is the interrupt that the card must use."""
    return Case(f"net-{name}", "net", devices=["-device", f"{device},netdev=n0"], prepare=checks.network,
                dom0_args=f"vellum.irq={kind} {arguments}", **options)


def disk(name, node, device, kind, arguments="", **options):
    return Case(f"disk-{name}", "disk", devices=device, prepare=checks.ext4_disk,
                dom0_args=f"vellum.disk={node} vellum.irq={kind} {arguments}", **options)


def compiler(kit):
    libraries = [f"/lib/x86_64-linux-gnu/lib{name}" for name in ("c.so.6", "m.so.6", "dl.so.2", "pthread.so.0")]
    folders = ["/usr/lib/x86_64-linux-gnu/tcc", "/usr/include/x86_64-linux-musl", "/usr/lib/x86_64-linux-musl"]
    pairs = [f"{path}:{path}" for path in libraries + folders + ["/lib64/ld-linux-x86-64.so.2"]]
    return tuple(pairs + ["/usr/bin/tcc:bin/tcc", f"{kit.source('tests/boot/load.c')}:usr/src/load.c"])


LONG_TESTS = "hostile_msr:hostile_ports"  # of tens of thousands of exits


def bare_pvh(kit):
    return kit.tools() + (f"{kit.guest('hvm')}:guests/hvm",)


def debian_pvh(kit):
    return bare_pvh(kit) + (f"{kit.gzipped_kernel()}:guests/vmlinux.gz", f"{kit.domu_initramfs()}:guests/initrd")


def bochs(name, tests, skip=LONG_TESTS, deaths="triple+stack+idt+nw", kernel_args="", **options):
    """A case in which VT-x guests run: Bochs emulates that. Everything is in the initramfs."""
    options = {"cpu": "corei7_haswell_4770", "memory": 512, "extra": bare_pvh, "limit": 300,
               "hypervisor_args": "dom0_mem=256M"} | options
    return Case(name, tests, emulator="bochs", path="iso-bios",
                dom0_args=f"vellum.hvm=skip={skip} vellum.die={deaths} {kernel_args}", **options)


XEN_ARGS = "dom0_mem=512M spec-ctrl=eager-fpu"


def xl(name, tests, store="oxenstored", **options):
    """A case in which Debian's own Xen tools drive the hypervisor from domain 0. On the emulator, real Xen must
    not leave vector registers to their last user: not every instruction that uses them traps there as it should."""
    options = {"extra": Kit.xen_tools} | options
    return Case(f"xl-{name}", tests, devices=GUESTS_DISK, prepare=checks.guests_disk, hypervisor_args=XEN_ARGS,
                dom0_args=f"vellum.store={store}", **options)


def vl(name, tests, extra=Kit.tools, cpus=2, **options):
    """A case in which Vellum's tools drive the hypervisor, be it real Xen, from domain 0."""
    return Case(name, tests, cpus=cpus, devices=GUESTS_DISK, prepare=checks.guests_disk, extra=extra,
                hypervisor_args=XEN_ARGS, **options)


PROMPT = r"dom0:/root# "
SWITCH = "\x01\x01\x01"
TO_HYPERVISOR = r"Serial input to Xen|Input goes to the hypervisor"
TO_DOM0 = r"Serial input to DOM0|Input goes to domain 0"

VIRTIO_DISK = ["-drive", "if=none,id=d0,format=raw,file={disk}", "-device", "virtio-blk-pci,drive=d0"]
AHCI_DISK = ["-drive", "if=none,id=d0,format=raw,file={disk}", "-device", "ahci,id=a0", "-device", "ide-hd,bus=a0.0,drive=d0"]
GUESTS_DISK = ["-drive", "if=none,id=g0,format=raw,snapshot=on,file={disk}", "-device", "virtio-blk-pci,drive=g0"]
EXCHANGE_DISKS = GUESTS_DISK + ["-drive", "if=none,id=x0,format=raw,file={exchange}", "-device", "virtio-blk-pci,drive=x0"]
PC_DISKS = GUESTS_DISK + ["-drive", "if=none,id=p0,format=raw,snapshot=on,file={pc}", "-device", "virtio-blk-pci,drive=p0"]
NVME_DISK = ["-drive", "if=none,id=d0,format=raw,file={disk}", "-device", "nvme,drive=d0,serial=vellum"]

CASES = [
    # Boot paths and CPU counts.
    Case("boot-1", "hypervisor,cpus,clock,processor", plain_kernel=False, hypervisor_args=""),
    Case("boot-2", "cpus,processor,balloon", cpus=2),
    Case("boot-4", "cpus,clock,hotplug", cpus=4, limit=240),
    Case("boot-8", "cpus", cpus=8, memory=1536, limit=300, hypervisor_args="", accel="tcg,thread=single"),
    Case("iso-bios", "hypervisor,cpus", plain_kernel=False, cpus=2, path="iso-bios"),
    Case("iso-uefi", "hypervisor,cpus,framebuffer", plain_kernel=False, cpus=2, path="iso-uefi", machine="q35", limit=200),
    Case("q35-4", "hypervisor,cpus", cpus=4, machine="q35", hypervisor_args="", limit=200),
    Case("large-memory", "hypervisor,cpus", memory=6144, hypervisor_args="dom0_mem=5G", limit=200),

    # Disks and network cards; MSI-X, MSI, and line interrupts.
    disk("virtio-msix", "vda", VIRTIO_DISK, "msi-x:virtio0-req"),
    disk("virtio-line", "vda", VIRTIO_DISK, "ioapic:virtio0", "pci=nomsi"),
    disk("ahci-msi", "sda", AHCI_DISK, "msi:ahci"),
    disk("ahci-line", "sda", AHCI_DISK, "ioapic:ahci", "pci=nomsi"),
    disk("nvme-msix", "nvme0n1", NVME_DISK, "msi-x:nvme0q", cpus=2, machine="q35"),
    net("virtio-msix", "virtio-net-pci", "msi-x:virtio0-input", cpus=2),
    net("virtio-line", "virtio-net-pci", "ioapic:virtio0", "pci=nomsi"),
    net("e1000-line", "e1000", "ioapic:eth0"),
    net("e1000e-msix", "e1000e", "msi-x:eth0-rx", machine="q35"),

    # Work.
    Case("load-1", "load", dom0_args="vellum.load=8", quiet=True),
    Case("load-2", "load", cpus=2, dom0_args="vellum.load=10", quiet=True),
    Case("load-4", "load", cpus=4, dom0_args="vellum.load=15", limit=240, quiet=True),
    Case("compile-2", "compile", cpus=2, extra=compiler, limit=200),

    # Vellum's tools.
    vl("vl-host", "vl-host"),
    vl("vl-guest", "vl-guest", limit=400),
    vl("vl-disk", "vl-disk", extra=lambda kit: kit.tools() + ("--program=/sbin/e2fsck:sbin/e2fsck",), limit=400),
    vl("vl-qcow2", "vl-qcow2", extra=Kit.qemu_utils, limit=600, group="soak"),
    vl("vl-pvh", "vl-pvh", cpus=1, limit=600),  # docs/caveats.md: QEMU's VMRUN and more than one processor
    vl("vl-hvm", "vl-hvm", extra=Kit.tools_and_device_model, cpus=1, limit=300),
    Case("vl-hvm-linux", "vl-hvm-linux", extra=Kit.tools_and_device_model, prepare=checks.pc_disk, hypervisor_args=XEN_ARGS,
         devices=PC_DISKS + ["-icount", "shift=2,sleep=off"], accel="tcg,thread=single", limit=1200, group="soak"),
    vl("vl-life", "vl-life", extra=lambda kit: kit.tools() + ("--program=/usr/bin/script:bin/script",), limit=500),
    vl("networks", "networks", limit=600),
    vl("networks-linux", "networks-linux", limit=600),
    vl("hostile", "hostile", limit=500),

    # The same life of guests by either tools.
    vl("matrix-vl", "matrix", limit=700, group="soak"),
    xl("matrix", "matrix", cpus=2, store="xenstored", limit=700, group="soak",
       extra=lambda kit: kit.xen_tools() + (f"--program={kit.build}/dom0-tools/bin/vl:bin/vl",)),

    # The reference guest.
    Case("reference", "reference", cpus=2, extra=Kit.reference, hypervisor_args=XEN_ARGS, limit=300),
    Case("cycles", "cycles", cpus=2, extra=Kit.reference, hypervisor_args=XEN_ARGS, dom0_args="vellum.cycles=40", limit=600, group="soak"),
    Case("many", "many", cpus=2, memory=560, extra=lambda kit: kit.tools(), prepare=checks.guests_disk, devices=GUESTS_DISK,
         dom0_args="vellum.many=10", hypervisor_args="dom0_mem=400M", limit=900),

    # Ends, and the console.
    Case("reboot", "hypervisor", end="reboot"),
    Case("dom0-crash", end="crash", allowed=CRASH_MARKERS,
         script=[(PROMPT, "echo c >/proc/sysrq-trigger\n")]),
    Case("console", script=[
        (PROMPT, "echo answer=$((6 * 7))\n"), (r"answer=42", SWITCH), (TO_HYPERVISOR, "h"),
        (r"run queues|dump run", "q"), (r"(?i)vcpu ?0", "r"), (r"(?i)cpu.*0", "e"),
        (r"(?i)event|port", "m"), (r"(?i)pages|memory", "a"), (r"(?i)timer", SWITCH),
        (TO_DOM0, "\n"), (PROMPT, "poweroff\n")]),
    Case("key-reboot", script=[(PROMPT, SWITCH), (TO_HYPERVISOR, "R")], end="reboot"),

    # Bare guests that call the hypervisor in every right and wrong way.
    Case("guest-pv-1", guest="pv", limit=240),
    Case("guest-pv-4", guest="pv", cpus=4, accel="tcg,thread=single", limit=240),
    Case("guest-hvm", "guest-hvm", extra=Kit.xen_tools, devices=GUESTS_DISK, prepare=checks.guests_disk,
         hypervisor_args=XEN_ARGS, dom0_args="vellum.store=oxenstored", limit=240),

    # ... and one with devices that a process in domain 0 makes.
    Case("ioreq", "ioreq", extra=lambda kit: kit.xen_tools() + (f"{kit.program('tests/boot/ioreq_server.c')}:bin/ioreq_server",),
         devices=GUESTS_DISK, prepare=checks.guests_disk, hypervisor_args=XEN_ARGS, dom0_args="vellum.store=oxenstored"),

    # Debian's own tools.
    xl("info", "xl-info"),
    xl("guest", "xl-guest", limit=240),
    xl("pvh", "xl-pvh", limit=240),
    xl("hvm", "xl-hvm", extra=Kit.device_model, limit=240),
    Case("xl-hvm-linux", "xl-hvm-linux", extra=Kit.device_model, prepare=checks.pc_disk, devices=PC_DISKS + ["-icount", "shift=2,sleep=off"],
         accel="tcg,thread=single", hypervisor_args=XEN_ARGS, dom0_args="vellum.store=oxenstored", limit=1200, group="soak"),
    xl("save", "xl-save", cpus=2, memory=1280, store="xenstored", limit=240),  # which ends within 2 MB of the M2P
    xl("devices", "xl-devices", cpus=2, store="xenstored", limit=600, group="soak", extra=lambda kit: kit.xen_tools() + kit.tools()[:1]),

    # From one hypervisor to the other.
    Case("across", cpus=2, prepare=checks.exchange, devices=EXCHANGE_DISKS, limit=500, group="soak", parts=[
        {"tests": "across-1", "extra": Kit.tools},
        {"tests": "across-2", "extra": Kit.xen_tools, "xen": True,
         "hypervisor_args": XEN_ARGS, "dom0_args": "vellum.store=xenstored"},
        {"tests": "across-3", "extra": Kit.tools}]),

    Case("migrate", "migrate", cpus=2, extra=Kit.tools, prepare=checks.guests_disk, devices=GUESTS_DISK, limit=900),
    xl("migrate", "xl-migrate", cpus=2, store="xenstored", limit=400, group="soak", extra=lambda kit: kit.xen_tools() + kit.tools()[:1]),

    # Vellum's tools.
    Case("tools", "tools", extra=Kit.tools),

    # Other processors, emulators, kernels.
    Case("qemu-new", "hypervisor,cpus,clock,processor", plain_kernel=False, cpus=2, emulator="qemu-new"),
    Case("kernel-new", "hypervisor,cpus,load", plain_kernel=False, cpus=2, kernel="linux-image-amd64@bookworm-backports", dom0_args="vellum.load=5", limit=240),
    bochs("bochs-intel", "hypervisor,cpus", extra=lambda kit: ()),
    bochs("vmx-pvh", "vmx,vmx-pvh", extra=debian_pvh, memory=768, limit=1500, group="soak"),
    bochs("vmx-smp", "vmx", cpus=2, limit=900, group="soak",
          hypervisor_args="dom0_mem=256M x2apic_phys=true"),  # Bochs' logical x2APIC ids read as 0
    # AMD-V that tells the next instruction; docs/caveats.md has what it does not do.
    bochs("svm-bochs", "vmx", cpu="ryzen", skip=f"{LONG_TESTS}:mmio_page_faults", deaths="stack+idt+nw", kernel_args="clearcpuid=xsavec",
          limit=900, group="soak"),
    bochs("vmx-least", "vmx", cpu="corei5_arrandale_m520", limit=900, group="soak"),

    Case("demo", "demo", cpus=2, memory=1280, devices=GUESTS_DISK, prepare=checks.guests_disk, extra=Kit.tools,
         allowed=CRASH_MARKERS, limit=400, group="demo"),

    # Long runs.
    vl("devices-save", "devices-save", extra=lambda kit: kit.tools() + ("--program=/sbin/e2fsck:sbin/e2fsck",), limit=900, group="soak"),
    Case("front-ends", "front-ends", cpus=2, extra=Kit.reference, hypervisor_args=XEN_ARGS, limit=600, group="soak"),
    Case("cycles-10000", "cycles", cpus=2, extra=Kit.reference, hypervisor_args=XEN_ARGS, dom0_args="vellum.cycles=10000",
         limit=14400, group="soak"),
    Case("many-100", "many", cpus=2, memory=2560, extra=lambda kit: kit.tools(), prepare=checks.guests_disk, devices=GUESTS_DISK,
         dom0_args="vellum.many=100", hypervisor_args="dom0_mem=1G", limit=2400, group="soak"),
    Case("dom0-root", cpus=2, devices=GUESTS_DISK, prepare=checks.dom0_root, limit=600, group="soak", script=[
        (r"root@dom0:~# ", "systemctl is-system-running --wait; systemctl --failed --no-legend\n"),
        (r"running\n.*root@dom0:~# ", "xenstore read /local/domain/0/name\n"), (r"Domain-0\n", "poweroff\n")]),
    Case("bochs-smp", "hypervisor,cpus", emulator="bochs", cpu="corei7_haswell_4770", cpus=2, memory=512, path="iso-bios",
         hypervisor_args="dom0_mem=256M x2apic_phys=true",  # Bochs' logical x2APIC ids read as 0
         plain_kernel=True, limit=900, group="soak"),
    Case("soak-2", "load", cpus=2, dom0_args="vellum.load=600", limit=900, group="soak", quiet=True),
    Case("soak-4", "load", cpus=4, dom0_args="vellum.load=600", limit=900, group="soak", quiet=True),
]
