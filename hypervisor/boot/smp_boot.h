// Starting the other CPUs.
#pragma once

// Starts every CPU that ACPI lists, up to maxcpus= and MAX_CPUS, one after the other. One that does
// not answer is reported and left out.
void smp_start_all(void);
