#include "hvm/access.h"

#include "hvm/hvm.h"
#include "lib/errno.h"

#define CONFIG_ADDRESS 0xcf8 // of the PCI function and register that ports 0xcfc to 0xcff are

int hvm_device_add(struct domain *d, bool port, uint64_t first, uint64_t last, hvm_device_fn *fn)
{
    struct hvm_devices *devices = &to_hvmd(d)->devices;

    if (last < first || (port && last > UINT16_MAX))
        return -EINVAL;
    for (unsigned i = 0; i < devices->nr; i++) {
        const struct hvm_device *other = &devices->list[i];

        if (other->port == port && first <= other->last && last >= other->first)
            return -EEXIST;
    }
    if (devices->nr == HVM_MAX_DEVICES)
        return -ENOSPC;
    devices->list[devices->nr++] =
        (struct hvm_device){.first = first, .last = last, .fn = fn, .port = port};
    return 0;
}

static hvm_device_fn *device_at(const struct hvm_devices *devices, const struct hvm_access *a)
{
    uint64_t last = a->address + a->bytes - 1;

    for (unsigned i = 0; i < devices->nr; i++) {
        const struct hvm_device *device = &devices->list[i];

        if (device->port == a->port && a->address >= device->first && last <= device->last &&
            last >= a->address)
            return device->fn;
    }
    return NULL;
}

// Its registers are written as wholes only.
static void access_lapic(struct hvm_vcpu *v, struct hvm_access *a)
{
    unsigned offset = a->address % PAGE_SIZE;

    if (!a->write)
        a->data = lapic_read(v, offset & ~3u) >> (offset & 3) * 8;
    else if (a->bytes == 4 && !(offset & 3))
        lapic_write(v, offset, (uint32_t)a->data);
}

// What is there besides the hypervisor's devices: one that others make, or nothing.
static enum hvm_access_result perform_outside(struct hvm_vcpu *v, struct hvm_access *a)
{
    // Whoever has the port, the hypervisor must know which function is meant at 0xcfc.
    if (a->port && a->address == CONFIG_ADDRESS && a->bytes == 4 && a->write)
        v->v.domain->pci_address = (uint32_t)a->data;
    switch (ioreq_access(v, a)) {
    case IOREQ_ASKED:
        return HVM_ACCESS_WAIT;
    case IOREQ_UNCLAIMED:
        if (!a->write)
            a->data = ~0ull;
        break;
    case IOREQ_POSTED:
        break;
    }
    return HVM_ACCESS_DONE;
}

// Ioreq servers reach into the guest's memory by themselves; the hypervisor's devices do not, nor
// those that it has to listen to.
static enum hvm_access_result perform_string(struct hvm_vcpu *v, struct hvm_access *a)
{
    if (device_at(&to_hvmd(v->v.domain)->devices, a) || (a->address & ~7ull) == CONFIG_ADDRESS ||
        ioreq_access(v, a) != IOREQ_ASKED)
        return HVM_ACCESS_SINGLY;
    return HVM_ACCESS_WAIT;
}

static enum hvm_access_result perform(struct hvm_vcpu *v, struct hvm_access *a)
{
    hvm_device_fn *fn;

    if (a->count)
        return perform_string(v, a);
    if (!a->port && lapic_covers(v, a->address)) {
        access_lapic(v, a);
        return HVM_ACCESS_DONE;
    }
    fn = device_at(&to_hvmd(v->v.domain)->devices, a);
    return fn && fn(v, a) ? HVM_ACCESS_DONE : perform_outside(v, a);
}

static bool is_same(const struct hvm_access *a, const struct hvm_access *b)
{
    return a->address == b->address && a->bytes == b->bytes && a->port == b->port &&
           a->write == b->write && a->count == b->count && a->down == b->down;
}

// Another vCPU may have changed the instruction meanwhile, or what it reads: then it is another
// one, and begins now.
static bool is_remembered(struct hvm_access_log *log, struct hvm_access *a)
{
    if (log->next == log->nr)
        return false;
    if (is_same(&log->done[log->next], a)) {
        a->data = log->done[log->next++].data;
        return true;
    }
    log->nr = log->next = 0;
    return false;
}

// A string that went value by value before its vCPU waited goes on so.
static bool went_singly(const struct hvm_access_log *log, const struct hvm_access *a)
{
    return a->count && log->next != log->nr && !log->done[log->next].count;
}

enum hvm_access_result hvm_access(struct hvm_vcpu *v, struct hvm_access *a)
{
    struct hvm_access_log *log = &v->accesses;
    enum hvm_access_result result;

    if (went_singly(log, a))
        return HVM_ACCESS_SINGLY;
    if (is_remembered(log, a))
        return HVM_ACCESS_DONE;
    if (log->nr == HVM_MAX_ACCESSES) {
        domain_crash(v->v.domain, "an instruction with more than %u accesses to devices",
                     HVM_MAX_ACCESSES);
        return HVM_ACCESS_WAIT; // it will not be executed again
    }
    result = perform(v, a);
    log->done[log->nr] = *a;
    log->waiting = result == HVM_ACCESS_WAIT;
    if (result == HVM_ACCESS_DONE)
        log->next = ++log->nr;
    return result;
}

void hvm_access_answer(struct hvm_vcpu *v, uint64_t data)
{
    struct hvm_access_log *log = &v->accesses;

    if (!log->done[log->nr].write)
        log->done[log->nr].data = data;
    log->nr++;
    log->next = 0;
    log->waiting = false;
}

void hvm_access_retire(struct hvm_vcpu *v)
{
    v->accesses.nr = v->accesses.next = 0;
}
