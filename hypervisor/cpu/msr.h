// Numbers of model-specific registers (Intel SDM vol. 4; AMD APM vol. 2, appendix A).
#pragma once

#define MSR_TSC            0x10
#define MSR_APIC_BASE      0x1b
#define MSR_UCODE_REV      0x8b
#define MSR_PLATFORM_INFO  0xce
#define MSR_MTRRCAP        0xfe
#define MSR_SYSENTER_CS    0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_MCG_CAP        0x179
#define MSR_MCG_STATUS     0x17a
#define MSR_MISC_ENABLE    0x1a0
#define MSR_PAT            0x277
#define MSR_MC0_CTL        0x400
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_X2APIC         0x800
#define MSR_X2APIC_ICR     0x830
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_FMASK          0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103
#define MSR_AMD_SYSCFG     0xc0010010
#define MSR_AMD_HWCR       0xc0010015
#define MSR_AMD_NB_CFG     0xc001001f
#define MSR_AMD_MMIO_CFG   0xc0010058
#define MSR_AMD_PSTATE_LIM 0xc0010061
#define MSR_AMD_LS_CFG     0xc0011020
#define MSR_AMD_DE_CFG     0xc0011029
