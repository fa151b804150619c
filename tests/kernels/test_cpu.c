/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The CPU level: GRADCAM_CPU lowers it, raises it never, and nonsense leaves it.
 */
#include "gradcam.h"
#include "support.h"

static int used(void)
{
    return gcam_cpu();
}

static void can_be_lowered_but_not_raised(void)
{
    int highest = in_process(NULL, highest_level);
    CHECK(highest >= 0);
    for (int cpu = GCAM_CPU_GENERIC; cpu < GCAM_CPU_COUNT; cpu++)
        CHECK_INT(in_process(gcam_cpu_name(cpu), used), cpu < highest ? cpu : highest);
}

static void ignores_nonsense(void)
{
    int highest = in_process(NULL, highest_level);
    CHECK_INT(in_process("", used), highest);
    CHECK_INT(in_process("mmx", used), highest);
}

// The last: after it the level is fixed here too.
static void names_itself(void)
{
    CHECK_STR(gradcam_cpu(), gcam_cpu_name(gcam_cpu()));
    CHECK(gcam_cpu() <= gcam_cpu_detected());
}

int main(void)
{
    RUN(can_be_lowered_but_not_raised);
    RUN(ignores_nonsense);
    RUN(names_itself);
    return end_cases();
}
