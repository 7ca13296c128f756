// The one table of commands.
#include "vl/commands.h"

#include <getopt.h>
#include <stddef.h>

#include "vl/vl.h"

bool vl_json_option(int argc, char **argv, int least, int most)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool json = false;

    while (vl_option(argc, argv, "j", options) != -1)
        json = true;
    vl_operands(argc, least, most);
    return json;
}

#define JSON "  -j, --json       as JSON\n"

#define NO_BACKENDS "there are no back ends of the split drivers for it yet"
#define NO_HVM      "there are no hardware-virtualized guests, whose matter it is"
#define NO_PASS     "Vellum does not pass devices through"
#define NO_POOLS    "there is one CPU pool, Pool-0, with all CPUs in it"

#define REFUSED(name, why)                 \
    {                                      \
        name, vl_refused, "...", why, NULL \
    }

const struct vl_command vl_commands[] = {
    {"create", vl_create, "[OPTION]... [FILE] [KEY=VALUE]...",
     "make a domain of a configuration (vl.cfg(5)) and start it",
     "  -f, --defconfig=FILE  the configuration; KEY=VALUE wins over what it says\n"
     "  -c               attach this terminal to its console\n"
     "  -p               leave it paused\n"
     "  -n, --dryrun     only check the configuration, and print it as JSON\n"
     "  -d, --debug      print the configuration as JSON, too\n"
     "  -q, --quiet      say nothing but errors\n"
     "  -F               stay in the foreground until it ends, as its monitor\n"
     "  -e               leave it without a monitor: on_* actions are not carried out\n"
     "  -v               say what is done and how long each step takes\n"},
    {"config-update", vl_config_update, "DOMAIN [FILE] [KEY=VALUE]...",
     "replace the configuration that a domain will be restarted with",
     "  -f FILE          the configuration\n  -d               print it as JSON\n"},
    {"destroy", vl_destroy, "DOMAIN...", "end domains at once, as if their power were cut", NULL},
    {"shutdown", vl_shutdown, "[-w] -a|DOMAIN...", "ask domains to shut down",
     "  -a, --all        all guests\n"
     "  -w, --wait       wait until they have shut down; twice: until they are gone\n"
     "  -F               press the power button of guests of type \"hvm\" that cannot be asked\n"},
    {"reboot", vl_reboot, "[-w] -a|DOMAIN...", "ask domains to reboot",
     "  -a, --all        all guests\n"
     "  -w, --wait       wait until they have shut down to be started again\n"
     "  -F               has no effect: there is no button for it\n"},
    {"pause", vl_pause, "DOMAIN...", "take domains off the CPUs", NULL},
    {"unpause", vl_unpause, "DOMAIN...", "let paused domains run", NULL},
    {"list", vl_list, "[OPTION]... [DOMAIN]...", "show domains and what they use",
     "  -l, --long       their configurations, as JSON\n"
     "  -v, --verbose    UUIDs and reasons of shutdown, too\n"
     "  -c, --cpupool    the CPU pool, too\n"
     "  -n, --numa       the nodes whose memory they are to have, too\n"
     "  -Z, --context    is xl's: there are no security labels\n" JSON},
    {"vm-list", vl_vm_list, "[--json]", "show guests with their UUIDs", JSON},
    {"console", vl_console, "[-t pv|serial] [-n NUMBER] DOMAIN",
     "attach this terminal to a domain's console; Ctrl-] leaves it",
     "  -t TYPE          pv, or serial: a serial port of a guest of type \"hvm\", which is what\n"
     "                   is taken if it has one\n"
     "  -n NUMBER        another console than the first, which is 0\n"
     "  -t pv            is xl's: there are no others\n"},
    {"info", vl_info, "[OPTION]...", "describe the machine and the hypervisor",
     "  -n, --numa       the CPUs' nodes, too\n" JSON},
    {"dmesg", vl_dmesg, "[-c]", "print the hypervisor's messages",
     "  -c, --clear      and empty its buffer\n"},
    {"uptime", vl_uptime, "[--json] [DOMAIN]...", "show for how long domains have been there",
     JSON},
    {"debug-keys", vl_debug_keys, "KEYS",
     "act as if these keys were typed at the hypervisor's console", NULL},
    {"domid", vl_domid, "NAME", "print the number of the domain of a name", NULL},
    {"domname", vl_domname, "NUMBER", "print the name of the domain of a number", NULL},
    {"rename", vl_rename, "DOMAIN NAME", "give a domain another name", NULL},
    {"vcpu-list", vl_vcpu_list, "[--json] [DOMAIN]...", "show vCPUs, where they run and may run",
     JSON},
    {"vcpu-pin", vl_vcpu_pin, "[-f] DOMAIN VCPU|all CPUS|- [CPUS|-]",
     "say on which CPUs a vCPU may run, and on which it had better",
     "  -f, --force      override a temporary pinning by the domain itself\n"
     "CPUS is a list like 0-3,^1 or node:1 or all; - leaves things as they are.\n"},
    {"vcpu-set", vl_vcpu_set, "[-i] DOMAIN COUNT", "have a domain use so many of its vCPUs",
     "  -i, --ignore-host  more than the machine has CPUs, too\n"},
    {"mem-set", vl_mem_set, "DOMAIN SIZE",
     "have a domain give up or take memory down or up to SIZE (512m, 1g)", NULL},
    {"mem-max", vl_mem_max, "DOMAIN SIZE", "limit the memory of a domain", NULL},
    {"claims", vl_claims, "[--json]", "show memory that is claimed and not yet used", JSON},
#define SCHED_OPTIONS                                                         \
    "  -d, --domain=DOMAIN  of this one only\n"                               \
    "  -w, --weight=WEIGHT  give it this weight (1 to 65535; 256 is usual)\n" \
    "  -c, --cap=PERCENT    and at most so much of a CPU; 0: no limit\n" JSON
    {"sched", vl_sched, "[-d DOMAIN [-w WEIGHT] [-c CAP]]",
     "show or set domains' shares of the CPUs", SCHED_OPTIONS},
    {"sched-credit", vl_sched, "[-d DOMAIN [-w WEIGHT] [-c CAP]]", "the same, by xl's name",
     SCHED_OPTIONS},
    {"sched-credit2", vl_sched, "[-d DOMAIN [-w WEIGHT] [-c CAP]]", "the same, by xl's name",
     SCHED_OPTIONS},
    {"top", vl_top, "[OPTION]...", "show what domains use, as it changes",
     "  -b, --batch      lines of text, as when the output is no terminal\n"
     "  -d, --delay=SECONDS\n"
     "  -i, --iterations=NUMBER  and then end\n" JSON},
    {"sysrq", vl_sysrq, "DOMAIN LETTER", "send a Linux guest a SysRq request", NULL},
    {"trigger", vl_trigger, "DOMAIN nmi|reset|init|power|sleep [VCPU]", "send a domain a trigger",
     NULL},
    {"dump-core", vl_dump_core, "[-l] DOMAIN [FILE]",
     "write a domain's memory and registers to a file", "  -l               while it runs\n"},
    {"save", vl_save, "[-c|-p] DOMAIN FILE [CONFIG]", "write a domain to a file, and end it",
     "  -c               let it run on\n  -p               leave it paused\n"},
    {"restore", vl_restore, "[-p] [-c] [-e] [CONFIG] FILE", "make a domain of what save wrote",
     "  -p               leave it paused\n  -c               attach this terminal to its console\n"
     "  -e               leave it without a monitor\n"},
    {"migrate", vl_migrate, "[OPTION]... DOMAIN HOST", "move a running domain to another machine",
     "  -s COMMAND       reach it by this instead of ssh; empty: HOST is the whole command\n"
     "                   (HOST tcp:ADDRESS:PORT: 'vl migrate-receive -l' waits there)\n"
     "  -e               leave it without a monitor there\n"
     "  -C CONFIG        with this configuration\n"
     "  -p               leave it paused there\n"},
    {"migrate-receive", vl_migrate_receive, "[-e] [-p] [-l ADDRESS:PORT]",
     "the other side of migrate, which starts it",
     "  -e               leave the domain without a monitor\n"
     "  -p               leave it paused\n"
     "  -l ADDRESS:PORT  wait for it on the network, unprotected, instead of being started by "
     "it\n"},
    {"network-attach", vl_network_attach, "DOMAIN [KEY=VALUE]...",
     "give a domain another network card, as vif= describes one (vl.cfg(5))", NULL},
    {"network-detach", vl_network_detach, "[-f] DOMAIN NUMBER|MAC",
     "take a network card from a domain",
     "  -f, --force      though the guest does not let go of it\n"},
    {"network-list", vl_network_list, "[OPTION]... DOMAIN...", "show domains' network cards",
     "  -s, --statistics what has passed, too, where vellum-netback serves them\n" JSON},
    {"cpupool-list", vl_cpupool_list, "[-c] [--json] [POOL]", "show CPU pools",
     "  -c, --cpus       with their CPUs\n" JSON},
    {"block-attach", vl_block_attach, "DOMAIN DISK...",
     "give a running domain a disk, described as in disk= of its configuration", NULL},
    {"block-detach", vl_block_detach, "[-f] DOMAIN DISK", "take a disk (xvdb, 51728) from a domain",
     "  -f, --force      even if the guest does not let go of it\n"},
    {"cd-insert", vl_cd_insert, "DOMAIN DRIVE IMAGE",
     "put an image into a domain's drive, a disk= with cdrom",
     "  IMAGE is a path, and its format if that is not raw: /PATH,qcow2\n"},
    {"cd-eject", vl_cd_eject, "DOMAIN DRIVE", "take the medium out of a domain's drive", NULL},
    {"block-list", vl_block_list, "[--json] DOMAIN...", "show domains' disks", JSON},
    {"help", vl_help_command, "[COMMAND]", "say what commands there are, or how one is used", NULL},

    REFUSED("channel-list", NO_BACKENDS),
    REFUSED("vtpm-attach", NO_BACKENDS),
    REFUSED("vtpm-list", NO_BACKENDS),
    REFUSED("vtpm-detach", NO_BACKENDS),
    REFUSED("pci-attach", NO_PASS),
    REFUSED("pci-detach", NO_PASS),
    REFUSED("pci-list", NO_PASS),
    REFUSED("pci-assignable-add", NO_PASS),
    REFUSED("pci-assignable-remove", NO_PASS),
    REFUSED("pci-assignable-list", NO_PASS),
    REFUSED("usbdev-attach", NO_PASS),
    REFUSED("usbdev-detach", NO_PASS),
    REFUSED("button-press", NO_HVM),
    REFUSED("vncviewer", NO_HVM),
    REFUSED("qemu-monitor-command", NO_HVM),
    REFUSED("cpupool-create", NO_POOLS),
    REFUSED("cpupool-destroy", NO_POOLS),
    REFUSED("cpupool-cpu-add", NO_POOLS),
    REFUSED("cpupool-cpu-remove", NO_POOLS),
    REFUSED("cpupool-migrate", NO_POOLS),
    REFUSED("cpupool-numa-split", NO_POOLS),
    REFUSED("sched-rtds", "the scheduler is credit's kind: 'vl sched'"),
    REFUSED("remus", "Vellum keeps no second copy of a guest in step with it"),
    REFUSED("set-parameters", "the hypervisor's options are read at boot alone"),
};

const size_t vl_commands_count = sizeof(vl_commands) / sizeof(vl_commands[0]);
