"""Command lines of the emulators."""
import os
import shutil

# Debian 12's QEMU 7.2 faults wrongly on a ring-3 IRET with SMAP on, and its MWAIT raises #GP at random.
# The other features are those of the EPYC model that software emulation leaves out with a warning each.
MISSING = "-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-nrip-save,-xsavec"
QEMU_CPU = f"EPYC,-smap,-monitor,{MISSING}"
QEMU_NEW_CPU = f"EPYC,-monitor,{MISSING}"
OVMF = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"


def qemu(case, program, scratch, boot, log):
    """QEMU's command for `case`; `boot` is the list of options that name what to boot. The registers at
    each reset of a CPU go to `log`.qemu: they tell a triple fault from a reset that was asked for."""
    cpu = case.cpu or (QEMU_CPU if len(program) == 1 else QEMU_NEW_CPU)
    accel = os.environ.get("ACCEL", "tcg")
    command = program + [
        "-accel", case.accel or accel, "-machine", case.machine, "-cpu", cpu,
        "-smp", str(case.cpus), "-m", f"{case.memory}M",
        "-nodefaults", "-vga", "std", "-display", "none", "-no-reboot",
        "-d", "cpu_reset", "-D", f"{log}.qemu",
        "-chardev", "stdio,id=com1,signal=off", "-serial", "chardev:com1",
        "-chardev", f"socket,id=qmp,path={scratch}/qmp", "-mon", "chardev=qmp,mode=control",
    ]
    if case.path == "iso-uefi":
        variables = f"{scratch}/vars.fd"
        shutil.copyfile(OVMF_VARS, variables)
        command += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}",
                    "-drive", f"if=pflash,format=raw,file={variables}"]
    return command + boot + case.devices


BOCHS_BASE = """\
config_interface: textconfig
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=0, gameport=0, parallel=0, serial=1, iodebug=0
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/seabios/vgabios-stdvga.bin
pci: enabled=1, chipset=i440fx
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
boot: cdrom
clock: sync=none, time0=1700000000
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
sound: driver=dummy
"""


def bochs(case, scratch, iso):
    """Bochs' command for `case`; the serial line goes to the FIFO scratch/com1."""
    with open(f"{scratch}/base.bxrc", "w", encoding="ascii") as f:
        f.write(BOCHS_BASE)
    with open(f"{scratch}/continue.rc", "w", encoding="ascii") as f:
        f.write("c\n")
    os.mkfifo(f"{scratch}/com1")
    return [
        "bochs", "-q", "-f", f"{scratch}/base.bxrc", "-rc", f"{scratch}/continue.rc",
        'display_library: rfb, options="timeout=0"', f"log: {scratch}/bochs.log",
        f"com1: enabled=1, mode=file, dev={scratch}/com1",
        f"ata0-master: type=cdrom, path={iso}, status=inserted", f"megs: {case.memory}",
        f"cpu: model={case.cpu}, count={case.cpus}, ips=50000000",
    ]
