# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Sourced by the tests of the command line.

gradcam=$BUILD/bin/gradcam
bad=0

# Runs gradcam; leaves its status in $status, stdout and stderr in files of these names.
run() {
    "$gradcam" "$@" > stdout 2> stderr < /dev/null
    status=$?
}

# NAME STATUS: a line; what the last run said is the reason.
check() {
    if [ "$2" = 0 ]; then
        echo "ok - cli $1"
    else
        echo "not ok - cli $1: status $status, stdout \"$(head -c 200 stdout | tr '\n' ' ')\"," \
             "stderr \"$(head -c 300 stderr | tr '\n' ' ')\""
        bad=1
    fi
}

# PATTERN: one line on stderr that has it, nothing on stdout.
complains() {
    [ "$(wc -l < stderr)" = 1 ] && grep -q -- "$1" stderr && ! [ -s stdout ]
}

# NAME STATUS PATTERN ARGUMENT...: gradcam fails with that status and one sentence that has the pattern.
refused() {
    name=$1 want=$2 pattern=$3
    shift 3
    run "$@"
    [ "$status" = "$want" ] && complains "$pattern"
    check "$name" $?
}

# A network to try things with, in $network; a test that needs one is skipped without it.
need_network() {
    network=
    for file in "$SRC/models/default.onnx" "$SHARED/models/squeezenet1_1.onnx"; do
        [ -f "$file" ] && network=$file && break
    done
    if [ -z "$network" ]; then
        echo "skip - cli $1: no network"
        exit 0
    fi
}

# WIDTH HEIGHT: a PPM with a gradient, to stdout.
make_picture() {
    awk -v w="$1" -v h="$2" 'BEGIN {
        printf "P3\n%d %d\n255\n", w, h
        for (y = 0; y < h; y++) for (x = 0; x < w; x++) print int(255 * x / w), int(255 * y / h), 100
    }' | python3 -c 'import sys
t = sys.stdin.read().split()
sys.stdout.buffer.write(f"P6\n{t[1]} {t[2]}\n{t[3]}\n".encode() + bytes(map(int, t[4:])))'
}
