#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Pixel formats are blended as they are: no conversion is put in, nothing changes where there is no heat or no opacity,
# alpha is not touched.

. "$SRC/tests/filter/common.sh"

# FORMAT...: three pictures of each format: as it came, at opacity 0 and at opacity 1.
try_formats() {
    graph= maps=
    for format in "$@"; do
        graph="$graph testsrc2=s=98x66:d=0.04,format=$format,split=3[$format.a][$format.x][$format.y];
               [$format.x]gradcam=class=$any:opacity=0[$format.b];[$format.y]gradcam=class=$any:opacity=1[$format.c];"
        for part in a b c; do
            maps="$maps -map [$format.$part] -c:v rawvideo -f framemd5 $format.$part"
        done
    done
    level=verbose
    # shellcheck disable=SC2086
    ff -filter_complex "${graph%;}" $maps
    level=
    if [ $status != 0 ]; then
        check "formats $*" 1
        return
    fi
    # Scalers are put in before format=, where the source is converted; the filter's own inputs must not have one.
    if grep -q "auto-inserting filter.*between the filter '[^']*' and the filter 'Parsed_gradcam" log; then
        check "formats $*" 1 "$(grep 'auto-inserting.*gradcam' log | head -n 1)"
        return
    fi
    for format in "$@"; do
        [ "$(sums "$format.a")" = "$(sums "$format.b")" ] && [ "$(sums "$format.a")" != "$(sums "$format.c")" ]
        check "format $format" $? "$(sums "$format.a") $(sums "$format.b") $(sums "$format.c")"
    done
}

try_formats yuv420p yuv422p yuv444p yuv440p yuv411p yuv410p yuvj420p yuvj422p yuvj444p yuvj440p yuvj411p
try_formats yuva420p yuva422p yuva444p nv12 nv21 nv24 nv42 yuyv422 uyvy422 yvyu422
try_formats gray ya8 rgb24 bgr24 gbrp gbrap rgba bgra argb abgr rgb0 bgr0 0rgb 0bgr
try_formats yuv420p9le yuv422p9le yuv444p9le yuv420p10le yuv422p10le yuv444p10le yuv440p10le \
            yuv420p12le yuv422p12le yuv444p12le yuv440p12le yuv420p14le yuv422p14le yuv444p14le
try_formats yuv420p16le yuv422p16le yuv444p16le yuva420p10le yuva422p10le yuva444p10le yuva444p12le yuva444p16le \
            p016le gray9le gray10le gray12le gray14le gray16le ya16le
try_formats rgb48le bgr48le rgba64le bgra64le gbrp9le gbrp10le gbrp12le gbrp14le gbrp16le gbrap10le gbrap12le gbrap16le

# Unpacked and packed again: what nothing is drawn on stays the same to the last bit.
try_formats p216le p416le x2rgb10le x2bgr10le grayf32le gbrpf32le
try_formats rgb48be bgr48be rgba64be bgra64be gray10be gray12be gray16be ya16be gbrp10be gbrp12be gbrp16be gbrap16be

# What this FFmpeg reads, but does not write: samples of any value. At opacity 0 all stays as it is, at opacity 1 not.
awk 'BEGIN { srand(5); for (i = 0; i < 65536; i++) printf "%c", 32 + int(90 * rand()) }' > noise
for format in ayuv64le gray16be rgb48be x2rgb10le gbrp16be grayf32be; do
    ff -f rawvideo -s 96x64 -pix_fmt "$format" -i noise -frames:v 1 -c:v rawvideo -f rawvideo in \
        -vf "gradcam=class=star:opacity=0" -frames:v 1 -c:v rawvideo -f rawvideo out \
        -vf "gradcam=class=star:opacity=1:blend=flat" -frames:v 1 -c:v rawvideo -f rawvideo hot
    [ $status = 0 ] && [ -s in ] && cmp -s in out && ! cmp -s in hot
    check "format $format, raw" $? "$(cmp in out)"
done

# swscale leaves dirt in the six low bits of p010 and its kin, which the filter sweeps out: compared without them. y210
# it does not write.
for format in p010le:yuv420p10le p210le:yuv422p10le p410le:yuv444p10le y210le:yuv422p10le; do
    into=${format%:*}
    [ $into != y210le ] || into=yuv422p10le
    ff -f lavfi -i testsrc2=s=98x66:d=0.04 -pix_fmt $into -f rawvideo clean
    if [ "${format%:*}" = y210le ]; then
        command -v python3 > /dev/null || continue
        python3 - << 'END'
import array
planar = array.array("H", open("clean", "rb").read())
y, u, v = planar[:98 * 66], planar[98 * 66:98 * 66 + 49 * 66], planar[98 * 66 + 49 * 66:]
packed = array.array("H")
for i in range(49 * 66):
    packed.extend(s << 6 for s in (y[2 * i], u[i], y[2 * i + 1], v[i]))
open("clean", "wb").write(packed.tobytes())
END
        source="-f rawvideo -s 98x66 -r 25 -pix_fmt y210le -i clean"
    else
        source="-f lavfi -i testsrc2=s=98x66:d=0.04"
    fi
    level=verbose
    # shellcheck disable=SC2086
    ff $source -filter_complex "format=${format%:*},split=3[a][x][y];[a]format=${format#*:}[in];
        [x]gradcam=class=$any:opacity=0,format=${format#*:}[out];
        [y]gradcam=class=$any:opacity=1,format=${format#*:}[hot]" \
        -map '[in]' -f framemd5 in -map '[out]' -f framemd5 out -map '[hot]' -f framemd5 hot
    level=
    [ $status = 0 ] && [ "$(sums in)" = "$(sums out)" ] && [ "$(sums in)" != "$(sums hot)" ] &&
        ! grep -q "auto-inserting filter.*between the filter 'Parsed_split[^']*' and the filter 'Parsed_gradcam" log
    check "format ${format%:*}" $?
done

# Unpacked by the filter, a picture has the score that it has unpacked by FFmpeg.
for format in rgb48be:gbrp16le gbrp16be:gbrp16le gbrpf32le:gbrp16le rgba64be:gbrap16le x2rgb10le:gbrp10le; do
    look="gradcam=class=$any,metadata=print:file"
    ff -f lavfi -i testsrc2=s=98x66:d=0.04 -f null \
        -vf "format=gbrp16le,format=${format%:*},format=${format#*:},$look=plain" -
    ff -f lavfi -i testsrc2=s=98x66:d=0.04 -vf "format=gbrp16le,format=${format%:*},$look=meta" -f null -
    [ $status = 0 ] && echo "$(values plain score) $(values meta score)" |
        awk '{ d = $1 - $2; exit !(NF == 2 && d < 0.005 && d > -0.005) }'
    check "score in ${format%:*}" $? "$(values plain score), $(values meta score)"
done

# Where the mask is 0, the overlay must be the frame: |overlay - frame| * (mask == 0) is black. (Classes with colours of
# their own are enlarged each by itself, and the mask is of what they have in common.)
for format in gray yuv444p gbrp; do
    plane=$([ $format = gbrp ] && echo g || echo y)
    zero=$([ $format = yuv444p ] && echo 16 || echo 0)
    ff -filter_complex "testsrc2=s=200x150:d=0.2,format=$format,split=3[a][b][c];[a]extractplanes=$plane[in];
        [b]gradcam=class=$any:colors=none:opacity=1,extractplanes=$plane[over];
        [in][over]blend=all_mode=difference[d];
        [c]gradcam=class=$any:colors=none:output=mask,extractplanes=$plane,lut=c0='if(eq(val,$zero),255,0)',
        split[cold][m];
        [d][cold]blend=all_mode=multiply[out]" -map '[out]' -f framemd5 out -map '[m]' -f rawvideo mask
    ff -f lavfi -i nullsrc=s=200x150:d=0.2,format=gray,lut=c0=0 -f framemd5 black
    cold=$(LC_ALL=C tr -dc '\377' < mask | wc -c)
    [ "$(sums out)" = "$(sums black)" ] && [ "$cold" -gt 1000 ] && [ "$cold" -lt 149000 ]
    check "unchanged where there is no heat, $format" $? "$cold of 150000 points are cold"
done

# The alpha plane alone, before and after.
for format in yuva444p rgba gbrap ya8; do
    ff -filter_complex "testsrc2=s=98x66:d=0.2:alpha=100,format=$format,split[a][b];[a]alphaextract[in];
        [b]gradcam=opacity=1:blend=flat,alphaextract[out]" -map '[in]' -f framemd5 in -map '[out]' -f framemd5 out
    [ $status = 0 ] && [ "$(sums in)" = "$(sums out)" ]
    check "alpha of $format is not touched" $?
done

# Frames that may not be written, or that somebody else holds.
sum=
for perms in none toggle ro rw random; do
    ff -f lavfi -i testsrc2=s=98x66:d=1 \
        -vf "$([ $perms = none ] || echo "perms=$perms,")gradcam=class=$any:stride=3" -f framemd5 out
    sum="$sum $(sums out | md5sum | cut -c 1-32)"
done
[ "$(echo "$sum" | tr ' ' '\n' | sort -u | grep -c .)" = 1 ]
check "writable and read-only frames give the same" $? "$sum"

# Sizes. A frame of 1x1 has no place for a picture of anything, but it must pass.
for size in 1x1 1x2 2x1 3x5 17x1 1x99 33x31 641x359 4096x4096; do
    for format in yuv420p rgb24 yuv411p p010le; do
        ff -f rawvideo -s $size -pix_fmt $format -i /dev/zero -frames:v 2 -vf gradcam=opacity=1:blend=flat:stride=1 \
            -c:v rawvideo -f framemd5 out
        [ $status = 0 ] && [ "$(frames out)" = 2 ] || status=1
        [ $status = 0 ] || break
    done
    check "frames of $size" $status
done
for fit in stretch crop pad; do
    ff -f lavfi -i testsrc2=s=240x96:d=0.2,setsar=4/3 -vf "gradcam=fit=$fit:blend=flat" -f framemd5 "out.$fit"
    [ $status = 0 ] && [ "$(frames "out.$fit")" = 5 ]
    check "fit=$fit" $?
done
[ "$(cat out.stretch out.crop out.pad | grep -v '^#' | sed 's/.* //' | sort -u | wc -l)" = 15 ]
check "fits differ" $?

exit $bad
