// HYPERVISOR_xen_version: every subcommand.
#include "pv-abi/version.h"

#include "tests/guests/common/guest.h"

static char buffer[1024 + 64];

// Calls a subcommand that fills in a string of at most SIZE bytes; true if it ended in time.
static bool fetch(unsigned cmd, size_t size)
{
    memset(buffer, 0x5a, sizeof(buffer));
    if (!CHECK(hc(xen_version, cmd, buffer) >= 0))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!buffer[i])
            return CHECK_EQ((uint8_t)buffer[size], 0x5a);
    return false;
}

static bool contains(const char *text, const char *part)
{
    for (; *text; text++)
        if (strncmp(text, part, strlen(part)) == 0)
            return true;
    return false;
}

TEST(version_is_4_17)
{
    CHECK_EQ(hc(xen_version, XENVER_version, 0), 4 << 16 | 17);
    CHECK_EQ(hc(xen_version, XENVER_pagesize, 0), 4096);
    // These take no argument: a bad one is of no account.
    CHECK_EQ(hc(xen_version, XENVER_version, bad_pointers[0]), 4 << 16 | 17);
}

TEST(version_strings)
{
    CHECK(fetch(XENVER_extraversion, XEN_EXTRAVERSION_LEN));
    CHECK(buffer[0] != '\0');
    CHECK(fetch(XENVER_capabilities, XEN_CAPABILITIES_INFO_LEN));
    CHECK(contains(buffer, "xen-3.0-x86_64"));
    CHECK(fetch(XENVER_changeset, XEN_CHANGESET_INFO_LEN));
    CHECK(fetch(XENVER_commandline, 1024));
    CHECK(fetch(XENVER_compile_info, sizeof(struct xen_compile_info)));
}

TEST(version_platform_parameters)
{
    struct xen_platform_parameters params = {0};

    CHECK_OK(hc(xen_version, XENVER_platform_parameters, &params));
    CHECK_EQ(params.virt_start, HYPERVISOR_VIRT_START);
}

TEST(version_features)
{
    struct xen_feature_info info = {.submap_idx = 0};
    uint32_t must = 1U << XENFEAT_pae_pgdir_above_4gb | 1U << XENFEAT_mmu_pt_update_preserve_ad |
                    1U << XENFEAT_highmem_assist | 1U << XENFEAT_gnttab_map_avail_bits |
                    1U << XENFEAT_dom0 | 1U << XENFEAT_memory_op_vnode_supported |
                    1U << XENFEAT_direct_mapped; // a PV guest deals in machine frames
    uint32_t must_not = 1U << XENFEAT_writable_page_tables | 1U << XENFEAT_auto_translated_physmap |
                        1U << XENFEAT_supervisor_mode_kernel | 1U << XENFEAT_hvm_callback_vector |
                        1U << XENFEAT_hvm_pirqs | 1U << XENFEAT_not_direct_mapped;

    CHECK_OK(hc(xen_version, XENVER_get_features, &info));
    CHECK_EQ(info.submap & must, must);
    CHECK_EQ(info.submap & must_not, 0);
    info.submap_idx = XENFEAT_NR_SUBMAPS;
    CHECK_ERR(hc(xen_version, XENVER_get_features, &info), EINVAL);
}

TEST(version_guest_handle)
{
    uint8_t handle[17];

    memset(handle, 0x5a, sizeof(handle));
    CHECK_OK(hc(xen_version, XENVER_guest_handle, handle));
    CHECK_EQ(handle[16], 0x5a);
}

TEST(version_build_id)
{
    struct {
        uint32_t len;
        uint8_t data[60];
    } id = {.len = 60};
    long length = hc(xen_version, XENVER_build_id, NULL);

    if (length == -XEN_ENODATA) // built without one
        return;
    REQUIRE(length > 0 && length <= 60);
    CHECK_EQ(hc(xen_version, XENVER_build_id, &id), length);
    id.len = 0;
    CHECK_ERR(hc(xen_version, XENVER_build_id, &id), EINVAL);
    id.len = (uint32_t)length - 1;
    CHECK_ERR(hc(xen_version, XENVER_build_id, &id), ENOBUFS);
}

TEST(version_hostile)
{
    static const unsigned unknown[] = {11, 12, 100, 0x7fffffff, 0x80000000, 0xffffffff};

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
        CHECK_ERR(hc(xen_version, unknown[i], buffer), ENOSYS);
    for (unsigned cmd = XENVER_extraversion; cmd <= XENVER_commandline; cmd++) {
        if (cmd == XENVER_pagesize)
            continue;
        CHECK_EFAULT_ALL(hc(xen_version, cmd, bad));
    }
}
