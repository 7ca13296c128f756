// Moves between memory and the first sixteen bytes of vector registers, as compilers use them to
// copy. Instructions of VEX's encoding, which know of more, are not among them.
#include "cpu/traps.h"
#include "hvm/emulate/step.h"
#include "lib/bits.h"
#include "lib/string.h"

// What tells instructions of one opcode apart.
enum prefix { NONE, P66, PF3, PF2 };

struct form {
    uint32_t opcode;
    uint8_t prefix;
    uint8_t bytes; // 0: 4, or 8 with REX.W
    bool store, aligned;
};

static const struct form forms[] = {
    {0x0f10, NONE, 16, false, false}, {0x0f11, NONE, 16, true, false}, // MOVUPS
    {0x0f10, P66, 16, false, false},  {0x0f11, P66, 16, true, false},  // MOVUPD
    {0x0f10, PF3, 4, false, false},   {0x0f11, PF3, 4, true, false},   // MOVSS
    {0x0f10, PF2, 8, false, false},   {0x0f11, PF2, 8, true, false},   // MOVSD
    {0x0f28, NONE, 16, false, true},  {0x0f29, NONE, 16, true, true},  // MOVAPS
    {0x0f28, P66, 16, false, true},   {0x0f29, P66, 16, true, true},   // MOVAPD
    {0x0f2b, NONE, 16, true, true},   {0x0f2b, P66, 16, true, true},   // MOVNTPS, MOVNTPD
    {0x0f6f, P66, 16, false, true},   {0x0f7f, P66, 16, true, true},   // MOVDQA
    {0x0f6f, PF3, 16, false, false},  {0x0f7f, PF3, 16, true, false},  // MOVDQU
    {0x0f6e, P66, 0, false, false},   {0x0f7e, P66, 0, true, false},   // MOVD, MOVQ
    {0x0f7e, PF3, 8, false, false},   {0x0fd6, P66, 8, true, false},   // MOVQ
    {0x0fe7, P66, 16, true, true},                                     // MOVNTDQ
    {0x0ff0, PF2, 16, false, false},                                   // LDDQU
    {0x0f382a, P66, 16, false, true},                                  // MOVNTDQA
};

static const struct form *find(const struct step *s)
{
    enum prefix prefix = s->i.rep == 0xf3   ? PF3
                         : s->i.rep == 0xf2 ? PF2
                         : s->i.operand16   ? P66
                                            : NONE;

    for (unsigned n = 0; n < ARRAY_SIZE(forms); n++)
        if (forms[n].opcode == s->i.opcode && forms[n].prefix == prefix)
            return &forms[n];
    return NULL;
}

// What a load leaves of the register is 0.
enum emulate_result vector_any(struct step *s)
{
    const struct form *form = find(s);
    uint8_t value[16] = {0};
    enum emulate_result r;
    unsigned bytes;

    if (!form || !operand_is_memory(s) || !s->c->ops->get_vector)
        return EMULATE_UNKNOWN;
    bytes = form->bytes ?: s->i.rex & 8 ? 8 : 4;
    if (form->aligned && !operand_is_aligned(s, 16))
        return fault_raise(s, TRAP_GP, 0);
    // Asked for even by a load: whether the guest may use them at all.
    if ((r = s->c->ops->get_vector(s->c, s->i.modrm_reg, value)))
        return r;
    if (form->store)
        return memory_write(s, s->i.segment, s->i.ea, value, bytes);
    memset(value, 0, sizeof(value));
    if (!(r = memory_read(s, s->i.segment, s->i.ea, value, bytes)))
        s->c->ops->set_vector(s->c, s->i.modrm_reg, value);
    return r;
}
