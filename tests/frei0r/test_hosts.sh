#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 300
#
# The plugin in programs as a distribution has them: ffmpeg, mpv, melt. It lies where a user without root puts it, in a
# home directory that is made here. Hosts that are not installed are skipped.

bad=0
check() { # NAME STATUS: an `ok` line when STATUS is 0
    if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1: see the log"; bad=1; fi
}
has() {
    command -v "$1" > /dev/null || { echo "skip - frei0r in $1: not installed (Debian: $1)"; false; }
}

plugin=$BUILD/frei0r/gradcam.so
nm -D --defined-only "$plugin" | awk '{ print $3 }' | grep -v '^f0r_' > foreign
cat foreign
nm -D --defined-only "$plugin" | grep -q ' T f0r_update$' && [ ! -s foreign ]
check "frei0r: only f0r_* is exported" $?
if grep -q '^SANITIZE = .' "$BUILD/config.mak"; then
    echo "skip - frei0r in hosts: they are not built with a sanitizer"
    exit $bad
fi
if ! grep -qx 'PROTOBUF_STATIC = ' "$BUILD/config.mak" && ! grep -qx 'BLAS_STATIC = ' "$BUILD/config.mak"; then
    objdump -p "$plugin" | awk '$1 == "NEEDED" { print $2 }' | grep -Ev '^(libc|libm|ld-linux.*)\.so' > needed
    cat needed
    [ ! -s needed ]
    check "frei0r: it needs no library but the system's" $?
fi

export HOME="$PWD/home of mine"
unset FREI0R_PATH
mkdir -p "$HOME/.frei0r-1/lib"
cp "$plugin" "$HOME/.frei0r-1/lib/"
width=320 height=192
"$BUILD/samples/scenes_main" clip $width $height 25 12 2907 > scene.rgb
has ffmpeg || exit $bad
stock() { ffmpeg -hide_banner -nostdin -y -v "${level:-error}" "$@"; }
raw="-f rawvideo -pixel_format rgb24 -video_size ${width}x$height -framerate 25 -i scene.rgb"
stock $raw -c:v ffv1 -pix_fmt bgr0 scene.mkv
stock $raw -vf format=rgba -f framemd5 plain.md5

sums() { grep -v '^#' "$1" | sed 's/.*, *//'; }
differ() { # FILE FILE: no frame of the one is as in the other
    sums "$1" > a && sums "$2" > b && [ -s a ] && [ "$(wc -l < a)" = "$(wc -l < b)" ] \
        && [ -z "$(paste a b | awk '$1 == $2')" ]
}

stock $raw -vf "format=rgba,frei0r=gradcam:|star|gradcam|3" -f framemd5 ffmpeg.md5 && differ plain.md5 ffmpeg.md5
check "frei0r in ffmpeg: heat is on every frame" $?
if "$BUILD/bin/ffmpeg" -v error -filters 2> /dev/null | grep -q ' gradcam '; then
    "$BUILD/bin/ffmpeg" -nostdin -y -v error $raw -vf format=rgba,gradcam=class=star:stride=3:scene=0 \
        -f framemd5 filter.md5 && sums filter.md5 > a && sums ffmpeg.md5 > b && cmp a b
    check "frei0r in ffmpeg: the same bytes as the filter's" $?
else
    echo "skip - frei0r in ffmpeg: the same bytes as the filter's: no ffmpeg was built"
fi
stock $raw -vf 'frei0r=gradcam:|star\\\\|heart' -frames:v 2 -pix_fmt rgba -f framemd5 two.md5 2> said \
    && ! grep gradcam: said
check "frei0r in ffmpeg: two classes, the bar between them escaped" $?
stock $raw -vf "format=rgba,frei0r=gradcam:nowhere.onnx|star" -f framemd5 broken.md5 2> said
cat said
sums plain.md5 > a; sums broken.md5 > b
cmp a b && [ "$(grep -c '^gradcam: .*nowhere.onnx' said)" = 1 ]
check "frei0r in ffmpeg: without a network pictures stay as they are, and its log tells once" $?
stock $raw -vf "sendcmd=c='0.2 frei0r filter_params |heart|gradcam|3',format=rgba,frei0r=gradcam:|star|gradcam|3" \
    -f framemd5 command.md5 && sums command.md5 > a && sums ffmpeg.md5 > b \
    && [ "$(head -n 5 a)" = "$(head -n 5 b)" ] && [ "$(tail -n 1 a)" != "$(tail -n 1 b)" ]
check "frei0r in ffmpeg: another class from a moment on" $?

# Lossless in and out: what a host wrote, against the scene.
compare() { # HOST FILE
    stock -i "$2" -vf format=rgba -f framemd5 "$1.md5" && differ plain.md5 "$1.md5"
    check "frei0r in $1: heat is on every frame" $?
}
if has mpv; then
    mpv --no-config --no-audio --vf='lavfi=[format=rgba,frei0r=gradcam:|star|gradcam|3]' scene.mkv --o=mpv.mkv \
        --ovc=ffv1 --vf-append=format=bgr0 > said 2>&1 || cat said
    compare mpv mpv.mkv
    mpv --no-config --no-audio --vf='lavfi=[frei0r=gradcam:nowhere.onnx]' scene.mkv --vo=null --frames=3 > said 2>&1
    cat said
    [ "$(grep -c '^gradcam: .*nowhere.onnx' said)" = 1 ]
    check "frei0r in mpv: its log tells what is wrong" $?
fi
if has melt; then
    cat > lossless <<END
description=lossless
frame_rate_num=25
frame_rate_den=1
width=$width
height=$height
progressive=1
sample_aspect_num=1
sample_aspect_den=1
display_aspect_num=5
display_aspect_den=3
colorspace=709
END
    melt -silent -profile "$PWD/lossless" scene.mkv -filter frei0r.gradcam class=star stride=3 \
        -consumer avformat:melt.mkv vcodec=ffv1 pix_fmt=bgr0 an=1 real_time=-1 > said 2>&1 || cat said
    compare melt melt.mkv
    melt -silent -profile "$PWD/lossless" scene.mkv out=2 -filter frei0r.gradcam model=nowhere.onnx \
        -consumer avformat:broken.mkv vcodec=ffv1 pix_fmt=bgr0 an=1 real_time=-1 > said 2>&1
    cat said
    grep -q '^gradcam: .*nowhere.onnx' said
    check "frei0r in melt: its log tells what is wrong" $?
fi
exit $bad
