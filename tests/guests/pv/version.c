#include "tests/guests/common/guest.h"
TEST(version_number)
{
    CHECK_EQ(hc(xen_version, 0, 0), 0x40011);
}
