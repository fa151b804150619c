#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What is asked for and what is told of it: scores other than a class's, probabilities that there are not, numbers that
# are none, methods and what they cost.

. "$SRC/tests/filter/common.sh"

clip="-f lavfi -i testsrc2=s=96x64:r=10:d=0.5"
told() {
    values meta "$1" | tr -s ' ' '\n' | sort -u | tr '\n' ' ' | sed 's/ $//'
}

ff $clip -vf "gradcam=class=star - moon:log_path=log.json,metadata=print:file=meta" -f null -
grep -q '^lavfi.gradcam.label=star - moon$' meta &&
    grep -q '"label": "star - moon", "class": [0-9]*, "score": ' log.json
check "the difference of two classes" $? "$(head -n 3 meta)"
ff $clip -vf "gradcam=c=star,metadata=print:file=star" -f null -
ff $clip -vf "gradcam=c=moon,metadata=print:file=moon" -f null -
echo "$(values star score) $(values moon score) $(values meta score)" |
    awk '{ n = NF / 3; for (i = 1; i <= n; i++) if (($i - $(n + i) - $(2 * n + i)) ^ 2 > 1e-9) bad = 1; exit bad + !n }'
check "its score is the difference of the scores" $?
ff $clip -vf gradcam=c=auto3,metadata=print:file=meta -f null -
[ "$(told 3.class | wc -w)" -ge 1 ] && [ "$(told 3.class)" != - ] && [ "$(told 4.class)" = - ]
check "the three highest, without escapes" $? "$(told 3.class)"

# Where there is no probability, an expression of it is 0.
for kind in softmax sigmoid given none; do
    ff $clip -vf "gradcam=class=$any:probability=$kind:opacity=1-gt(probability\,-1000),metadata=print:file=meta" \
        -f framemd5 with
    ff $clip -vf "gradcam=class=$any:opacity=1" -f framemd5 shown
    ff $clip -vf "gradcam=class=$any:opacity=0" -f framemd5 hidden
    same=hidden
    [ $kind != none ] || same=shown
    [ "$(sums with)" = "$(sums $same)" ] && [ "$(sums shown)" != "$(sums hidden)" ]
    check "an expression of probability=$kind" $?
    [ $kind = none ] && [ "$(told probability)" = - ] || { [ $kind != none ] && [ "$(told probability)" != - ]; }
    check "metadata with probability=$kind" $? "$(told probability)"
done
ff $clip -vf "gradcam=class=$any:probability=none:opacity=gt(probability\,0.5)" -f framemd5 gate
[ "$(sums gate)" = "$(sums hidden)" ]
check "a gate that no probability passes" $?
ff $clip -vf gradcam=class=star:probability=none:log_path=log.json -f null -
grep -q '"score": -\?[0-9.]*, "probability": null' log.json
check "no probability is null in JSON" $? "$(head -n 1 log.json)"
ff $clip -vf gradcam=class=star:probability=none:log_path=log.csv:log_fmt=csv -f null -
[ "$(tail -n +2 log.csv | cut -d , -f 11 | sort -u)" = "" ] && [ "$(tail -n +2 log.csv | cut -d , -f 10)" != "" ]
check "and empty in CSV" $? "$(head -n 2 log.csv)"

if [ -f "$SHARED/cases/networks/nan.onnx" ]; then
    for network in nan inf; do
        ff $clip -f null \
            -vf "gradcam=$SHARED/cases/networks/$network.onnx:c=0:log_path=log.json,metadata=print:file=meta" -
        [ $status = 0 ] && grep -q '"score": null, "probability": null' log.json && ! grep -qiw 'nan\|inf' meta log.json
        check "scores that are not finite: $network" $? "$(head -n 1 log.json)"
    done
fi

# --------------------------------------------------------------------------------------------------------- methods
for method in gradcam signed gradient integrated/steps=3; do
    ff $clip -vf "gradcam=class=star:method=$method:log_path=log.json,metadata=print:file=meta" -f null -
    [ "$(told method)" = $method ] && grep -q "\"method\": \"$method\", \"classes\"" log.json &&
        grep -q "\"methods\": {\"$method\": {\"maps\": 1, \"ms_mean\": [0-9.]*, \"ms_max\": " log.json
    check "metadata and log tell of method $method" $? "$(tail -n 1 log.json)"
done
ff $clip -vf "gradcam=class=$any:colors=none:method=signed" -f framemd5 own
ff $clip -vf "gradcam=class=$any:colors=none:method=signed:colormap=bwr" -f framemd5 bwr
ff $clip -vf "gradcam=class=$any:colors=none:method=signed:colormap=turbo" -f framemd5 turbo
[ "$(sums own)" = "$(sums bwr)" ] && [ "$(sums own)" != "$(sums turbo)" ]
check "maps with two sides have the colours bwr" $?
level=warning ff -f lavfi -i testsrc2=s=96x64:r=1000:d=0.002 \
    -vf "gradcam=class=star:stride=1:method=smoothgrad/samples=20" -f null -
[ $status = 0 ] && [ "$(grep -c 'method=smoothgrad took [0-9]* ms for a map, and there is one each 1 ms: ' log)" = 1 ]
check "a method that is too dear for its stride is told of once" $? "$(cat log)"
level=warning ff -f lavfi -i testsrc2=s=96x64:r=1000:d=0.002 -vf gradcam=class=star:stride=1 -f null -
! grep -q 'took' log
check "one that is made for videos is not" $? "$(cat log)"
exit $bad
