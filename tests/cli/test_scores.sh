#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# gradcam explain: scores beyond a class, how they become probabilities, and those that are no finite numbers.

. "$SRC/tests/cli/common.sh"
command -v python3 > /dev/null || { echo "skip - cli scores: no python3"; exit 0; }

# EXPRESSION: whether it is true of the JSON on stdout, which has no NaN: `maps` of the first picture, `top`, `y` (the
# scores in scores.npy, where there is such a file).
is_true() {
    python3 - "$1" << 'END' 2>> stderr
import json, math, os, struct, sys
def refuse(name): raise ValueError("%s is no JSON" % name)
picture = json.load(open("stdout"), parse_constant=refuse)["pictures"][0]
maps, top = picture["maps"], picture["top"]
y, near = [], lambda a, b: abs(a - b) < 1e-4 * (1 + abs(b))
if os.path.exists("scores.npy"):
    data = open("scores.npy", "rb").read()
    y = [v[0] for v in struct.iter_unpack("<f", data[10 + struct.unpack("<H", data[8:10])[0]:])]
sys.exit(not eval("(" + sys.argv[1] + ")"))
END
}

make_picture 120 80 > picture.ppm
run explain picture.ppm -c 'star|moon|star - moon|-(star)|rest(star)|prob(star)|logprob(star)|finer(star)|auto2' --json
[ $status = 0 ] && ! grep -v 'without -m' stderr && is_true 'len(maps) == 10
    and near(maps[2]["score"], maps[0]["score"] - maps[1]["score"])
    and near(maps[3]["score"], -maps[0]["score"]) and near(maps[5]["score"], maps[0]["probability"])
    and near(maps[6]["score"], math.log(maps[0]["probability"]))
    and near(maps[4]["score"], maps[0]["score"] + maps[6]["score"])
    and [m["class"] for m in maps[8:]] == [t["class"] for t in top[:2]]'
check "scores of every kind" $?
is_true '[m["kind"] for m in maps] == ["logit", "logit", "difference", "logit", "rest", "prob", "logprob", "finer",
    "logit", "logit"] and maps[2]["name"] == "star - moon" and maps[3]["name"] == "-(star)"'
check "scores are named" $?
run explain picture.ppm -c 'star - moon'
[ $status = 0 ] && grep -q '^picture.ppm: star - moon, probability' stdout
check "scores in a sentence" $?
run explain picture.ppm -c 0 --scores scores.npy --json
[ $status = 0 ] && is_true 'len(y) == 10 and near(y[0], maps[0]["score"]) and y.index(max(y)) == top[0]["class"] and
    near(top[0]["probability"], 1 / (1 + math.exp(-max(y))))'
check "all scores in a file" $?
refused "scores and map to stdout" 2 'one file' explain picture.ppm -c 0 --scores - --map -

# ------------------------------------------------------------------------------------------------------ probabilities
run explain picture.ppm -c 0 --probability softmax --json
[ $status = 0 ] && is_true 'near(maps[0]["probability"], math.exp(y[0]) / sum(map(math.exp, y)))'
check "probability softmax" $?
run explain picture.ppm -c 0 --probability none --json
[ $status = 0 ] && is_true 'maps[0]["probability"] is None and maps[0]["score"] is not None'
check "probability none is null" $?
run explain picture.ppm -c 0 --probability none
[ $status = 0 ] && ! grep -q 'probability' stdout && grep -q ', score ' stdout
check "probability none in a sentence" $?
refused "a probability that there is not" 2 softmax explain picture.ppm --probability odds

# -------------------------------------------------------------------------------------------------- strange networks
cases=$SHARED/cases
if [ -z "$SHARED" ] || ! [ -d "$cases/networks" ]; then
    echo "skip - cli scores of strange networks: no shared data"
    exit $bad
fi
run explain picture.ppm -m "$cases/networks/reg1.onnx" --json
[ $status = 0 ] && is_true 'maps[0]["probability"] is None and maps[0]["score"] is not None'
check "one output has no probability" $?
run explain picture.ppm -m "$cases/networks/reg1.onnx" --json --probability sigmoid -c '-(0)'
[ $status = 0 ] && is_true 'maps[0]["score"] < 0 and maps[0]["probability"] > 0.5'
check "one output taken for a logit, and its other side" $?
run explain picture.ppm -m "$cases/networks/onesig.onnx" --json
[ $status = 0 ] && is_true 'near(maps[0]["probability"], maps[0]["score"])
    and near(sum(t["probability"] for t in top), 1)'
check "probabilities are left as they are" $?
# Class 0 is NaN, class 1 is 2.04.
run explain picture.ppm -m "$cases/networks/nan.onnx" --json -c '0|1'
[ $status = 0 ] && is_true 'maps[0]["score"] is None and maps[0]["map"]["empty"] and maps[0]["probability"] is None and
    maps[1]["score"] is not None and maps[1]["probability"] is None' && [ "$(grep -c 'warning.*finite' stderr)" = 1 ]
check "a score that is NaN" $?
run explain picture.ppm -m "$cases/networks/nan.onnx" --json
[ $status = 0 ] && is_true 'maps[0]["class"] == 1 and len(top) == 1' && grep -q 'warning.*not finite' stderr
check "auto chooses among numbers, and says so" $?
run explain picture.ppm -m "$cases/networks/inf.onnx" --json -o overlay.png --map map.npy
[ $status = 0 ] && is_true 'maps[0]["class"] is None and maps[0]["score"] is None
    and maps[0]["map"]["empty"] and not top' &&
    [ "$(grep -c 'warning.*no class can be chosen' stderr)" = 1 ]
check "auto without a number chooses nothing" $?
for name in w_nan fc_max; do
    run explain picture.ppm picture.ppm -m "$cases/hostile/$name.onnx" --json
    [ $status = 0 ] && is_true 'all(m["map"]["empty"] for m in maps)' && [ "$(grep -c 'warning.*finite' stderr)" = 1 ]
    check "one warning for $name" $?
done
exit $bad
