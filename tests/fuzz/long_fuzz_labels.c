/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 1800
 *
 * Damaged texts of labels, at length.
 */
#include "fuzz/mutate.h"

int main(int argc, char **argv)
{
    static const Fuzzer fuzzer = { "labels, long", fuzz_labels, fuzz_labels_seeds };
    return fuzz_main(&fuzzer, argc, argv, 2000000);
}
