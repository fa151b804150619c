#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tests/run and tests/harness.h themselves, on a tree of tests that pass, fail, crash, hang and skip.

check() { # NAME STATUS: an `ok` line when STATUS is 0
    if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1: see the log"; bad=1; fi
}
bad=0
has() { printf '%s\n' "$out" | grep -q -- "$1"; }

mkdir -p tree/tests/toy tree/build/tests/toy
cp "$SRC/tests/run" tree/tests/
for test in good mixed crash silent slow; do touch tree/tests/toy/test_$test.sh; done
echo "echo 'ok - one'; echo noise; echo 'skip - two: no data'" > tree/tests/toy/test_good.sh
echo "echo 'ok - three'; echo 'not ok - four: wrong'; echo tail of the log; exit 1" \
    > tree/tests/toy/test_mixed.sh
echo "echo 'ok - five'; kill -SEGV \$\$" > tree/tests/toy/test_crash.sh
echo "exit 0" > tree/tests/toy/test_silent.sh
printf '%s\n' '# timeout: 1' "echo 'ok - six'; sleep 20" > tree/tests/toy/test_slow.sh
echo "test -n \"\$LONG\" && echo 'ok - seven'" > tree/tests/toy/long_only.sh

out=$(BUILD=$PWD/tree/build SHARED= tree/tests/run good)
[ $? = 0 ] && [ "$(printf '%s\n' "$out" | tail -n 1)" = "1 passed, 0 failed, 1 skipped" ]
check "a run that passes counts its cases" $?

out=$(BUILD=$PWD/tree/build SHARED= tree/tests/run mixed)
[ $? != 0 ] && has "^1 passed, 1 failed, 0 skipped$" && has "tail of the log"
check "a failing case fails the run and shows its log" $?

out=$(BUILD=$PWD/tree/build SHARED= tree/tests/run crash silent)
[ $? != 0 ] && has "not ok - toy/test_crash: exit status" && has "not ok - toy/test_silent: no cases"
check "a crash and a test without cases are failures" $?

out=$(BUILD=$PWD/tree/build SHARED= tree/tests/run slow)
[ $? != 0 ] && has "not ok - toy/test_slow: did not end within 1 s"
check "a test that hangs is ended" $?

out=$(BUILD=$PWD/tree/build SHARED= tree/tests/run --long long_only)
[ $? = 0 ] && has "^ok - seven$"
check "long tests run with --long" $?

touch tree/tests/toy/test_program.c
printf '%s\n' '#!/bin/sh' 'echo "ok - ${1##*/} by $0"' > emulator
chmod +x emulator
echo "TARGET_EXEC = $PWD/emulator" > tree/build/config.mak
out=$(BUILD=$PWD/tree/build SHARED= tree/tests/run good program)
[ $? = 0 ] && has "^ok - test_program by $PWD/emulator$" && has "^skip - toy/test_good: " && ! has "^ok - one$"
check "programs are run by --target-exec, scripts are skipped" $?

mkdir tree/tests/cli
echo "echo 'ok - cli'" > tree/tests/cli/test_cli.sh
echo "AV_LIBS = " > tree/build/config.mak
out=$(BUILD=$PWD/tree/build SHARED= tree/tests/run good program cli)
[ $? = 0 ] && has "^ok - one$" && has "^skip - toy/test_program: " && has "^skip - cli/test_cli: " && ! has "^ok - cli$"
check "what --disable-programs leaves out is skipped" $?
echo "AV_LIBS = -lavutil" > tree/build/config.mak
out=$(BUILD=$PWD/tree/build SHARED= tree/tests/run good program cli)
[ $? != 0 ] && has "^not ok - toy/test_program: " && has "^ok - cli$"
check "with programs, one that is missing is a failure" $?
rm -r tree/build/config.mak tree/tests/toy/test_program.c tree/tests/cli

out=$(BUILD=$PWD/tree/build SHARED= tree/tests/run no_such_test)
[ $? != 0 ]
check "a run of nothing is a failure" $?

touch tree/tests/toy/test_good_too.sh
out=$(tree/tests/run --list =toy/test_good) && [ "$out" = toy/test_good ] \
    && [ "$(tree/tests/run --list toy/test_good)" = "$(printf 'toy/test_good\ntoy/test_good_too')" ] \
    && [ -z "$(tree/tests/run --list =test_good)" ] && [ "$(tree/tests/run --list =toy/test_good slow | wc -l)" = 2 ]
check "=AREA/NAME is that test and no other" $?
rm tree/tests/toy/test_good_too.sh

out=$(BUILD=$PWD/tree/build tree/tests/run --list)
[ "$(printf '%s\n' "$out" | wc -l)" = 5 ] && has "^toy/test_good$"
check "--list names the tests" $?

cat > harness.c <<'END'
#include "harness.h"
static void passes(void) { CHECK(1); CHECK_INT(2 + 2, 4); CHECK_STR("a", "a"); CHECK_NEAR(1.0, 1.05, 0.1); }
static void fails(void) { CHECK_INT(2 + 2, 5); CHECK(0); }
static void leaves(void) { REQUIRE(0); CHECK_STR("not", "reached"); }
static void skips(void) { if (!shared_file("no such file")) return; CHECK(0); }
static void floats(void)
{
    float a[3] = {1, 2, NAN}, b[3] = {1, 2.5f, NAN};
    check_floats("near", a, b, 3, 0.6, 0);
    check_floats("far", a, b, 3, 0.1, 0.1);
}
int main(void)
{
    Random random = {1};
    RUN(passes); RUN(fails); RUN(leaves); RUN(skips); RUN(floats);
    begin_case("random");
    for (int i = 0; i < 1000; i++) {
        float f = random_float(&random, -1, 1);
        int n = random_int(&random, -3, 3);
        CHECK(f >= -1 && f < 1 && n >= -3 && n <= 3);
    }
    return end_cases();
}
END
${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -I"$SRC/tests" harness.c -o harness -lm
check "harness.h compiles without a warning" $?
out=$(./harness)
[ $? = 1 ] && has '^ok - passes$' && has '^not ok - fails: harness.c:3: 2 + 2 is 4, not 5$' \
    && has '^not ok - leaves: harness.c:4: 0$' && has '^skip - skips: ' && has '^ok - random$' \
    && has '^not ok - floats: far: 1 of 3 differ, first \[1\] is 2, not 2.5; max difference 0.5 at \[1\]$'
check "harness.h reports each kind of outcome" $?
exit $bad
