/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 1800
 *
 * Damaged compiled models, at length.
 */
#include "fuzz/mutate.h"

int main(int argc, char **argv)
{
    static const Fuzzer fuzzer = { "bin, long", fuzz_bin, fuzz_bin_seeds };
    return fuzz_main(&fuzzer, argc, argv, 300000);
}
