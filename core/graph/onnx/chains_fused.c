/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators of the domain com.microsoft, which ONNX Runtime's optimiser writes, as the operators that it fused.
 */
#include "chain.h"

#include <math.h>
#include <string.h>

#define MS "com.microsoft"

const GcamChainRule gcam_chains_fused[] = {
    { 0 },
};
