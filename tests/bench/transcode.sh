# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Sourced by the benchmarks of whole transcodes: they run the built ffmpeg again and again, contestants in turn, and
# take the least time of each.

build=${BUILD:-$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)/build}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
[ -x "$build/bin/ffmpeg" ] || { echo "$0: no $build/bin/ffmpeg; BUILD tells another build directory" >&2; exit 1; }

# NAME SECONDS: another time of a contestant; the least is kept in the file NAME.
note() {
    echo "$2" >> "$work/$1.all"
    sort -n "$work/$1.all" | head -n 1 > "$work/$1"
}

# NAME FILTERS OUTPUT...: transcodes $clip, $frames frames of it, and notes how long ffmpeg took, start included,
# and how much time of processors.
transcode() {
    name=$1 filters=$2
    shift 2
    "$build/bin/ffmpeg" -nostdin -hide_banner -y -v info -nostats -benchmark -i "$clip" -frames:v "$frames" -an \
        ${filters:+-vf "$filters"} "$@" > "$work/log" 2>&1 ||
        { echo "$0: ffmpeg failed, -vf $filters:" >&2; tail -n 5 "$work/log" >&2; exit 1; }
    note "$name" "$(sed -n 's/^bench: .*rtime=\([0-9.]*\)s.*/\1/p' "$work/log")"
    note "$name.cpu" "$(sed -n 's/^bench: utime=\([0-9.]*\)s stime=\([0-9.]*\)s .*/\1 \2/p' "$work/log" |
        awk '{ print $1 + $2 }')"
}

# The clip: the one that was given, or ten seconds of 1080p that are made here.
make_clip() {
    [ -z "$clip" ] || return 0
    clip=$work/clip.mp4
    "$build/bin/ffmpeg" -nostdin -v error -f lavfi -i testsrc2=s=1920x1080:r=30:d=10 \
        -c:v libx264 -crf 20 -pix_fmt yuv420p "$clip" || exit 1
}

# What the machine is and what ran, for above the table.
describe() {
    cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2> /dev/null | head -n 1)
    version=$("$build/bin/ffmpeg" -version | head -n 1 | cut -d ' ' -f 1-3)
    kind=$("$build/bin/ffprobe" -v error -select_streams v -show_entries stream=codec_name,width,height -of csv=p=0 \
        "$clip" | tr ',' ' ')
    echo "$cpu, $(nproc) processors; $version, $("$build/bin/gradcam" --version | head -n 1);" \
        "$frames frames of $kind, least of $rounds rounds"
    echo
}

# SECONDS: frames a second. SECONDS BASE: how much longer than the base, in per cent.
rate() {
    awk "BEGIN { printf \"%.1f\", $frames / $1 }"
}
more() {
    awk "BEGIN { printf \"%+.0f %%\", 100 * ($1 / $2 - 1) }"
}
