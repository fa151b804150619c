#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 7200
#
# The library for AArch64, cross-compiled and emulated: its kernels, operators and picture loops, and reference maps.

cross=aarch64-linux-gnu-
qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) \
    || { echo "skip - aarch64: no qemu-aarch64 (Debian: qemu-user)"; exit 0; }
command -v ${cross}gcc > /dev/null || { echo "skip - aarch64: no ${cross}gcc (Debian: gcc-aarch64-linux-gnu)"; exit 0; }
if ! "$SRC/configure" --build=arm --cross-prefix=$cross --arch=aarch64 --target-exec="$qemu" \
    --disable-programs > out 2>&1
then
    cat out
    echo "skip - aarch64: configure finds no libraries for it (dpkg --add-architecture arm64; apt-get install" \
        "libopenblas-serial-dev:arm64 libprotobuf-c-dev:arm64)"
    exit 0
fi

make -j2 -f "$SRC/Makefile" BUILD=arm lib tests > make.log 2>&1 && ! grep warning make.log
status=$?
[ $status = 0 ] && echo "ok - aarch64: builds without a warning" || {
    tail make.log; echo "not ok - aarch64: builds without a warning: see the log"; exit 1; }
"$SRC/tests/run" --build=arm kernels/ ops/ picture/
for level in neon generic; do
    GRADCAM_CPU=$level $qemu arm/tests/golden/test_golden squeezenet1_1 mobilenet_v2_1.0_224
done
