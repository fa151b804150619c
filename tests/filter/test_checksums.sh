#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 300
#
# Checksums of frames for each pixel format and for each option that changes them, as test_checksums.txt has them. A
# change there is a change of what users see: look at it, and write the list anew with
#
#     tests/filter/test_checksums.sh --write      # BUILD and SRC as tests/run sets them
#
# The network's sums come in another order on other instruction sets, so the list holds for one of them.

. "$SRC/tests/filter/common.sh"

list=$SRC/tests/filter/test_checksums.txt
export GRADCAM_CPU=avx2
grep -qw avx2 /proc/cpuinfo || { echo "skip - filter checksums: they hold for AVX2"; exit 0; }
case $("$BUILD/bin/ffmpeg" -version) in "ffmpeg version 5.1"*) ;; *)
    echo "skip - filter checksums: other FFmpeg than 5.1, whose test pictures they are of"; exit 0 ;;
esac

formats="yuv420p yuv422p yuv444p yuv440p yuv411p yuv410p yuvj420p yuvj422p yuvj444p yuva420p yuva444p nv12 nv21 nv24
    yuyv422 uyvy422 gray ya8 rgb24 bgr24 gbrp gbrap rgba bgra argb abgr rgb0 0bgr yuv420p9 yuv422p9 yuv444p9 yuv420p10
    yuv422p10 yuv444p10 yuv420p12 yuv444p14 yuv420p16 yuva444p10 p010 p016 gray10 gray12 gray16 ya16 rgb48 bgr48 rgba64
    gbrp9 gbrp10 gbrp12 gbrp14 gbrp16 gbrap12 p216 p416 rgb48be gray16be ya16be gbrap16be x2rgb10 grayf32 gbrpf32"
options="class=star class=star|heart|moon:colors=auto class=star|heart|moon:colors=none class=star|heart:colors=red|lime
    method=counterfactual layer=relu4 stride=1 stride=3 interp=linear:stride=4 fit=crop fit=pad smooth=1:stride=1
    scale=running:stride=1 scale=fixed:high=3 opacity=1 opacity=t gamma=0.5 threshold=0.5 blend=flat output=heatmap
    output=mask output=side output=alpha bgr=1 mean=0/0/0:std=255/255/255 still=4:stride=1 colormap=jet
    colormap=viridis colormap=inferno colormap=magma colormap=plasma colormap=cividis colormap=hot colormap=gray
    colormap=bwr upsample=bilinear upsample=bicubic upsample=spline upsample=spline:interp=linear:stride=4
    method=signed method=signed:output=mask:fit=crop method=signed:threshold=0.5:blend=flat
    method=signed:scale=running:stride=1 method=gradient method=integrated/steps=4"

# FORMAT OPTIONS: a checksum of ten frames.
sum_of() {
    ff -f lavfi -i testsrc2=s=100x64:r=10:d=1 -sws_flags bitexact+accurate_rnd \
        -vf "format=$1,crop=97:63:0:0:exact=1,format=$1,gradcam=class=$any:colors=none:$2" -f framemd5 out
    [ $status = 0 ] && sums out | md5sum | cut -c 1-32 || echo failed
}

{
    for format in $formats; do
        echo "$format stride=5 $(sum_of $format stride=5)"
    done
    for option in $options; do
        echo "yuv420p $option $(sum_of yuv420p "$option")"
    done
} > now
if [ "${1-}" = --write ]; then
    cp now "$list"
    exit
fi
while read -r format option sum; do
    want=$(awk -v format="$format" -v option="$option" '$1 == format && $2 == option { print $3 }' "$list")
    [ "$sum" = "$want" ]
    check "checksum of $format $option" $? "$sum, not ${want:-in the list}"
done < now
exit $bad
