#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes the pictures of README.md's gallery, of one drawn scene and with the network that is built in:
#
#     samples/gallery.sh BUILD_DIR      # writes BUILD_DIR/gallery/gallery.jpg
set -eu

[ $# = 1 ] || { echo "usage: $0 BUILD_DIR" >&2; exit 2; }
build=$(CDPATH= cd -- "$1" && pwd)
out=$build/gallery
size=480x270 seed=2907

ffmpeg() { "$build/bin/ffmpeg" -hide_banner -loglevel error -nostdin -y "$@"; }
rm -rf "$out"
mkdir -p "$out"
cd "$out"
"$build/samples/scenes_main" clip ${size%x*} ${size#*x} 25 1 $seed \
    | ffmpeg -f rawvideo -pixel_format rgb24 -video_size $size -i - -update 1 scene.png

# What is shown in one picture, and what is written under it.
n=0
tile() { # CAPTION FILTERS
    n=$((n + 1))
    text="drawtext=text='$1':fontsize=15:x=(w-tw)/2:y=h-20:fontcolor=black"
    ffmpeg -i scene.png -vf "$2,format=rgb24,scale=480:270,pad=iw:ih+26:0:0:white,$text" -update 1 "tile$n.png"
}
tile 'c=star' 'gradcam=c=star:s=1'
tile 'c=star|heart|ring|flower' 'gradcam=c=star|heart|ring|flower:s=1:opacity=0.85'
tile 'c=star - flower\:method=signed' 'gradcam=c=star - flower:s=1:method=signed:opacity=0.8'
tile 'c=heart\:output=heatmap\:colormap=inferno' 'gradcam=c=heart:s=1:output=heatmap:colormap=inferno'
tile 'c=ring\:output=mask, as a mask of a blur' 'split=3[a][b][c];
    [b]format=gbrp,gblur=16,eq=brightness=-0.1,format=gbrp[blur];[c]format=gbrp,gradcam=c=ring:s=1:output=mask,
    lutrgb=r=3*val:g=3*val:b=3*val[mask];[a]format=gbrp[sharp];
    [blur][sharp][mask]maskedmerge'
tile 'c=flower, and drawbox of its box' 'gradcam=c=flower:s=1:opacity=0.5,drawbox=box_source=side_data_detection_bboxes:
    c=white:t=3'
tile 'c=heart\:method=guided' 'gradcam=c=heart:s=1:method=guided:opacity=1:blend=flat'
tile 'c=star\:method=layercam\:layer=relu3' 'gradcam=c=star:s=1:method=layercam:layer=relu3:opacity=0.8'
tile 'c=star\:method=counterfactual' 'gradcam=c=star:s=1:method=counterfactual'
ffmpeg $(for i in 1 2 3 4 5 6 7 8 9; do echo "-i tile$i.png"; done) -filter_complex \
    "[0][1][2]hstack=3[a];[3][4][5]hstack=3[b];[6][7][8]hstack=3[c];[a][b][c]vstack=3" -q:v 5 -update 1 gallery.jpg
echo "$out/gallery.jpg"
