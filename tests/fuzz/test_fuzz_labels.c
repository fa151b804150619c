/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Damaged texts of labels: seeds and a few thousand mutations of each.
 */
#include "fuzz/mutate.h"

int main(int argc, char **argv)
{
    static const Fuzzer fuzzer = { "labels", fuzz_labels, fuzz_labels_seeds };
    return fuzz_main(&fuzzer, argc, argv, 20000);
}
