# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Sourced by the tests of live streams: a camera, which is an ffmpeg that sends at its pace, a receiver with the
# filter, and a network whose map takes some ten frames.

. "$SRC/tests/filter/common.sh"

children=
# The camera and the receiver must not outlive the test.
trap 'for child in $children; do kill -KILL $child 2> /dev/null; done' EXIT
trap 'exit 1' HUP INT TERM

# What runs in the background is the program itself, so that signals reach it.
program() {
    name=$1
    shift
    exec "$BUILD/bin/$name" -nostdin -hide_banner -y -v error "$@"
}

# Another port for each use, TCP or UDP; few tests run at once.
port=$((20000 + $$ % 19000))
next_port() {
    port=$((port + 2))          # RTP takes two
}

# SECONDS COMMAND...: waits until the command succeeds, or as long.
await() {
    tries=$((20 * $1))
    shift
    while ! "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}

# tcp|udp: somebody listens at the port.
listened() {
    grep -q ": [0-9A-F]*:$(printf %04X $port) [0-9A-F]*:0000 0[A7]" /proc/net/$1
}

# PID: it has ended.
ended() {
    ! kill -0 "$1" 2> /dev/null
}

# The receiver: the stream as it comes in, checksums in the file in; what comes out of the filter in out.mkv with
# metadata in meta. INPUT... are its options up to the URL, $look the filter, $sized what follows it.
receive() {
    rm -f in out.mkv meta
    program ffmpeg "$@" \
        -filter_complex "[0:v]split[a][b];[b]$look,metadata=print:file=meta:direct=1${sized:+,$sized}[c]" \
        -map '[a]' -fps_mode passthrough -f framemd5 -flush_packets 1 in \
        -map '[c]' -fps_mode passthrough -c:v mpeg4 -b:v 2M -flush_packets 1 out.mkv 2> log &
    receiver=$!
    children="$children $receiver"
}

# The camera: ffmpeg with these options.
send() {
    program ffmpeg -re "$@" 2> sender.log &
    sender=$!
    children="$children $sender"
}

# PID [SECONDS]: its exit status in $status; 124 when it has not ended in time, which ends it.
await_end() {
    if await "${2:-15}" ended "$1"; then
        wait "$1"
        status=$?
    else
        kill -KILL "$1"
        wait "$1"
        status=124
    fi
}

# Sends the receiver a Ctrl-C; milliseconds until it ended in $took.
interrupt() {
    begin=$(date +%s%N)
    kill -INT $receiver
    await_end $receiver
    took=$((($(date +%s%N) - begin) / 1000000))
}

# Kilobytes in memory of a process, now.
resident() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2> /dev/null
}

# FILE: frames that can be decoded from it without a complaint; 0: there was one.
playable() {
    if "$BUILD/bin/ffmpeg" -nostdin -v warning -xerror -i "$1" -fps_mode passthrough -f framemd5 -y played \
        > play.log 2>&1 && ! [ -s play.log ]; then
        frames played
    else
        echo 0
    fi
}

# Finds what is wrong with the receiver's files, for $problem, if anything: each frame is in the file, which can be
# played, and each came in a frame's duration after the one before.
find_faults() {
    problem=
    in=$(frames in 2> /dev/null)
    out=$(playable out.mkv)
    [ "${in:-0}" -gt 0 ] && [ "$in" = "$out" ] || problem="$out of ${in:-0} frames in the file $(head -n 2 play.log)"
    awk -F , '!/^#/ { if (n++ && $3 - last != 1) bad++; last = $3 } END { exit bad > 0 }' in ||
        problem="$problem, times are uneven"
}

# Finds what is wrong with the ages and skips in meta at stride=1, if anything, and counts in $counts: each frame became
# a key frame, whose map was shown later or is still to come, or was skipped.
find_miscounts() {
    counts=$(awk '
        /^frame:/ { split($1, part, ":"); n = part[2] }
        /^lavfi.gradcam.age=/ {
            age = substr($0, 19) + 0
            if (age < 0 || n - age < key)
                wrong = "frame " n " shows an older map than the one before"
            if (n - age != key || !maps)
                maps++
            key = n - age
            sum += age; shown++
            if (age > most)
                most = age
        }
        /^lavfi.gradcam.skipped=/ { skipped = substr($0, 23) + 0 }
        END {
            if (n + 1 - skipped - maps < 0 || n + 1 - skipped - maps > 1)
                wrong = "the numbers do not add up"
            printf "%d frames, %d skipped, %d maps, mean age %.0f, greatest %d%s", n + 1, skipped, maps,
                   shown ? sum / shown : -1, most, wrong ? ": " wrong : ""
        }' meta)
    case $counts in *:* | *" 0 maps"*) problem="$problem $counts" ;; esac
}

if ! [ -x "$BUILD/tests/filter/slow_network" ] || ! [ -r /proc/net/udp ]; then
    echo "skip - filter live: no test programs, or no /proc"
    exit 0
fi
"$BUILD/tests/filter/slow_network" slow.onnx 300 > slow.log 2>&1 ||
    { echo "not ok - filter live: no slow network: $(cat slow.log)"; exit 1; }
slow=gradcam=model=slow.onnx:class=3:live=1
