#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 600
#
# The command line on emulated processors without AVX-512, AVX2, AVX: nothing of what they lack may be executed, and
# the answer is that of this machine at that level, if it has it.

emulator=$(command -v qemu-x86_64 || command -v qemu-x86_64-static) ||
    { echo "skip - kernels: no qemu-x86_64 (Debian: qemu-user)"; exit 0; }
"$BUILD/bin/gradcam" info > /dev/null 2>&1 || { echo "skip - kernels: no built-in network"; exit 0; }
ldd "$BUILD/bin/gradcam" | grep -q 'lib[at]san' && { echo "skip - kernels: sanitizers want a real machine"; exit 0; }
case $(uname -m) in x86_64) ;; *) echo "skip - kernels: not this architecture's"; exit 0 ;; esac

# A bright cross on a dark ground.
python3 - > cross.ppm << END || { echo "skip - kernels: no python3"; exit 0; }
import sys
on = lambda x, y: 16 < x < 80 and 16 < y < 80 and (40 < x < 56 or 40 < y < 56)
rgb = b"".join(bytes((250, 60, 40) if on(x, y) else (20, 30, 60)) for y in range(96) for x in range(96))
sys.stdout.buffer.write(b"P6 96 96 255\n" + rgb)
END
bad=0
for pair in Nehalem:sse2 SandyBridge:avx Haswell:avx2; do
    missing=
    for flag in $(case $pair in *:avx2) echo avx2 fma f16c ;; *) echo "${pair#*:}" ;; esac); do
        grep -qw "$flag" /proc/cpuinfo || missing="$missing $flag"
    done
    if [ -n "$missing" ]; then
        echo "skip - kernels on an emulated ${pair%:*}: nothing to compare with, this machine lacks$missing"
        continue
    fi
    GRADCAM_CPU=${pair#*:} "$BUILD/bin/gradcam" explain cross.ppm -c 'cross|star' > here 2> complaints
    "$emulator" -cpu "${pair%:*}" "$BUILD/bin/gradcam" explain cross.ppm -c 'cross|star' > there 2> complaints
    status=$?
    if [ $status = 0 ] && grep -q probability here && cmp -s here there; then
        echo "ok - kernels on an emulated ${pair%:*}"
    else
        echo "not ok - kernels on an emulated ${pair%:*}: status $status, $(tail -n 1 complaints), $(head -n 1 there)"
        bad=1
    fi
done
exit $bad
