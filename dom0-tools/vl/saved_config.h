// The configurations that are kept of running domains.
#pragma once

#include "common/json.h"
#include "vl/domains.h"

// The configuration of a domain as JSON, with what is true now (name, memory, vCPUs) in it. Of a
// domain without a kept one, domain 0 for one, what the hypervisor tells.
void vl_write_config(struct json *json, const char *key, const struct vl_domain *domain);
