#include "builder/pvh_vcpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/hvm.h"
#include "pv-abi/hvm/save.h"

#define CR0_PE         0x1
#define CR0_ET         0x10
#define DR6_RESET      0xffff0ff0
#define DR7_RESET      0x400
#define RFLAGS_ONE     0x2
#define ATTR_CODE32    0xc9b // 4 KB granular, 32 bits, present, code, readable, accessed
#define ATTR_DATA32    0xc93
#define ATTR_TSS32     0x8b // present, busy
#define TSS_LIMIT      0x67
#define MTRR_WRITEBACK 6
#define MTRR_ENABLED   (1 << 11)

static struct hvm_hw_cpu boot_state(uint64_t entry, uint64_t start_info)
{
    return (struct hvm_hw_cpu){
        .rbx = start_info,
        .rip = entry,
        .rflags = RFLAGS_ONE,
        .cr0 = CR0_PE | CR0_ET,
        .dr6 = DR6_RESET,
        .dr7 = DR7_RESET,
        .cs_limit = UINT32_MAX,
        .ds_limit = UINT32_MAX,
        .es_limit = UINT32_MAX,
        .ss_limit = UINT32_MAX,
        .tr_limit = TSS_LIMIT,
        .cs_arbytes = ATTR_CODE32,
        .ds_arbytes = ATTR_DATA32,
        .es_arbytes = ATTR_DATA32,
        .ss_arbytes = ATTR_DATA32,
        .tr_arbytes = ATTR_TSS32,
    };
}

struct stream {
    uint8_t *to;
    size_t at;
};

static void put(struct stream *s, struct hvm_save_descriptor d, const void *data)
{
    memcpy(s->to + s->at, &d, sizeof(d));
    memcpy(s->to + s->at + sizeof(d), data, d.length);
    s->at += sizeof(d) + d.length;
}

static void put_mtrr(struct stream *s, struct hvm_save_descriptor d, const void *data)
{
    struct hvm_hw_mtrr mtrr;

    memcpy(&mtrr, data, sizeof(mtrr));
    mtrr.msr_mtrr_def_type = MTRR_WRITEBACK | MTRR_ENABLED;
    put(s, d, &mtrr);
}

long pvh_vcpu_records(const void *from, size_t n, uint64_t entry, uint64_t start_info, void *to)
{
    const struct hvm_hw_cpu cpu = boot_state(entry, start_info);
    struct hvm_save_descriptor d = {HVM_SAVE_CODE(END), 0, 0};
    struct stream out = {to, 0};
    const uint8_t *p = from, *end = p + n;

    while ((size_t)(end - p) >= sizeof(d)) {
        memcpy(&d, p, sizeof(d));
        p += sizeof(d);
        if (d.length > (size_t)(end - p))
            return -EIO;
        if (d.typecode == HVM_SAVE_CODE(HEADER))
            put(&out, d, p);
        if (d.typecode == HVM_SAVE_CODE(MTRR) && d.length == HVM_SAVE_LENGTH(MTRR))
            put_mtrr(&out, d, p);
        p += d.length;
    }
    if (!out.at || d.typecode != HVM_SAVE_CODE(END))
        return -EIO;
    put(&out, (struct hvm_save_descriptor){HVM_SAVE_CODE(CPU), 0, sizeof(cpu)}, &cpu);
    put(&out, d, "");
    return (long)out.at;
}

int pvh_set_vcpus(struct control *control, domid_t domain, uint64_t entry, uint64_t start_info)
{
    size_t n = 0, room;
    uint8_t *from = NULL, *to = NULL;
    long rc = control_hvm_get_context(control, domain, &from, &n);

    if (rc)
        return (int)rc;
    room = PVH_STREAM_MAX(n);
    to = malloc(room);
    rc = to ? pvh_vcpu_records(from, n, entry, start_info, to) : -ENOMEM;
    if (rc > 0)
        rc = control_hvm_set_context(control, domain, to, (size_t)rc);
    free(from);
    free(to);
    return (int)rc;
}
