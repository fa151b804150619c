# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Sourced by the tests of the filter. They run the built ffmpeg on sources that it makes itself.

bad=0

# All classes of the built-in network: whatever it makes of a test picture, some of them finds something in it.
any='star|heart|moon|flower|fish|key|arrow|bolt|cross|ring'

# Runs ffmpeg quietly; leaves its status in $status and what it said in ./log.
ff() {
    timeout 60 "$BUILD/bin/ffmpeg" -hide_banner -nostdin -y -v "${level:-error}" "$@" > log 2>&1
    status=$?
    # FFmpeg 5.1 and its source filters: 0 even so.
    ! grep -q '^Error while filtering' log || status=1
}

# NAME STATUS [REASON]: a line; without a reason, what ffmpeg said last.
check() {
    if [ "$2" = 0 ]; then
        echo "ok - filter $1"
    else
        echo "not ok - filter $1: ${3:-status $status, $(tail -n 3 log | tr '\n' ' ')}"
        bad=1
    fi
}

# FILE: number of frames in a framemd5 file.
frames() {
    grep -vc '^#' "$1"
}

# FILE: checksums of a framemd5 file, one a line; FILE: its timestamps and durations.
sums() {
    grep -v '^#' "$1" | sed 's/.*, *//'
}
stamps() {
    grep -v '^#' "$1" | cut -d , -f 1-4
}

# FILE KEY: values of a key in what metadata=print wrote, on one line; - for a frame without it.
values() {
    awk -v key="lavfi.gradcam.$2=" '
        /^frame:/ { if (frame++) printf "%s ", value; value = "-" }
        index($0, key) == 1 { value = substr($0, length(key) + 1) }
        END { if (frame) print value }' "$1"
}

[ -x "$BUILD/bin/ffmpeg" ] || { echo "skip - filter: no ffmpeg was built"; exit 0; }
