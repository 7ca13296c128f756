// What a program may expect of the processor, whatever hypervisor lies underneath: exceptions with
// the right signal and address, single steps, breakpoints, segment bases, 32-bit system calls, I/O
// permissions, and registers that survive being switched out. Prints one line for each check that
// fails, and "cpu: N passed, N failed".
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_GS 0x1001
#define ARCH_GET_GS 0x1004

static struct {
    int sig;
    int code;
    void *address;
    uintptr_t ip;
    int count;
} seen;
static sigjmp_buf back;

static void on_trap(int sig, siginfo_t *info, void *context)
{
    seen.sig = sig;
    seen.code = info->si_code;
    seen.address = info->si_addr;
    seen.ip = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    seen.count++;
    if (sig != SIGTRAP)
        siglongjmp(back, 1);
}

// Runs `statement`, which must raise signal `want`.
#define TRAPS(want, statement)         \
    ({                                 \
        seen.sig = 0;                  \
        if (sigsetjmp(back, 1) == 0) { \
            statement;                 \
        }                              \
        seen.sig == (want);            \
    })

static int divide(void)
{
    volatile int zero = 0;

    return TRAPS(SIGFPE, asm volatile("idivl %0"
                                      :
                                      : "m"(zero), "a"(1), "d"(0))) &&
           seen.code == FPE_INTDIV;
}

static int undefined(void)
{
    return TRAPS(SIGILL, asm volatile("ud2"));
}

static int interrupt_flag(void)
{
    return TRAPS(SIGSEGV, asm volatile("hlt")) && TRAPS(SIGSEGV, asm volatile("cli")) &&
           TRAPS(SIGSEGV, asm volatile("sti"));
}

static int control_registers(void)
{
    return TRAPS(SIGSEGV, asm volatile("mov %%cr3, %%rax"
                                       :
                                       :
                                       : "rax")) &&
           TRAPS(SIGSEGV, asm volatile("mov %%rax, %%cr0"
                                       :
                                       : "a"(0))) &&
           TRAPS(SIGSEGV, asm volatile("clts"));
}

static int machine_registers(void)
{
    return TRAPS(SIGSEGV, asm volatile("rdmsr"
                                       :
                                       : "c"(0xc0000080)
                                       : "rax", "rdx")) &&
           TRAPS(SIGSEGV, asm volatile("wrmsr"
                                       :
                                       : "c"(0xc0000080), "a"(0), "d"(0)));
}

static int cache_control(void)
{
    return TRAPS(SIGSEGV, asm volatile("invlpg (%%rax)" : : "a"(0)));
}

static int port_access(void)
{
    return TRAPS(SIGSEGV, asm volatile("outb %%al, $0x80"
                                       :
                                       : "a"(0))) &&
           TRAPS(SIGSEGV, asm volatile("inb $0x80, %%al"
                                       :
                                       :
                                       : "rax"));
}

static int software_interrupt(void)
{
    return TRAPS(SIGSEGV, asm volatile("int $0x21")) && TRAPS(SIGSEGV, asm volatile("int $14"));
}

static int page_fault(void)
{
    volatile char *nowhere = (volatile char *)0x12345000;

    return TRAPS(SIGSEGV, *nowhere = 1) && seen.address == (void *)nowhere &&
           seen.code == SEGV_MAPERR;
}

// Kernel and hypervisor addresses are out of reach, and fault like any other.
static int high_memory(void)
{
    static const uintptr_t places[] = {0xffff800000000000, 0xffff830000000000, 0xffff880000000000,
                                       0xffffffff81000000, 0x0000800000000000};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (!TRAPS(SIGSEGV, *(volatile char *)places[i]))
            return 0;
    }
    return 1;
}

static int no_execute(void)
{
    unsigned char *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    page[0] = 0xc3; // ret
    return TRAPS(SIGSEGV, ((void (*)(void))(uintptr_t)page)()) && seen.address == page &&
           mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 &&
           (((void (*)(void))(uintptr_t)page)(), 1);
}

static int breakpoint(void)
{
    uintptr_t after;

    seen.count = 0;
    asm volatile("int3\n1: lea 1b(%%rip), %0" : "=r"(after) : : "memory");
    return seen.count == 1 && seen.sig == SIGTRAP && seen.ip == after;
}

static int single_step(void)
{
    seen.count = 0;
    asm volatile(
        "pushf; orl $0x100, (%%rsp); popf; nop; nop; nop; pushf; andl $~0x100, (%%rsp); popf"
        :
        :
        : "memory", "cc");
    return seen.count >= 6 && seen.sig == SIGTRAP && seen.code == TRAP_TRACE;
}

static int int80(void)
{
    long answer;

    asm volatile("int $0x80"
                 : "=a"(answer)
                 : "a"(20L /* i386 getpid */)
                 : "memory", "r8", "r9", "r10", "r11");
    return answer == getpid();
}

static int bad_system_call(void)
{
    return syscall(99999) == -1 && errno == ENOSYS;
}

static int segment_bases(void)
{
    static uint64_t value = 0x1122334455667788;
    uint64_t read_back = 0, base = 0;

    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &value) != 0)
        return 0;
    for (int i = 0; i < 100; i++)
        sched_yield();
    asm volatile("mov %%gs:0, %0" : "=r"(read_back));
    return read_back == value && syscall(SYS_arch_prctl, ARCH_GET_GS, &base) == 0 &&
           base == (uintptr_t)&value && syscall(SYS_arch_prctl, ARCH_SET_GS, 0) == 0;
}

struct ldt_entry { // Linux's struct user_desc
    unsigned int number, base, limit;
    unsigned int is_32bit : 1, contents : 2, read_only : 1, in_pages : 1, absent : 1, useable : 1,
        lm : 1;
};

static int local_descriptors(void)
{
    uint32_t *low =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    struct ldt_entry entry = {.number = 3, .limit = 0xfff, .is_32bit = 1, .useable = 1};
    uint32_t value = 0;
    unsigned int selector = 3 << 3 | 7, kept = 0;

    entry.base = (unsigned int)(uintptr_t)low;
    low[5] = 0xabcd1234;
    if (syscall(SYS_modify_ldt, 1, &entry, sizeof(entry)) != 0)
        return errno == ENOSYS;
    asm volatile("mov %w0, %%fs" : : "r"(selector)); // thread-local data is not used until restored
    asm volatile("mov %%fs:20, %0" : "=r"(value));
    asm volatile("mov %%fs, %0" : "=r"(kept));
    return value == 0xabcd1234 && (kept & 0xffff) == selector;
}

// FS carries the thread pointer, so the LDT is tried in a process of its own.
static int in_child(int (*check)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0)
        syscall(SYS_exit_group, !check());
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int io_permission(void)
{
    if (getuid() != 0)
        return 1;
    if (ioperm(0x80, 1, 1) != 0)
        return 0;
    outb(0x55, 0x80);
    sched_yield();
    outb(0xaa, 0x80);
    return TRAPS(SIGSEGV, outb(0, 0x81)) && ioperm(0x80, 1, 0) == 0 &&
           TRAPS(SIGSEGV, outb(0, 0x80));
}

static int io_level(void)
{
    if (getuid() != 0)
        return 1;
    if (iopl(3) != 0)
        return 0;
    outb(0x55, 0x80);
    (void)inb(0x61);
    return iopl(0) == 0 && TRAPS(SIGSEGV, outb(0, 0x80));
}

static volatile uint64_t watched;

// A debugger's view: a hardware watchpoint set through ptrace stops the child at its write.
static int watchpoint(void)
{
    size_t dr0 = offsetof(struct user, u_debugreg), dr7 = dr0 + 7 * 8, dr6 = dr0 + 6 * 8;
    pid_t child = fork();
    int status, ok;

    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        watched = 1;
        _exit(7);
    }
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
        return 0;
    ok = ptrace(PTRACE_POKEUSER, child, dr0, (void *)&watched) == 0 &&
         ptrace(PTRACE_POKEUSER, child, dr7, (void *)(uintptr_t)0x000d0001) ==
             0; // slot 0, writes of 4 bytes
    ptrace(PTRACE_CONT, child, NULL, NULL);
    if (waitpid(child, &status, 0) != child)
        return 0;
    ok = ok && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP &&
         (ptrace(PTRACE_PEEKUSER, child, dr6, NULL) & 1);
    if (WIFSTOPPED(status)) {
        ptrace(PTRACE_CONT, child, NULL, NULL);
        waitpid(child, &status, 0);
    }
    return ok && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static int hold_registers(uint64_t tag)
{
    uint64_t in[8], out[8];

    for (int i = 0; i < 8; i++)
        in[i] = tag * 1000 + (uint64_t)i;
    for (int round = 0; round < 300; round++) {
        asm volatile(
            "movq 0(%1), %%xmm0; movq 8(%1), %%xmm5; movq 16(%1), %%xmm10; movq 24(%1), %%xmm15\n\t"
            "movq 32(%1), %%mm3; movq 40(%1), %%r12; movq 48(%1), %%r15; movq 56(%1), %%rbx\n\t"
            "mov $24, %%eax; syscall\n\t" // sched_yield: another process uses the same registers
            "movq %%xmm0, 0(%0); movq %%xmm5, 8(%0); movq %%xmm10, 16(%0); movq %%xmm15, 24(%0)\n\t"
            "movq %%mm3, 32(%0); movq %%r12, 40(%0); movq %%r15, 48(%0); movq %%rbx, 56(%0); emms"
            :
            : "r"(out), "r"(in)
            : "rax", "rcx", "r11", "rbx", "r12", "r15", "xmm0", "xmm5", "xmm10", "xmm15", "mm3",
              "memory");
        if (memcmp(in, out, sizeof(in)) != 0)
            return 0;
    }
    return 1;
}

static int registers_survive(void)
{
    int good = 1, status;

    for (uint64_t i = 1; i <= 4; i++) {
        if (fork() == 0)
            _exit(!hold_registers(i));
    }
    for (int i = 0; i < 4; i++)
        good &= wait(&status) > 0 && status == 0;
    return good;
}

static const struct {
    const char *name;
    int (*check)(void);
    int alone;
} checks[] = {
    {"divide error", divide, 0},
    {"undefined instruction", undefined, 0},
    {"interrupt flag is the kernel's", interrupt_flag, 0},
    {"control registers are the kernel's", control_registers, 0},
    {"model-specific registers are the kernel's", machine_registers, 0},
    {"cache control is the kernel's", cache_control, 0},
    {"ports are the kernel's", port_access, 0},
    {"kernel's software interrupts", software_interrupt, 0},
    {"page fault address", page_fault, 0},
    {"addresses of kernel and hypervisor", high_memory, 0},
    {"no-execute pages", no_execute, 0},
    {"int3", breakpoint, 0},
    {"single step", single_step, 0},
    {"32-bit system call", int80, 0},
    {"unknown system call", bad_system_call, 0},
    {"GS base", segment_bases, 0},
    {"LDT segment", local_descriptors, 1},
    {"I/O permission bitmap", io_permission, 1},
    {"I/O privilege level", io_level, 1},
    {"hardware watchpoint", watchpoint, 0},
    {"registers across switches", registers_survive, 0},
};

int main(void)
{
    static const int signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGTRAP};
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
    int failed = 0, count = sizeof(checks) / sizeof(checks[0]);

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
    for (int i = 0; i < count; i++) {
        int good = checks[i].alone ? in_child(checks[i].check) : checks[i].check();

        if (!good) {
            printf("cpu: FAIL %s (signal %d code %d address %p)\n", checks[i].name, seen.sig,
                   seen.code, seen.address);
            failed++;
        }
    }
    printf("cpu: %d passed, %d failed\n", count - failed, failed);
    return failed != 0;
}
