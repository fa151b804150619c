#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Frames that lie on their side: the network sees them upright, and the map lies where the frame has what it shows.

. "$SRC/tests/filter/common.sh"

picture="testsrc2=s=192x96:r=25:d=0.2,format=gbrp"
look="class=$any:stride=2:upsample=bilinear"

# TURN-BACK TURN: the picture turned by TURN-BACK lies on its side; what the filter makes of it, turned upright again
# by TURN, is what it makes of the upright picture. So are scores.
for case in 90:transpose=cclock:transpose=clock 180:hflip,vflip:hflip,vflip 270:transpose=clock:transpose=cclock; do
    degrees=${case%%:*} rest=${case#*:}
    for options in output=overlay fit=crop:output=mask fit=pad:output=heatmap output=mask:interp=linear; do
        ff -f lavfi -i "$picture" -vf "gradcam=$look:$options,metadata=print:file=plain" -f rawvideo upright
        ff -f lavfi -i "$picture" -f rawvideo \
            -vf "${rest%:*},gradcam=$look:$options:rotate=$degrees,metadata=print:file=meta,${rest#*:}" turned
        # A column at the edge of fit=crop may count as within or not.
        far=$(cmp -l upright turned | awk '
            function octal(n) { return int(n / 100) * 64 + int(n / 10) % 10 * 8 + n % 10 }
            { d = octal($2) - octal($3); if (d > 4 || d < -4) count++ } END { print count + 0 }')
        [ $status = 0 ] && [ $(($(wc -c < turned))) = 276480 ] && [ "$far" -le 2764 ] &&
            [ "$(values plain label)" = "$(values meta label)" ]
        check "rotate=$degrees is as upright, $options" $? "$far codes differ; $(values meta score)"
    done
done
ff -f lavfi -i "$picture" -vf "transpose=cclock,gradcam=$look:output=mask,transpose=clock" -f rawvideo lying
! cmp -s lying upright
check "without it it is not" $?

# A JPEG with an orientation, as cameras write it, and the same upright.
command -v python3 > /dev/null || { echo "skip - filter rotate=auto: no python3"; exit $bad; }
ff -f lavfi -i "$picture" -frames:v 1 -c:v mjpeg -q:v 1 -pix_fmt yuvj444p upright.jpg
ff -f lavfi -i "$picture,transpose=cclock" -frames:v 1 -c:v mjpeg -q:v 1 -pix_fmt yuvj444p plain.jpg
python3 - plain.jpg lying.jpg << 'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, 6, 0, 0)     # 6: turn by 90 degrees clockwise
open(sys.argv[2], "wb").write(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
END
level=info ff -noautorotate -i lying.jpg -vf showinfo -f null -
if grep -qi "displaymatrix" log; then
    for file in upright plain lying; do
        ff -noautorotate -i $file.jpg -vf "gradcam=class=$any,metadata=print:file=$file" -f null -
    done
    ff -noautorotate -i lying.jpg -vf "gradcam=class=$any:rotate=0,metadata=print:file=zero" -f null -
    near=$(echo "$(values upright score) $(values lying score)" | awk '{ d = $1 - $2; print (d < 0.1 && d > -0.1) }')
    [ $status = 0 ] && [ "$near" = 1 ] && [ "$(values plain score)" != "$(values lying score)" ]
    check "rotate=auto reads the frame's matrix" $? "$(values upright score), $(values lying score)"
    [ "$(values zero score)" = "$(values plain score)" ]
    check "rotate=0 does not" $? "$(values zero score), $(values plain score)"
else
    echo "skip - filter rotate=auto: this FFmpeg turns it before"
fi
ff -f lavfi -i "$picture" -vf gradcam=rotate=45 -f null -
[ $status != 0 ] && grep -q "rotate=45 is none of auto, 0, 90, 180 and 270" log
check "rotate=45 is refused" $? "$(cat log)"
ff -f lavfi -i "$picture" -f null \
    -vf "sendcmd='0.11 gradcam rotate 90',gradcam=class=$any:stride=100:scene=0,metadata=print:file=meta" -
[ $status = 0 ] && [ "$(values meta key)" = "1 0 0 1 0" ]
check "command rotate makes a key frame" $? "$(values meta key)"

exit $bad
