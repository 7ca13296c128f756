// What every test program of CUnit's ends with: one suite, run.
#pragma once

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

// Leaves out the last test of a table, and says so, if there is no kernel of Debian's to try:
// VMLINUZ in the environment names one.
static inline void without_kernel(CU_TestInfo *tests)
{
    if (getenv("VMLINUZ"))
        return;
    while (tests[1].pName)
        tests++;
    printf("SKIPPED: %s (VMLINUZ does not name one)\n", tests->pName);
    *tests = (CU_TestInfo)CU_TEST_INFO_NULL;
}

// Runs the tests of a table that CU_TEST_INFO_NULL ends. For main() to return: 0 if there were any
// and all have passed, else 1.
static inline int run_suite(const char *name, CU_TestInfo *tests)
{
    CU_SuiteInfo suites[] = {{name, NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    int failed = 1;

    if (!CU_initialize_registry() && !CU_register_suites(suites)) {
        CU_basic_set_mode(CU_BRM_VERBOSE);
        CU_basic_run_tests();
        failed = CU_get_number_of_failures() != 0 || CU_get_number_of_tests_run() == 0;
    }
    CU_cleanup_registry();
    return failed;
}
