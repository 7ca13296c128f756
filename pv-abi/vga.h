/*
 * What domain 0 learns of the video console that the machine was booted with.
 *
 * Its place is given by start_info.console.dom0; a kernel must honour info_size, since the
 * structure grew over time.
 */
#pragma once

#include "layout.h"

#define XEN_VGATYPE_TEXT_MODE_3 0x03
#define XEN_VGATYPE_VESA_LFB    0x23
#define XEN_VGATYPE_EFI_LFB     0x70

typedef struct dom0_vga_console_info {
    uint8_t video_type; /* XEN_VGATYPE_* */

    union {
        struct {
            uint16_t font_height; /* in scan lines */
            uint16_t cursor_x;
            uint16_t cursor_y;
            uint16_t rows;
            uint16_t columns;
        } text_mode_3;

        struct {
            uint16_t width; /* in pixels */
            uint16_t height;
            uint16_t bytes_per_line;
            uint16_t bits_per_pixel;
            uint32_t lfb_base; /* physical address, low half */
            uint32_t lfb_size; /* in units of 64 kB */
            uint8_t red_pos;
            uint8_t red_size;
            uint8_t green_pos;
            uint8_t green_size;
            uint8_t blue_pos;
            uint8_t blue_size;
            uint8_t rsvd_pos;
            uint8_t rsvd_size;
            uint32_t gbl_caps;
            uint16_t mode_attrs;
            uint16_t pad;
            uint32_t ext_lfb_base; /* physical address, high half */
        } vesa_lfb;
    } u;
} dom0_vga_console_info_t;
ABI_SIZE(struct dom0_vga_console_info, 40);
ABI_OFFSET(struct dom0_vga_console_info, u, 4);
ABI_OFFSET(struct dom0_vga_console_info, u.vesa_lfb.lfb_base, 12);
ABI_OFFSET(struct dom0_vga_console_info, u.vesa_lfb.gbl_caps, 28);
ABI_OFFSET(struct dom0_vga_console_info, u.vesa_lfb.ext_lfb_base, 36);

/* Older names of the same structure. */
#define xen_vga_console_info   dom0_vga_console_info
#define xen_vga_console_info_t dom0_vga_console_info_t
