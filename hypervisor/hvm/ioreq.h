// Ioreq servers: device models outside of the hypervisor, in another domain, which claim ranges of
// an HVM guest's ports, memory and PCI configuration space and answer its accesses there.
//
// A server shares a page with the hypervisor in which each vCPU has one request (pv-abi/hvm/
// ioreq.h), and an event channel for each vCPU. A vCPU writes its request, makes it READY, sends
// the event, and does not run until the state is STATE_IORESP_READY. Writes to video memory go
// without an answer through a second page, where a server wants that.
//
// Nothing that a server does harms more than its guest. The hypervisor reads from the shared pages
// a request's state, its result and the ring's pointers, and keeps everything else to itself: what
// it asked, and whom. A state that no server may set, a server that ends (its event channel is
// closed) and one that is destroyed answer with all ones, as if there were no device.
//
// Locks: ioreq_domain.lock guards servers, their ranges and vCPUs' `waits_for`, and is held while
// the shared pages are used. The locks of event channels come after it; the function that an
// answer's event calls takes none but the scheduler's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/domain.h"
#include "pv-abi/hvm/dm_op.h"
#include "pv-abi/hvm/ioreq.h"

#define IOREQ_SERVERS    8   // of a domain
#define IOREQ_MAX_RANGES 256 // of a server, of each kind
#define IOREQ_KINDS      3   // of ranges: XEN_DMOP_IO_RANGE_*

struct hvm_access;
struct hvm_vcpu;
struct rangeset;

struct ioreq_server {
    bool enabled;
    domid_t emulator;               // the domain that made it, and alone may use it
    uint8_t buffer_handling;        // HVM_IOREQSRV_BUFIOREQ_*
    struct ioreq *requests;         // shared, by vCPU
    struct buffered_iopage *buffer; // shared; NULL: none
    uint32_t ports[MAX_VCPUS], buffer_port;
    struct rangeset *ranges[IOREQ_KINDS];
};

struct ioreq_domain {
    spinlock_t lock;
    unsigned nr; // of servers
    struct ioreq_server *servers[IOREQ_SERVERS];
    // Requests and buffer of each. Others may go on using them when a server is gone, so they wait
    // for the next one and are freed with the domain.
    void *pages[IOREQ_SERVERS][2];
};

struct ioreq_vcpu {
    bool busy;         // has asked; the vCPU's own
    uint8_t waits_for; // bit n: has no answer of server n yet
    uint32_t closed;   // a port whose other end was closed since the request; 0: none
    uint64_t answer;
};

// hvm/ioreq.c: the guest's side; all of the current vCPU.

enum ioreq_result {
    IOREQ_UNCLAIMED,
    IOREQ_POSTED, // it is done, as far as the guest is concerned
    IOREQ_ASKED,  // v->ioreqs.answer is to come: ioreq_finish()
};
enum ioreq_result ioreq_access(struct hvm_vcpu *v, const struct hvm_access *a);
// The guest has given memory back: servers are to forget where they have it mapped.
void ioreq_invalidate(struct hvm_vcpu *v);
// Are all answers there? If not, the vCPU goes to sleep at the next chance until one may be.
bool ioreq_finish(struct hvm_vcpu *v);

// hvm/ioreq_server.c: the servers' side; by a domain that may control d.

// XEN_DMOP_create_ioreq_server. -EINVAL, -ENOSPC, -ENOMEM, -ENOENT: d lacks vCPUs yet.
int ioreq_server_create(struct domain *d, uint8_t buffer_handling, ioservid_t *id);
// All of these: -ENOENT: no such server, -EPERM: it is another domain's.
int ioreq_server_destroy(struct domain *d, ioservid_t id);
int ioreq_server_info(struct domain *d, struct xen_dm_op_get_ioreq_server_info *info);
int ioreq_server_enable(struct domain *d, ioservid_t id, bool enable);
// -EEXIST: part of it is the server's already, -ENOENT: not all of it is, -ENOSPC, -ENOMEM.
int ioreq_server_map(struct domain *d, const struct xen_dm_op_ioreq_server_range *range);
int ioreq_server_unmap(struct domain *d, const struct xen_dm_op_ioreq_server_range *range);
// XENMEM_acquire_resource: frame `index` of a server, which stays as long as the domain does.
int ioreq_server_frame(struct domain *d, uint32_t id, uint64_t index, mfn_t *mfn);
#define IOREQ_SERVER_FRAMES 2

// An event of a server's: it has answered, or is gone. Called with the port locked.
void ioreq_notified(struct vcpu *v, unsigned port, bool closed);
// All servers of a domain of which no vCPU will run again; and what is left of them.
void ioreq_domain_relinquish(struct domain *d);
void ioreq_domain_destroy(struct domain *d);
