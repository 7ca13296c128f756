"""One boot of one case: what to start, how to watch it, and whether it was right."""
import os
import re
import shutil
import tempfile
import threading
from dataclasses import replace

import checks
import machine
import watch
from cases import FORBIDDEN
from kit import KitError

CONSOLE_ARGS = "console=com1 com1=115200 loglvl=all guest_loglvl=all"
QUIET_ARGS = "console=com1 com1=115200 loglvl=warning guest_loglvl=warning"
HYPERVISOR_LINE = re.compile(r"^\((v|XEN)\) (.*)$", re.M)
DOM0_ARGS = "console=hvc0 earlyprintk=xen"
NO_SELF_TESTS = "cryptomgr.notests"  # a fifth of the way to userspace otherwise
# A bare guest's last line: it cannot always end the machine.
GUEST_DONE = re.compile(r"^\d+ passed, \d+ failed")
GUEST_GOOD = re.compile(r"^[1-9]\d* passed, 0 failed")
KIT_LOCK = threading.Lock()  # the kit makes one file at a time
REASONS = {"poweroff": "guest-shutdown", "reboot": "guest-reset", "crash": "guest-reset"}


class NotAvailable(Exception):
    """This machine cannot be given what the case needs (a package that its mirror does not have)."""


def boot_files(case, kit, hypervisor):
    """Paths of the hypervisor, the kernel, and the initramfs or None."""
    if case.guest:
        return hypervisor, kit.guest(case.guest), None
    try:
        vmlinuz = kit.plain_kernel(case.kernel) if case.plain_kernel else kit.kernel(case.kernel)[0]
    except KitError as error:
        if case.kernel != "linux-image-amd64" and "no package" in str(error):
            raise NotAvailable(str(error)) from error
        raise
    return hypervisor, vmlinuz, kit.initramfs(case.kernel, case.extra(kit))


def module_words(path, arguments):
    """One entry of QEMU's -initrd list, where a single comma would end the entry."""
    return f"{path} {arguments}".strip().replace(",", ",,")


def command_line(case, kit, scratch, hypervisor, fixture, log):
    """The emulator's command, and the FIFO of the serial line if it has one."""
    files = boot_files(case, kit, hypervisor)
    hypervisor_args = f"{QUIET_ARGS if case.quiet else CONSOLE_ARGS} {case.hypervisor_args}"
    dom0 = f"{DOM0_ARGS} vellum.cpus={case.cpus} {case.dom0_args} {fixture.dom0_args}"
    if case.plain_kernel:
        dom0 += f" {NO_SELF_TESTS}"
    if case.guest:
        dom0 = case.dom0_args
    if case.tests:
        dom0 += f" vellum.test={case.tests} vellum.end={case.end}"
    if case.path == "kernel":
        modules = [module_words(files[1], dom0)] + ([module_words(files[2], "")] if files[2] else [])
        boot = ["-kernel", files[0], "-append", hypervisor_args, "-initrd", ",".join(modules)]
    else:
        iso = kit.iso(scratch, files, (hypervisor_args, dom0, ""))
        boot = ["-cdrom", iso]
    if case.emulator == "bochs":
        return machine.bochs(case, scratch, iso), f"{scratch}/com1"
    program = kit.new_qemu() if case.emulator == "qemu-new" else ["qemu-system-x86_64"]
    if not program:
        raise NotAvailable("this machine's mirror has no newer QEMU")
    command = [word.format(**fixture.values) if "{" in word else word for word in
               machine.qemu(case, program, scratch, boot, log)]
    if case.prepare is checks.network:
        command += ["-netdev", "user,id=n0"]
    return command, None


def verdict(case, ending, text, left, fixture):
    """What is wrong with this run, or None."""
    if ending.how == "forbidden":
        return ending.line[:200]
    if ending.how == "done":
        first = re.search(r"^FAIL .*", text, re.M)
        return first[0][:200] if first else None if GUEST_GOOD.search(ending.line) else ending.line
    if ending.how == "timeout":
        wait = f", waiting for {left[0][0]!r}" if left else ""
        return f"no end within {case.limit} s{wait}"
    wanted = ["VELLUM-DOM0-USERSPACE"] + [rf"VELLUM-TEST ok {name}\b" for name in case.tests.split(",") if name]
    missing = [pattern for pattern in wanted + case.expect if not re.search(pattern, text, re.M)]
    if missing:
        return f"ended without {missing[0]!r} (status {ending.status}, {ending.reason or 'no reason given'})"
    if left:
        return f"ended before {left[0][0]!r} was seen"
    if case.emulator != "bochs" and ending.reason != REASONS[case.end]:
        return f"ended by {ending.reason or 'itself'}, want {REASONS[case.end]}"
    during = text[text.find("VELLUM-TEST begin"):text.find("VELLUM-TESTS-DONE")]
    if case.quiet and (said := HYPERVISOR_LINE.search(during)):
        return f"the hypervisor reported: {said[2][:200]}"
    return fixture.verify(text)


def run_machine(case, kit, link, hypervisor, fixture, log, echo):
    """Runs one machine; returns (what is wrong or None, seconds)."""
    forbidden = re.compile("|".join(p for p in FORBIDDEN if p not in case.allowed))
    with KIT_LOCK:
        command, fifo = command_line(case, kit, link, kit.xen() if case.xen else hypervisor, fixture, log)
    monitor = None if case.emulator == "bochs" else watch.Monitor(f"{link}/qmp")
    ending, text, left = watch.run(command, log, forbidden, case.limit, case.script, monitor, fifo, echo,
                                    GUEST_DONE if case.guest else None)
    return verdict(case, ending, text, left, fixture), ending.seconds


def run_parts(case, kit, link, hypervisor, fixture, log, echo):
    """Runs machines one after the other, until one fails. The log is the last one's; the others' are numbered."""
    total = 0
    for number, part in enumerate(case.parts):
        if number:
            os.replace(log, f"{log.removesuffix('.log')}-{number}.log")
            os.unlink(f"{link}/qmp")
        wrong, seconds = run_machine(replace(case, parts=[], **part), kit, link, hypervisor, fixture, log, echo)
        total += seconds
        if wrong:
            return f"machine {number + 1}: {wrong}", total
    return None, total


def run_case(case, kit, hypervisor, log, echo=False):
    """Runs one case; returns (what is wrong or None, seconds)."""
    scratch = tempfile.mkdtemp(prefix="b", dir=kit.dir)
    # A socket's path must be short, whatever the build folder is called.
    os.symlink(scratch, link := tempfile.mktemp(prefix="vellum-"))
    fixture = checks.Fixture()
    try:
        with KIT_LOCK:
            if case.prepare:
                fixture = case.prepare(case, kit, scratch)
        run = run_parts if case.parts else run_machine
        return run(case, kit, link, hypervisor, fixture, log, echo)
    finally:
        fixture.close()
        os.unlink(link)
        shutil.rmtree(scratch, ignore_errors=True)
