#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Maps a second before a camera that stands still, with and without what bench_still measures, on three clips: a film of
# such a camera; a thing cut out of another film that moves over one picture of it; the same with noise as of a sensor.

usage="Usage: $0 FILM THING NETWORK...
FILM: a film of a camera that stands still. THING: a film whose middle moves over its first picture.
BUILD=DIR, FRAMES=N, ROUNDS=N, OPTIONS (of bench_still) in the environment."

[ $# -ge 3 ] || { echo "$usage" >&2; exit 2; }
film=$1 thing=$2
shift 2
build=${BUILD:-$(dirname -- "$0")/../../build}
frames=${FRAMES:-60}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# NAME THRESHOLDS FFMPEG-ARGUMENTS...
run_clip() {
    name=$1 thresholds=$2
    shift 2
    ffmpeg -v error "$@" -frames:v "$frames" -pix_fmt rgb24 -f rawvideo "$work/frames" || exit 1
    printf '\n%s\n\n' "$name"
    # shellcheck disable=SC2086
    "$build/tests/bench/bench_still" -n "${ROUNDS:-3}" $OPTIONS $thresholds "$work/frames" $networks
    rm "$work/frames"
}

networks=$*
moving="[0]trim=end_frame=1,loop=-1:1,scale=640:360,setsar=1[room];[1]crop=ih/2:ih/2,scale=110:110,setsar=1[thing];\
[room][thing]overlay=x=40+4*n:y=150:shortest=1"
run_clip "a film" "-s 4" -i "$film" -vf scale=224:224
run_clip "a thing that moves over a picture" "" -i "$film" -i "$thing" -filter_complex "$moving,scale=224:224"
run_clip "the same with noise" "-s 6" -i "$film" -i "$thing" -filter_complex "$moving,noise=alls=8:allf=t,scale=224:224"
