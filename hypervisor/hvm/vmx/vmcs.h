// The virtual-machine control structure: its fields by their encodings (Intel SDM vol. 3, appendix
// B), the controls (chapter 24), the reasons of exits (appendix C).
#pragma once

enum vmcs_field {
    VMCS_VPID = 0x0000,

    // Of the guest's segments: + 2 * enum vmx_segment.
    VMCS_GUEST_SELECTOR = 0x0800,
    VMCS_GUEST_LIMIT = 0x4800,
    VMCS_GUEST_ATTRIBUTES = 0x4814,
    VMCS_GUEST_BASE = 0x6806,

    VMCS_HOST_ES = 0x0c00,
    VMCS_HOST_CS = 0x0c02,
    VMCS_HOST_SS = 0x0c04,
    VMCS_HOST_DS = 0x0c06,
    VMCS_HOST_FS = 0x0c08,
    VMCS_HOST_GS = 0x0c0a,
    VMCS_HOST_TR = 0x0c0c,

    VMCS_MSR_BITMAP = 0x2004,
    VMCS_TSC_OFFSET = 0x2010,
    VMCS_EPT_POINTER = 0x201a,
    VMCS_GUEST_PHYSICAL = 0x2400,
    VMCS_LINK = 0x2800,
    VMCS_GUEST_DEBUGCTL = 0x2802,
    VMCS_GUEST_EFER = 0x2806,
    VMCS_GUEST_PDPTE = 0x280a, // + 2 * number
    VMCS_HOST_EFER = 0x2c02,

    VMCS_PIN_CONTROLS = 0x4000,
    VMCS_CPU_CONTROLS = 0x4002,
    VMCS_EXCEPTIONS = 0x4004,
    VMCS_FAULT_MASK = 0x4006,
    VMCS_FAULT_MATCH = 0x4008,
    VMCS_CR3_TARGETS = 0x400a,
    VMCS_EXIT_CONTROLS = 0x400c,
    VMCS_EXIT_STORES = 0x400e,
    VMCS_EXIT_LOADS = 0x4010,
    VMCS_ENTRY_CONTROLS = 0x4012,
    VMCS_ENTRY_LOADS = 0x4014,
    VMCS_ENTRY_EVENT = 0x4016,
    VMCS_ENTRY_ERROR = 0x4018,
    VMCS_ENTRY_LENGTH = 0x401a,
    VMCS_CPU_CONTROLS_2 = 0x401e,

    VMCS_INSTRUCTION_ERROR = 0x4400,
    VMCS_EXIT_REASON = 0x4402,
    VMCS_EXIT_EVENT = 0x4404,
    VMCS_EXIT_ERROR = 0x4406,
    VMCS_INTERRUPTED = 0x4408, // IDT-vectoring information
    VMCS_INTERRUPTED_ERROR = 0x440a,
    VMCS_EXIT_LENGTH = 0x440c,

    VMCS_GUEST_GDTR_LIMIT = 0x4810,
    VMCS_GUEST_IDTR_LIMIT = 0x4812,
    VMCS_INTERRUPTIBILITY = 0x4824,
    VMCS_ACTIVITY = 0x4826,
    VMCS_GUEST_SYSENTER_CS = 0x482a,
    VMCS_HOST_SYSENTER_CS = 0x4c00,

    VMCS_CR0_MASK = 0x6000,
    VMCS_CR4_MASK = 0x6002,
    VMCS_CR0_SHADOW = 0x6004,
    VMCS_CR4_SHADOW = 0x6006,
    VMCS_QUALIFICATION = 0x6400,

    VMCS_GUEST_CR0 = 0x6800,
    VMCS_GUEST_CR3 = 0x6802,
    VMCS_GUEST_CR4 = 0x6804,
    VMCS_GUEST_GDTR_BASE = 0x6816,
    VMCS_GUEST_IDTR_BASE = 0x6818,
    VMCS_GUEST_DR7 = 0x681a,
    VMCS_GUEST_RSP = 0x681c,
    VMCS_GUEST_RIP = 0x681e,
    VMCS_GUEST_RFLAGS = 0x6820,
    VMCS_PENDING_DEBUG = 0x6822,
    VMCS_GUEST_SYSENTER_ESP = 0x6824,
    VMCS_GUEST_SYSENTER_EIP = 0x6826,

    VMCS_HOST_CR0 = 0x6c00,
    VMCS_HOST_CR3 = 0x6c02,
    VMCS_HOST_CR4 = 0x6c04,
    VMCS_HOST_FS_BASE = 0x6c06,
    VMCS_HOST_GS_BASE = 0x6c08,
    VMCS_HOST_TR_BASE = 0x6c0a,
    VMCS_HOST_GDTR_BASE = 0x6c0c,
    VMCS_HOST_IDTR_BASE = 0x6c0e,
    VMCS_HOST_SYSENTER_ESP = 0x6c10,
    VMCS_HOST_SYSENTER_EIP = 0x6c12,
    VMCS_HOST_RSP = 0x6c14,
    VMCS_HOST_RIP = 0x6c16,
};

enum vmx_segment { VMX_ES, VMX_CS, VMX_SS, VMX_DS, VMX_FS, VMX_GS, VMX_LDTR, VMX_TR, VMX_SEGMENTS };

// Attributes of a segment: byte 5 of a descriptor, and the upper half of byte 6.
#define VMX_AR_TYPE(ar)   ((ar)&0xfu)
#define VMX_AR_TSS16_BUSY 3
#define VMX_AR_S          (1u << 4)
#define VMX_AR_DPL(ar)    ((ar) >> 5 & 3u)
#define VMX_AR_P          (1u << 7)
#define VMX_AR_L          (1u << 13)
#define VMX_AR_DB         (1u << 14)
#define VMX_AR_G          (1u << 15)
#define VMX_AR_UNUSABLE   (1u << 16)
#define VMX_AR_RESERVED   0xfffe0f00u

#define PIN_INTERRUPT (1u << 0)
#define PIN_NMI       (1u << 3)
#define PIN_VNMI      (1u << 5)

#define CPU_INTERRUPT_WINDOW (1u << 2)
#define CPU_HLT              (1u << 7)
#define CPU_MWAIT            (1u << 10)
#define CPU_RDPMC            (1u << 11)
#define CPU_CR3_LOAD         (1u << 15)
#define CPU_CR3_STORE        (1u << 16)
#define CPU_CR8_LOAD         (1u << 19)
#define CPU_CR8_STORE        (1u << 20)
#define CPU_NMI_WINDOW       (1u << 22)
#define CPU_ALL_IO           (1u << 24)
#define CPU_MSR_BITMAP       (1u << 28)
#define CPU_MONITOR          (1u << 29)
#define CPU_SECONDARY        (1u << 31)

#define CPU2_EPT          (1u << 1)
#define CPU2_RDTSCP       (1u << 3)
#define CPU2_VPID         (1u << 5)
#define CPU2_WBINVD       (1u << 6)
#define CPU2_UNRESTRICTED (1u << 7)

#define EXIT_SAVE_DEBUG (1u << 2)
#define EXIT_64BIT      (1u << 9)
#define EXIT_SAVE_EFER  (1u << 20)
#define EXIT_LOAD_EFER  (1u << 21)

#define ENTRY_LOAD_DEBUG (1u << 2)
#define ENTRY_LONG_MODE  (1u << 9)
#define ENTRY_SMM        (1u << 10)
#define ENTRY_LOAD_EFER  (1u << 15)

// An event, on its way in or cut short: vector, type (enum hvm_event_type and these), error code.
#define VMX_EVENT_VECTOR(e)   ((uint8_t)(e))
#define VMX_EVENT_TYPE(e)     ((e) >> 8 & 7u)
#define VMX_EVENT_SOFTWARE    4u // and above: by an instruction
#define VMX_EVENT_ERROR       (1u << 11)
#define VMX_EVENT_NMI_UNBLOCK (1u << 12) // of exits: IRET has ended the blocking of NMIs
#define VMX_EVENT_VALID       (1u << 31)

#define BLOCKED_BY_STI    0x1u
#define BLOCKED_BY_MOV_SS 0x2u
#define BLOCKED_BY_SMI    0x4u
#define BLOCKED_BY_NMI    0x8u

#define PENDING_DEBUG_STEP (1u << 14)

enum vmx_exit {
    VMX_EXIT_EXCEPTION = 0, // or NMI
    VMX_EXIT_INTERRUPT = 1,
    VMX_EXIT_TRIPLE_FAULT = 2,
    VMX_EXIT_INIT = 3,
    VMX_EXIT_SIPI = 4,
    VMX_EXIT_INTERRUPT_WINDOW = 7,
    VMX_EXIT_NMI_WINDOW = 8,
    VMX_EXIT_TASK = 9,
    VMX_EXIT_CPUID = 10,
    VMX_EXIT_GETSEC = 11,
    VMX_EXIT_HLT = 12,
    VMX_EXIT_INVD = 13,
    VMX_EXIT_RDPMC = 15,
    VMX_EXIT_VMCALL = 18,
    VMX_EXIT_VMCLEAR = 19,
    VMX_EXIT_VMXON = 27,
    VMX_EXIT_CR = 28,
    VMX_EXIT_IO = 30,
    VMX_EXIT_RDMSR = 31,
    VMX_EXIT_WRMSR = 32,
    VMX_EXIT_BAD_STATE = 33,
    VMX_EXIT_BAD_MSR = 34,
    VMX_EXIT_MWAIT = 36,
    VMX_EXIT_MONITOR = 39,
    VMX_EXIT_MACHINE_CHECK = 41,
    VMX_EXIT_EPT_VIOLATION = 48,
    VMX_EXIT_EPT_MISCONFIG = 49,
    VMX_EXIT_INVEPT = 50,
    VMX_EXIT_INVVPID = 53,
    VMX_EXIT_WBINVD = 54,
    VMX_EXIT_XSETBV = 55,
    VMX_EXIT_VMFUNC = 59,
};
#define VMX_EXIT_ENTRY_FAILED (1u << 31)

// VMCS_QUALIFICATION of EPT violations
#define EPT_WRITE          0x2u
#define EPT_LINEAR         0x80u  // it came by a linear address
#define EPT_TRANSLATED     0x100u // ... of which this is the translation, not a table on the way
#define EPT_IRET_UNBLOCKED 0x1000u

// ... of VMX_EXIT_IO
#define VMX_IO_SIZE(q) (((unsigned)(q)&7) + 1)
#define VMX_IO_IN      0x8u
#define VMX_IO_STRING  0x10u
#define VMX_IO_PORT(q) ((uint16_t)((q) >> 16))

// ... of VMX_EXIT_CR
#define VMX_CR_NUMBER(q) ((unsigned)(q)&0xf)
#define VMX_CR_ACCESS(q) ((unsigned)(q) >> 4 & 3)
#define VMX_CR_REG(q)    ((unsigned)(q) >> 8 & 0xf)
#define VMX_CR_WRITE     0
#define VMX_CR_READ      1
