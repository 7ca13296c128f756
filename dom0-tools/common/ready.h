// What a daemon tells whoever started it.
#pragma once

// "I serve now", by systemd's protocol of readiness (sd_notify(3)), which is one datagram. Nothing
// happens where nobody asks for it.
void tell_ready(void);
