#include "lib/bzimage.h"

#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/string.h"

// Offsets in the image; the boot sector and the setup code come before the protected-mode code, in
// which the payload lies.
#define SETUP_SECTS    0x1f1
#define BOOT_FLAG      0x1fe
#define HEADER_MAGIC   0x202
#define VERSION        0x206
#define LOADFLAGS      0x211
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END     0x250

#define SECTOR            512
#define SETUP_SECTS_OF_0  4 // what an older build's 0 means
#define VERSION_PAYLOAD   0x0208
#define LOADFLAGS_IS_HIGH 0x01

int bzimage_payload(const void *img, size_t len, const void **payload, size_t *payload_len)
{
    const uint8_t *p = img;
    struct byte_reader r = {p, p + len};
    size_t sectors, n;

    if (len < HEADER_END || load_le16(p + BOOT_FLAG) != 0xaa55 ||
        memcmp(p + HEADER_MAGIC, "HdrS", 4) || load_le16(p + VERSION) < VERSION_PAYLOAD ||
        !(p[LOADFLAGS] & LOADFLAGS_IS_HIGH))
        return -ENOEXEC;
    sectors = p[SETUP_SECTS] ? p[SETUP_SECTS] : SETUP_SECTS_OF_0;
    n = load_le32(p + PAYLOAD_LENGTH);
    if (!n || !bytes_take(&r, (sectors + 1) * SECTOR) ||
        !bytes_take(&r, load_le32(p + PAYLOAD_OFFSET)) || bytes_left(&r) < n)
        return -EINVAL;
    *payload = r.at;
    *payload_len = n;
    return 0;
}
