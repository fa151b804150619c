/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the machine can do at most, measured.
 */
#ifndef GCAM_TOOLS_MACHINE_H
#define GCAM_TOOLS_MACHINE_H

typedef struct Machine {
    double flops;               // floating point operations a second: float32, a fused multiply-add counts as two
    double bytes;               // a second, read from memory
} Machine;

// Runs that many threads for about a fifth of a second, with the vectors of the instruction set that gradcam_cpu()
// names. Zeros where that fails.
Machine machine_measure(int threads);

#endif
