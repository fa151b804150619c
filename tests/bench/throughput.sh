#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the filter costs in a transcode: 1080p H.264 to H.264 (x264, medium) and to nothing, with a map for every frame,
# every 5th, 10th and 25th, against the same without the filter; frames held back for maps computed in advance or not.
# Prints a Markdown table. The first difference is what the filter takes, the second also that the picture is harder to
# code.

usage="Usage: $0 [--clip=FILE] [--model=FILE] [--class=NAME] [--frames=N] [--rounds=N]
BUILD=DIR in the environment: the build directory. Without --model, the built-in network."

clip= model= class= frames=300 rounds=3
for arg in "$@"; do
    case $arg in
    --clip=*)   clip=${arg#*=} ;;
    --model=*)  model=${arg#*=} ;;
    --class=*)  class=${arg#*=} ;;
    --frames=*) frames=${arg#*=} ;;
    --rounds=*) rounds=${arg#*=} ;;
    *)          echo "$usage" >&2; exit 2 ;;
    esac
done
. "$(dirname -- "$0")/transcode.sh"
make_clip
look="gradcam=class=${class:-0}${model:+:model=$model}"

for round in $(seq "$rounds"); do
    for to in null x264; do
        [ $to = null ] && set -- -f null - || set -- -c:v libx264 -preset medium -crf 23 "$work/out.mp4"
        transcode $to.without "" "$@"
        for stride in 1 5 10 25; do
            for lookahead in 0 8; do
                transcode $to.$stride.$lookahead "$look:stride=$stride:lookahead=$lookahead" "$@"
            done
        done
    done
done

describe
columns="frames/s | time | processor time"
echo "| ${model:+${model##*/}, }filter | to nothing: $columns | to H.264: $columns |"
echo "|---|---|---|---|---|---|---|"
# NAME LABEL
line() {
    printf '| %s |' "$2"
    for to in null x264; do
        read -r took < "$work/$to.$1"
        read -r base < "$work/$to.without"
        read -r took_cpu < "$work/$to.$1.cpu"
        read -r base_cpu < "$work/$to.without.cpu"
        printf ' %s | %s | %s |' "$(rate "$took")" "$(more "$took" "$base")" "$(more "$took_cpu" "$base_cpu")"
    done
    echo
}
line without none
for stride in 1 5 10 25; do
    line $stride.0 "stride=$stride"
    line $stride.8 "stride=$stride:lookahead=8"
done
