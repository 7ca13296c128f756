// HYPERVISOR_console_io.
#include "tests/guests/common/guest.h"

TEST(console_write)
{
    static const char text[] = "     (a line written by two calls, one of them empty)\n";

    CHECK_OK(hc(console_io, CONSOLEIO_write, 20, text));
    CHECK_OK(hc(console_io, CONSOLEIO_write, 0, text));
    CHECK_OK(hc(console_io, CONSOLEIO_write, sizeof(text) - 1 - 20, text + 20));
}

TEST(console_read_is_empty)
{
    char buffer[16];

    CHECK_EQ(hc(console_io, CONSOLEIO_read, sizeof(buffer), buffer), 0);
    CHECK_EQ(hc(console_io, CONSOLEIO_read, 0, buffer), 0);
}

TEST(console_hostile)
{
    CHECK_EFAULT_ALL(hc(console_io, CONSOLEIO_write, 4, bad));
    CHECK_ERR(hc(console_io, 2, 4, "abc"), ENOSYS);
    CHECK_ERR(hc(console_io, 0xffffffff, 4, "abc"), ENOSYS);
}
