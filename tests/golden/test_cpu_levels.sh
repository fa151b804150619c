#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 1800
#
# The reference maps again at each lower instruction set: what a machine without AVX-512, AVX2 or AVX computes.

[ -x "$BUILD/tests/golden/test_golden" ] || { echo "skip - lower instruction sets: no test_golden was built"; exit 0; }
networks="squeezenet1_1 resnet18_pqf mobilenet_v2_1.0_224"
for level in generic sse2 avx avx2; do
    GRADCAM_CPU=$level "$BUILD/tests/golden/test_golden" $networks \
        | sed "s/^\(ok\|not ok\|skip\) - /&GRADCAM_CPU=$level: /"
done > lines
cat lines
! grep -q '^not ok' lines && grep -q . lines
