/*
 * Security modules: HYPERVISOR_xsm_op. What the call means is the module's own business; with
 * no module there is nothing to say but -ENOSYS. The version is all that a caller needs to
 * find that out.
 */
#pragma once

#define XEN_FLASK_INTERFACE_VERSION 1
