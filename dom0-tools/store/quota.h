// What unprivileged domains may take of the store: limits that CONTROL "quota" shows and sets, with
// the names that Xen's store has for them. 0: no limit. Whoever hits one is counted and, once,
// logged.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// X(constant, name, default, description)
#define QUOTA_LIST(X)                                                              \
    X(NODES, "nodes", 1000, "Nodes per domain")                                    \
    X(WATCHES, "watches", 128, "Watches per domain")                               \
    X(TRANSACTIONS, "transactions", 10, "Transactions per domain")                 \
    X(OUTSTANDING, "outstanding", 20, "Outstanding requests per domain")           \
    X(TRANSACTION_NODES, "transaction-nodes", 1024,                                \
      "Max. number of accessed nodes per transaction")                             \
    X(MEMORY, "memory", 2621440, "Total Xenstore memory per domain (error level)") \
    X(NODE_SIZE, "node-size", 2048, "Max. size of a node")                         \
    X(PATH, "path-max", 2048, "Max. length of a node path")                        \
    X(PERMISSIONS, "permissions", 5, "Max. number of permissions per node")        \
    X(SOFT_MEMORY, "memory", 2097152, "Total Xenstore memory per domain (warning level)")

enum quota {
#define QUOTA_CONSTANT(constant, ...) QUOTA_##constant,
    QUOTA_LIST(QUOTA_CONSTANT)
#undef QUOTA_CONSTANT
        QUOTA_COUNT,
    QUOTA_HARD_COUNT =
        QUOTA_SOFT_MEMORY, // those that CONTROL "quota" and not "quota-soft" is about
};

extern const char *const quota_names[QUOTA_COUNT], *const quota_descriptions[QUOTA_COUNT];

// The quota of a name among the hard or the soft ones; QUOTA_COUNT if there is none.
enum quota quota_by_name(const char *name, bool soft);

struct store;
struct domain;

void quota_defaults(uint32_t limits[QUOTA_COUNT]);

// Whether `value` is more than the domain may have; if so this is counted and logged. Privileged
// domains, and NULL for a socket's client, may have anything.
bool quota_hit(struct store *store, struct domain *domain, enum quota quota, uint64_t value);

// Adds to, or takes from, the memory that a domain (NULL: nobody's) uses.
void quota_memory(struct store *store, struct domain *domain, int64_t bytes);
