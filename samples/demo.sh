#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes a clip to look at, from nothing: draws four things on a carousel (scenes.c), and lets ffmpeg's gradcam
# filter answer where the star is, then the heart, the ring, the flower, with the network that is built in.
# What is asked changes while the clip runs, by sendcmd.
#
#     samples/demo.sh BUILD_DIR        # writes BUILD_DIR/demo/: scene.mp4, demo.mp4, and stills as PNG
set -eu

[ $# = 1 ] || { echo "usage: $0 BUILD_DIR" >&2; exit 2; }
build=$(CDPATH= cd -- "$1" && pwd)
out=$build/demo
size=1280x720 rate=30 seconds=12 seed=2907
things="star heart ring flower"     # in the scene of this seed
first=1 each=2.75               # seconds: the plain picture, then each thing in turn
heat=0.75                       # opacity of the map

ffmpeg() { "$build/bin/ffmpeg" -hide_banner -loglevel error -nostdin -y "$@"; }
at() { awk "BEGIN { print $first + $each * $1 }"; }

mkdir -p "$out"
cd "$out"
rm -f ./*.mp4 ./*.png ./commands.txt

codec="-c:v mpeg4 -q:v 2"
case $(ffmpeg -encoders) in *libx264*) codec="-c:v libx264 -preset fast -crf 16" ;; esac

echo "drawing the scene"
"$build/samples/scenes_main" clip ${size%x*} ${size#*x} $rate $((rate * seconds)) $seed |
    ffmpeg -f rawvideo -pixel_format rgb24 -video_size $size -framerate $rate -i - \
           -vf scale=out_color_matrix=bt709 -colorspace bt709 $codec -pix_fmt yuv420p scene.mp4

# Commands for the filter: the heat fades in, stays, and fades out before the next question. Captions for the
# viewer do the same; without a font there are none.
captions=
ffmpeg -f lavfi -i color=size=64x64 -vf drawtext=text=a -frames:v 1 -f null - 2> /dev/null && captions=yes
text= n=0
for thing in $things; do
    from=$(at $n) n=$((n + 1)) to=$(at $n)
    cat >> commands.txt << END
$from gradcam class $thing;
$from-$(at "($n - 0.85)") [expr] gradcam opacity '$heat * TI';
$(at "($n - 0.1)")-$to [expr] gradcam opacity '$heat * (1 - TI)';
END
    text="$text,drawtext=text='where is the $thing?':fontsize=h/15:fontcolor=white"
    text="$text:borderw=3:bordercolor=black@0.7:x=(w-tw)/2:y=h*0.95-ascent"
    text="$text:alpha='clip(min(t-$from,$to-t)/0.3,0,1)':enable='between(t,$from,$to)'"
done

echo "looking for: $things"
look="gradcam=class=${things%% *}:stride=1:opacity=0"
ffmpeg -i scene.mp4 -vf "sendcmd=f=commands.txt,$look${captions:+$text}" $codec -pix_fmt yuv420p demo.mp4

n=0
for thing in $things; do
    ffmpeg -ss "$(at "$n + 0.6")" -i demo.mp4 -frames:v 1 -update 1 "demo-$thing.png"
    n=$((n + 1))
done
once="gte(t,$(at 0.5)) * (isnan(prev_selected_t) + gte(t - prev_selected_t, $each - 0.01))"
ffmpeg -i demo.mp4 -vf "select='$once',scale=iw/2:-2,tile=2x2" -frames:v 1 -update 1 demo-all.png
ffmpeg -ss "$(at 1.5)" -i scene.mp4 -frames:v 1 -update 1 still.png
# The same on a picture, and what speaks against the answer: the other things.
"$build/bin/gradcam" explain still.png --class heart -o still-heart.png
"$build/bin/gradcam" explain still.png --class heart --method counterfactual -o still-against-heart.png
ls -l "$out"
