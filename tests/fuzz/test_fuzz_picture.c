/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 600
 *
 * Calls of the functions for pictures, maps and motion: seeds and a thousand mutations of each.
 */
#include "fuzz/mutate.h"

int main(int argc, char **argv)
{
    static const Fuzzer fuzzer = { "picture", fuzz_picture, fuzz_picture_seeds };
    return fuzz_main(&fuzzer, argc, argv, 1000);
}
