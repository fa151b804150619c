#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Frames with alpha: what is hidden does not decide, and palettes keep what is transparent in them.

. "$SRC/tests/filter/common.sh"


# A picture of which all but a rectangle is transparent, and has other colours there. Whole blocks of chroma are hidden.
seen='between(X,32,95)*between(Y,24,71)'
for format in rgba argb gbrap yuva444p yuva420p ya8 rgba64le gbrap16le yuva444p10le; do
    sums=
    for hidden in 0:0:0 255:0:0 255-X:2*Y:X; do
        red=${hidden%%:*} blue=${hidden##*:} green=${hidden#*:}
        colors="r='if($seen,r(X,Y),$red)':g='if($seen,g(X,Y),${green%:*})':b='if($seen,b(X,Y),$blue)'"
        ff -f lavfi -i testsrc2=s=128x96:r=25:d=0.04 -f null \
            -vf "format=gbrap,geq=$colors:a='255*$seen',scale=flags=neighbor,format=$format,
                 gradcam=c=$any:stride=1,metadata=print:file=meta" -
        [ $status = 0 ] && [ -s meta ] || sums="$sums failed"
        sums="$sums $(grep -E 'score|\.c[xy]=' meta | md5sum | cut -c 1-8)"
    done
    [ "$(echo "$sums" | tr ' ' '\n' | sort -u | grep -c .)" = 1 ]
    check "what is hidden in $format does not decide" $? "$sums"
done

# With an alpha that hides nothing it is as without one.
ff -f lavfi -i testsrc2=s=128x96:d=0.04 -vf "format=gbrp,gradcam=c=$any,metadata=print:file=plain" -f null -
ff -f lavfi -i testsrc2=s=128x96:d=0.04 -vf "format=gbrp,format=gbrap,gradcam=c=$any,metadata=print:file=meta" -f null -
[ $status = 0 ] && [ "$(values plain score)" = "$(values meta score)" ]
check "an opaque picture is seen as it is" $? "$(values meta score)"

# A palette whose first entry is transparent.
python3 - palette.png << 'END' || { echo "skip - filter palette: no python3"; exit $bad; }
import struct, sys, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = b"".join(b"\0" + bytes(int(16 <= x < 48 and 16 <= y < 48) for x in range(64)) for y in range(64))
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 3, 0, 0, 0)) +
    chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0])) + chunk(b"tRNS", bytes([0])) +
    chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
END
ff -i palette.png -vf "format=rgba,alphaextract" -f framemd5 in
ff -i palette.png -vf "gradcam,alphaextract" -f framemd5 out
[ $status = 0 ] && [ "$(sums in)" = "$(sums out)" ]
check "a palette keeps what is transparent" $? "$(cat log)"
level=verbose ff -i palette.png -vf gradcam -frames:v 1 out.png
grep -q "fmt:pal8 .*fmt:[rgbap]*[ab]" log && grep -q "Video: png.*rgba" log
check "and is written with alpha" $? "$(grep 'Video: png' log | tail -n 1)"

exit $bad
