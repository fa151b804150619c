#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A whole film, file to file: ffmpeg with the filter, against the same transcode (H.264 to H.264, x264 medium) without
# it, and against what people do in Python today: OpenCV in, pytorch-grad-cam, OpenCV out. That peer is a command, which
# is run as
#
#     COMMAND --clip FILE --out FILE --model NAME --every STRIDE --frames N
#
# where NAME is the file name of the network without its ending, and whose output has "X frames/s" in it. Prints a
# Markdown table of frames a second; ours has the start of ffmpeg and the opening of the network in it.

usage="Usage: $0 [--clip=FILE] [--peer=COMMAND] [--frames=N] [--peer-frames=N] [--rounds=N] NETWORK...
BUILD=DIR in the environment: the build directory. Networks are .onnx or .bin files."

clip= peer= frames=300 peer_frames= rounds=3
while [ $# -gt 0 ]; do
    case $1 in
    --clip=*)   clip=${1#*=} ;;
    --peer=*)   peer=${1#*=} ;;
    --frames=*) frames=${1#*=} ;;
    --peer-frames=*) peer_frames=${1#*=} ;;
    --rounds=*) rounds=${1#*=} ;;
    -*)         echo "$usage" >&2; exit 2 ;;
    *)          break ;;
    esac
    shift
done
[ $# -gt 0 ] || { echo "$usage" >&2; exit 2; }
networks=$*
. "$(dirname -- "$0")/transcode.sh"
make_clip

# NETWORK STRIDE
run_peer() {
    name=${1##*/}
    name=${name%.*}
    # shellcheck disable=SC2086
    $peer --clip "$clip" --out "$work/peer.mp4" --model "$name" --every "$2" --frames "${peer_frames:-$frames}" \
        > "$work/log" 2>&1 || { echo "$0: the peer failed:" >&2; tail -n 5 "$work/log" >&2; exit 1; }
    note "peer.$name.$2" "$(sed -n 's|.*[^0-9.]\([0-9.]*\) frames/s.*|\1|p' "$work/log" |
        awk -v frames="$frames" '{ print frames / $1 }')"
}

for round in $(seq "$rounds"); do
    transcode without "" -c:v libx264 -preset medium -crf 23 "$work/out.mp4"
    for network in $networks; do
        name=${network##*/}
        name=${name%.*}
        for stride in 1 5 10; do
            transcode "$name.$stride" "gradcam=model=$network:class=123:stride=$stride" \
                -c:v libx264 -preset medium -crf 23 "$work/out.mp4"
            [ -z "$peer" ] || run_peer "$network" $stride
        done
    done
done

describe
read -r base < "$work/without"
echo "Frames a second; without the filter $(rate "$base")."
echo
echo "| network | stride | gradcam | time against no filter |${peer:+ OpenCV and pytorch-grad-cam | ratio |}"
echo "|---|---|---|---|${peer:+---|---|}"
for network in $networks; do
    name=${network##*/}
    name=${name%.*}
    for stride in 1 5 10; do
        read -r took < "$work/$name.$stride"
        printf '| %s | %s | %s | %s |' "$name" $stride "$(rate "$took")" "$(more "$took" "$base")"
        if [ -n "$peer" ]; then
            read -r theirs < "$work/peer.$name.$stride"
            printf ' %s | %s |' "$(rate "$theirs")" "$(awk "BEGIN { printf \"%.1f x\", $theirs / $took }")"
        fi
        echo
    done
done
