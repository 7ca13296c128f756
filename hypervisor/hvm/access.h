// One way for all accesses of HVM guests to devices: by ports, and at guest-physical addresses with
// no memory behind. Whoever finds out what an instruction wants (hvm/io.c, hvm/exits.c) makes its
// accesses here, one after the other.
//
// An access may have to wait for somebody outside of the hypervisor. The vCPU then stops in the
// middle of the instruction, of which nothing may have happened yet that the guest could see, and
// when the answer is there its exit is dealt with once more from the beginning (hvm_ops->redo). The
// accesses that the instruction made the first time are remembered, and answered alike without
// being made again: devices meet each of them once.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct domain;
struct hvm_vcpu;

struct hvm_access {
    uint64_t address; // a port, or guest-physical
    uint64_t data;    // to be written, or what was read, in the lower bytes
    uint8_t bytes;    // 1, 2, 4, or for memory 8
    bool port, write;
    bool down;      // of a string: its values lie one below the other
    uint32_t count; // of a string of a port: values, in the guest's memory, the first of them at
                    // guest-physical `data`, all of them in one page. 0: `data` is the value
};

// SINGLY, of a string: whoever has the port takes one value at a time. Nothing has happened.
enum hvm_access_result { HVM_ACCESS_DONE, HVM_ACCESS_WAIT, HVM_ACCESS_SINGLY };

// A device in the hypervisor. A read fills a->data, of which bytes beyond the access's are ignored.
// False: it is not for this device after all, and goes on as if there was none; it may then be made
// once more. Called on the vCPU that makes the access, with no lock held; must not wait.
typedef bool hvm_device_fn(struct hvm_vcpu *v, struct hvm_access *a);

#define HVM_MAX_DEVICES 32
struct hvm_devices {
    struct hvm_device {
        uint64_t first, last;
        hvm_device_fn *fn;
        bool port;
    } list[HVM_MAX_DEVICES];
    unsigned nr;
};

// Gives a range of ports or of guest-physical addresses to a device; while the domain is being
// created, when nothing of it runs. It gets the accesses that lie in the range whole. -EINVAL: not
// a range, -EEXIST: part of it is a device's already, -ENOSPC.
int hvm_device_add(struct domain *d, bool port, uint64_t first, uint64_t last, hvm_device_fn *fn);

#define HVM_MAX_ACCESSES 32 // of one instruction, or one iteration of a repeated one
struct hvm_access_log {
    struct hvm_access done[HVM_MAX_ACCESSES];
    uint8_t nr, next; // remembered, and of those made again
    bool waiting;     // for the answer to the access that comes after those, done[nr]
};

// Answers an access of the current vCPU: by a device of the hypervisor's, else by an ioreq server,
// else by nobody, when reads give all ones and writes vanish.
// HVM_ACCESS_WAIT: the caller leaves the instruction as it was and returns at once.
enum hvm_access_result hvm_access(struct hvm_vcpu *v, struct hvm_access *a);
// The instruction, or one iteration of a repeated one, is over: completed, or ended by a fault.
// What it accessed is forgotten; so it is when the guest is entered.
void hvm_access_retire(struct hvm_vcpu *v);

// hvm/entry.c: the answer that the vCPU waits for.
void hvm_access_answer(struct hvm_vcpu *v, uint64_t data);
