#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# HDR: the network sees what SDR would show, colours are no brighter than graphics white, cuts are found.

. "$SRC/tests/filter/common.sh"

"$BUILD/bin/ffmpeg" -hide_banner -filters 2> /dev/null | grep -q ' zscale ' ||
    { echo "skip - filter HDR: no zscale was built"; exit 0; }

# The same light in SDR, PQ and HLG.
to_sdr=format=yuv444p10,setparams=colorspace=bt709:color_primaries=bt709:color_trc=iec61966-2-1:range=tv
hdr=zscale=tin=iec61966-2-1:min=709:pin=709:rin=tv:m=2020_ncl:p=2020:npl=203
to_pq="$hdr:t=smpte2084,format=yuv444p10"
to_linear="zscale=tin=iec61966-2-1:min=709:pin=709:rin=tv:t=linear:m=gbr,format=gbrpf32le"
to_hlg="$hdr:t=arib-std-b67,format=yuv444p10"

# A uniform colour at full weight: greatest code of luma, of 10 bits.
for case in pq:573:overlay pq:573:mask hlg:721:overlay hlg:721:mask sdr:940:overlay; do
    eval "to=\$to_${case%%:*}"
    want=${case#*:} output=${case##*:}
    want=${want%:*}
    source=color=black:             # what is shown is one colour, of mask the grey where it is hottest
    [ $output = overlay ] || source=testsrc2=
    ff -f lavfi -i "${source}s=64x64:d=0.1,format=yuv444p10" \
        -vf "$to,gradcam=c=$any:colors=white:opacity=1:blend=flat:output=$output:method=gradcam" -frames:v 1 \
        -pix_fmt yuv444p10le -f rawvideo out
    most=$(od -An -v -tu2 -w2 -N 8192 out | sort -n | tail -n 1 | tr -d ' ')
    [ $status = 0 ] && [ "$((${most:-0} - want))" -le 1 ] && [ "$((want - ${most:-0}))" -le 1 ]
    check "white is at graphics white, ${case%%:*}, output=$output" $? "$most, not $want"
done

# Four cuts between pictures that differ by their light.
shots="testsrc2=s=160x120:r=25:d=0.4[a];color=gray:s=160x120:r=25:d=0.4,noise=alls=20:all_seed=3,vignette[b];
       color=white:s=160x120:r=25:d=0.4[c];smptehdbars=s=160x120:r=25:d=0.4[d];color=0x4d4d4d:s=160x120:r=25:d=0.4[e];
       [a][b][c][d][e]concat=n=5"
for kind in sdr pq hlg; do
    eval "to=\$to_$kind"
    ff -f lavfi -i "$shots" -vf "$to,gradcam=c=star:stride=1000,metadata=print:file=meta" -f null -
    [ $status = 0 ] && [ "$(values meta key)" = "$(echo 1 0 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0 \
        1 0 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0)" ]
    check "four cuts of four are found, $kind" $? "$(values meta key)"
done

network=$SHARED/models/mobilenet_v2_1.0_224.onnx
if [ -f "$network" ] && [ -f "$SHARED/video/corgi_512x512.mp4" ]; then
    for kind in sdr pq hlg linear; do
        eval "to=\$to_$kind"
        [ $kind != sdr ] || sdr=
        ff -i "$SHARED/video/corgi_512x512.mp4" -frames:v 1 -f null \
            -vf "$to_sdr,$to,gradcam=$network:preset=tf:c=Pembroke,metadata=print:file=meta" -
        got=$(values meta probability)
        [ $kind != sdr ] || sdr=$got
        [ $status = 0 ] && awk -v a="$sdr" -v b="$got" 'BEGIN { d = a - b; exit !(a > 0.3 && d < 0.2 && -d < 0.2) }'
        check "the network sees the dog in $kind" $? "$got, in SDR $sdr"
        # In P010 and in RGB as well.
        [ $kind = pq ] || continue
        for format in p010le gbrp10le rgb48le rgb48be x2rgb10le; do
            ff -i "$SHARED/video/corgi_512x512.mp4" -frames:v 1 -f null -vf "$to_sdr,${to%%,*},format=$format,\
setparams=color_trc=smpte2084:color_primaries=bt2020,gradcam=$network:preset=tf:c=Pembroke,metadata=print:file=meta" -
            got=$(values meta probability)
            [ $status = 0 ] && awk -v a="$sdr" -v b="$got" 'BEGIN { d = a - b; exit !(d < 0.2 && -d < 0.2) }'
            check "the network sees the dog in PQ, $format" $? "$got, in SDR $sdr"
        done
    done
else
    echo "skip - filter HDR: no shared test data"
fi

exit $bad
