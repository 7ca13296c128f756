/*
 * CPU features by name, numbered as the words of XEN_SYSCTL_get_cpu_featureset hold them.
 *
 * XEN_X86_FEATURE_LIST(X) expands X(word, bit, name) for each; the number of a feature is
 * 32 * word + bit. A bit that both vendors define stands in the common word only: what of leaf
 * 0x80000001 EDX repeats leaf 1 is not listed.
 *
 *   word  0  leaf 1, EDX
 *   word  1  leaf 1, ECX
 *   word  2  leaf 0x80000001, EDX
 *   word  3  leaf 0x80000001, ECX
 *   word  4  leaf 0xd sub-leaf 1, EAX
 *   word  5  leaf 7 sub-leaf 0, EBX
 *   word  6  leaf 7 sub-leaf 0, ECX
 *   word  7  leaf 0x80000007, EDX
 *   word  8  leaf 0x80000008, EBX
 *   word  9  leaf 7 sub-leaf 0, EDX
 *   word 10  leaf 7 sub-leaf 1, EAX
 *   word 11  leaf 0x80000021, EAX
 *   word 12  leaf 7 sub-leaf 1, EBX
 *   word 13  leaf 7 sub-leaf 2, EDX
 *   word 14  leaf 7 sub-leaf 1, ECX
 *   word 15  leaf 7 sub-leaf 1, EDX
 *   word 16  MSR_ARCH_CAPABILITIES, bits 0-31
 *   word 17  MSR_ARCH_CAPABILITIES, bits 32-63
 *   word 18  leaf 0x80000021, ECX
 */
#pragma once

/* clang-format off */
#define XEN_X86_FEATURE_LIST(X) \
    X( 0,  0, FPU) \
    X( 0,  1, VME) \
    X( 0,  2, DE) \
    X( 0,  3, PSE) \
    X( 0,  4, TSC) \
    X( 0,  5, MSR) \
    X( 0,  6, PAE) \
    X( 0,  7, MCE) \
    X( 0,  8, CX8) \
    X( 0,  9, APIC) \
    X( 0, 11, SEP) \
    X( 0, 12, MTRR) \
    X( 0, 13, PGE) \
    X( 0, 14, MCA) \
    X( 0, 15, CMOV) \
    X( 0, 16, PAT) \
    X( 0, 17, PSE36) \
    X( 0, 19, CLFLUSH) \
    X( 0, 21, DS) \
    X( 0, 22, ACPI) \
    X( 0, 23, MMX) \
    X( 0, 24, FXSR) \
    X( 0, 25, SSE) \
    X( 0, 26, SSE2) \
    X( 0, 27, SS) \
    X( 0, 28, HTT) \
    X( 0, 29, TM1) \
    X( 0, 31, PBE) \
    X( 1,  0, SSE3) \
    X( 1,  1, PCLMULQDQ) \
    X( 1,  2, DTES64) \
    X( 1,  3, MONITOR) \
    X( 1,  4, DSCPL) \
    X( 1,  5, VMX) \
    X( 1,  6, SMX) \
    X( 1,  7, EIST) \
    X( 1,  8, TM2) \
    X( 1,  9, SSSE3) \
    X( 1, 12, FMA) \
    X( 1, 13, CX16) \
    X( 1, 14, XTPR) \
    X( 1, 15, PDCM) \
    X( 1, 17, PCID) \
    X( 1, 18, DCA) \
    X( 1, 19, SSE4_1) \
    X( 1, 20, SSE4_2) \
    X( 1, 21, X2APIC) \
    X( 1, 22, MOVBE) \
    X( 1, 23, POPCNT) \
    X( 1, 24, TSC_DEADLINE) \
    X( 1, 25, AESNI) \
    X( 1, 26, XSAVE) \
    X( 1, 27, OSXSAVE) \
    X( 1, 28, AVX) \
    X( 1, 29, F16C) \
    X( 1, 30, RDRAND) \
    X( 1, 31, HYPERVISOR) \
    X( 2, 11, SYSCALL) \
    X( 2, 20, NX) \
    X( 2, 22, MMXEXT) \
    X( 2, 25, FFXSR) \
    X( 2, 26, PAGE1GB) \
    X( 2, 27, RDTSCP) \
    X( 2, 29, LM) \
    X( 2, 30, 3DNOWEXT) \
    X( 2, 31, 3DNOW) \
    X( 3,  0, LAHF_LM) \
    X( 3,  1, CMP_LEGACY) \
    X( 3,  2, SVM) \
    X( 3,  3, EXTAPIC) \
    X( 3,  4, CR8_LEGACY) \
    X( 3,  5, ABM) \
    X( 3,  6, SSE4A) \
    X( 3,  7, MISALIGNSSE) \
    X( 3,  8, 3DNOWPREFETCH) \
    X( 3,  9, OSVW) \
    X( 3, 10, IBS) \
    X( 3, 11, XOP) \
    X( 3, 12, SKINIT) \
    X( 3, 13, WDT) \
    X( 3, 15, LWP) \
    X( 3, 16, FMA4) \
    X( 3, 19, NODEID_MSR) \
    X( 3, 21, TBM) \
    X( 3, 22, TOPOEXT) \
    X( 3, 26, DBEXT) \
    X( 3, 29, MONITORX) \
    X( 4,  0, XSAVEOPT) \
    X( 4,  1, XSAVEC) \
    X( 4,  2, XGETBV1) \
    X( 4,  3, XSAVES) \
    X( 5,  0, FSGSBASE) \
    X( 5,  1, TSC_ADJUST) \
    X( 5,  2, SGX) \
    X( 5,  3, BMI1) \
    X( 5,  4, HLE) \
    X( 5,  5, AVX2) \
    X( 5,  6, FDP_EXCP_ONLY) \
    X( 5,  7, SMEP) \
    X( 5,  8, BMI2) \
    X( 5,  9, ERMS) \
    X( 5, 10, INVPCID) \
    X( 5, 11, RTM) \
    X( 5, 12, PQM) \
    X( 5, 13, NO_FPU_SEL) \
    X( 5, 14, MPX) \
    X( 5, 15, PQE) \
    X( 5, 16, AVX512F) \
    X( 5, 17, AVX512DQ) \
    X( 5, 18, RDSEED) \
    X( 5, 19, ADX) \
    X( 5, 20, SMAP) \
    X( 5, 21, AVX512_IFMA) \
    X( 5, 23, CLFLUSHOPT) \
    X( 5, 24, CLWB) \
    X( 5, 25, PROC_TRACE) \
    X( 5, 26, AVX512PF) \
    X( 5, 27, AVX512ER) \
    X( 5, 28, AVX512CD) \
    X( 5, 29, SHA) \
    X( 5, 30, AVX512BW) \
    X( 5, 31, AVX512VL) \
    X( 6,  0, PREFETCHWT1) \
    X( 6,  1, AVX512_VBMI) \
    X( 6,  2, UMIP) \
    X( 6,  3, PKU) \
    X( 6,  4, OSPKE) \
    X( 6,  6, AVX512_VBMI2) \
    X( 6,  7, CET_SS) \
    X( 6,  8, GFNI) \
    X( 6,  9, VAES) \
    X( 6, 10, VPCLMULQDQ) \
    X( 6, 11, AVX512_VNNI) \
    X( 6, 12, AVX512_BITALG) \
    X( 6, 14, AVX512_VPOPCNTDQ) \
    X( 6, 22, RDPID) \
    X( 6, 25, CLDEMOTE) \
    X( 6, 27, MOVDIRI) \
    X( 6, 28, MOVDIR64B) \
    X( 6, 29, ENQCMD) \
    X( 7,  7, HW_PSTATE) \
    X( 7,  8, ITSC) \
    X( 7,  9, CPB) \
    X( 7, 10, EFRO) \
    X( 8,  0, CLZERO) \
    X( 8,  2, RSTR_FP_ERR_PTRS) \
    X( 8,  9, WBNOINVD) \
    X( 8, 12, IBPB) \
    X( 8, 14, IBRS) \
    X( 8, 15, AMD_STIBP) \
    X( 8, 16, IBRS_ALWAYS) \
    X( 8, 17, STIBP_ALWAYS) \
    X( 8, 18, IBRS_FAST) \
    X( 8, 19, IBRS_SAME_MODE) \
    X( 8, 20, NO_LMSL) \
    X( 8, 23, AMD_PPIN) \
    X( 8, 24, AMD_SSBD) \
    X( 8, 25, VIRT_SSBD) \
    X( 8, 26, SSB_NO) \
    X( 8, 28, PSFD) \
    X( 8, 29, BTC_NO) \
    X( 8, 30, IBPB_RET) \
    X( 9,  2, AVX512_4VNNIW) \
    X( 9,  3, AVX512_4FMAPS) \
    X( 9,  4, FSRM) \
    X( 9,  8, AVX512_VP2INTERSECT) \
    X( 9,  9, SRBDS_CTRL) \
    X( 9, 10, MD_CLEAR) \
    X( 9, 11, RTM_ALWAYS_ABORT) \
    X( 9, 13, TSX_FORCE_ABORT) \
    X( 9, 14, SERIALIZE) \
    X( 9, 15, HYBRID) \
    X( 9, 16, TSXLDTRK) \
    X( 9, 20, CET_IBT) \
    X( 9, 23, AVX512_FP16) \
    X( 9, 26, IBRSB) \
    X( 9, 27, STIBP) \
    X( 9, 28, L1D_FLUSH) \
    X( 9, 29, ARCH_CAPS) \
    X( 9, 30, CORE_CAPS) \
    X( 9, 31, SSBD) \
    X(10,  4, AVX_VNNI) \
    X(10,  5, AVX512_BF16) \
    X(10, 10, FZRM) \
    X(10, 11, FSRS) \
    X(10, 12, FSRCS) \
    X(11,  2, LFENCE_DISPATCH) \
    X(11,  5, VERW_CLEAR) \
    X(11,  6, NSCB) \
    X(11,  8, AUTO_IBRS) \
    X(11, 27, SBPB) \
    X(11, 28, IBPB_BRTYPE) \
    X(11, 29, SRSO_NO) \
    X(11, 30, SRSO_US_NO) \
    X(11, 31, SRSO_MSR_FIX) \
    X(12,  0, INTEL_PPIN) \
    X(13,  0, INTEL_PSFD) \
    X(13,  1, IPRED_CTRL) \
    X(13,  2, RRSBA_CTRL) \
    X(13,  4, BHI_CTRL) \
    X(13,  5, MCDT_NO) \
    X(15, 18, CET_SSS) \
    X(16,  0, RDCL_NO) \
    X(16,  1, EIBRS) \
    X(16,  2, RSBA) \
    X(16,  3, SKIP_L1DFL) \
    X(16,  4, INTEL_SSB_NO) \
    X(16,  5, MDS_NO) \
    X(16,  6, IF_PSCHANGE_MC_NO) \
    X(16,  7, TSX_CTRL) \
    X(16,  8, TAA_NO) \
    X(16,  9, MCU_CTRL) \
    X(16, 10, MISC_PKG_CTRL) \
    X(16, 11, ENERGY_FILTERING) \
    X(16, 12, DOITM) \
    X(16, 13, SBDR_SSDP_NO) \
    X(16, 14, FBSDP_NO) \
    X(16, 15, PSDP_NO) \
    X(16, 17, FB_CLEAR) \
    X(16, 18, FB_CLEAR_CTRL) \
    X(16, 19, RRSBA) \
    X(16, 20, BHI_NO) \
    X(16, 21, XAPIC_STATUS) \
    X(16, 23, OVRCLK_STATUS) \
    X(16, 24, PBRSB_NO) \
    X(16, 25, GDS_CTRL) \
    X(16, 26, GDS_NO) \
    X(16, 27, RFDS_NO) \
    X(16, 28, RFDS_CLEAR) \
    X(17, 30, ITS_NO) \
    X(18,  1, TSA_SQ_NO) \
    X(18,  2, TSA_L1_NO)
/* clang-format on */

#define XEN_X86_FEATURE_VALUE(word, bit, name) XEN_X86_FEATURE_##name = (word)*32 + (bit),
enum { XEN_X86_FEATURE_LIST(XEN_X86_FEATURE_VALUE) };
#undef XEN_X86_FEATURE_VALUE
