/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The CPU level: GRADCAM_CPU lowers it, raises it never, and nonsense leaves it.
 */
#include "gradcam.h"
#include "support.h"

// The level that a process with that value of GRADCAM_CPU sees.
static int level_with(const char *value)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        setenv("GRADCAM_CPU", value, 1);
        execl("/proc/self/exe", "level", "print", (char *)NULL);
        _exit(99);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void names_itself(void)
{
    CHECK_STR(gradcam_cpu(), gcam_cpu_name(gcam_cpu()));
    CHECK(gcam_cpu() <= gcam_cpu_detected());
}

static void can_be_lowered_but_not_raised(void)
{
    enum GcamCpu highest = gcam_cpu_detected();
    for (enum GcamCpu cpu = GCAM_CPU_GENERIC; cpu < GCAM_CPU_COUNT; cpu++)
        CHECK_INT(level_with(gcam_cpu_name(cpu)), cpu < highest ? cpu : highest);
}

static void ignores_nonsense(void)
{
    CHECK_INT(level_with(""), gcam_cpu_detected());
    CHECK_INT(level_with("mmx"), gcam_cpu_detected());
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return gcam_cpu();
    RUN(names_itself);
    RUN(can_be_lowered_but_not_raised);
    RUN(ignores_nonsense);
    return end_cases();
}
