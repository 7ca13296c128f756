#include "platform/pic.h"

#include "cpu/asm.h"

#define MASTER 0x20 // command; data at + 1
#define SLAVE  0xa0

#define ICW1_INIT      0x11 // with ICW4
#define ICW4_8086      0x01
#define FIRST_VECTOR   0x20
#define IMCR_INDEX     0x22
#define IMCR_DATA      0x23
#define IMCR_REGISTER  0x70
#define IMCR_APIC_MODE 0x01

void pic_disable(void)
{
    outb(MASTER + 1, 0xff);
    outb(SLAVE + 1, 0xff);
    outb(MASTER, ICW1_INIT);
    outb(MASTER + 1, FIRST_VECTOR);
    outb(MASTER + 1, 1u << 2); // the slave is at input 2
    outb(MASTER + 1, ICW4_8086);
    outb(SLAVE, ICW1_INIT);
    outb(SLAVE + 1, FIRST_VECTOR + 8);
    outb(SLAVE + 1, 2);
    outb(SLAVE + 1, ICW4_8086);
    outb(MASTER + 1, 0xff);
    outb(SLAVE + 1, 0xff);
    // Machines of the MultiProcessor Specification's PIC mode route around the local APIC until
    // told.
    outb(IMCR_INDEX, IMCR_REGISTER);
    outb(IMCR_DATA, IMCR_APIC_MODE);
}
