#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# gradcam bench: its three forms of output, and that phases add up to the whole.

gradcam=$BUILD/bin/gradcam
ok() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2: ${3:-failed}"; failed=1; fi; }
failed=0
network=
if ! "$gradcam" info > /dev/null 2>&1; then
    network=$SHARED/models/squeezenet1_1.onnx
    [ -f "$network" ] || { echo "skip - bench: no built-in network and no shared test data"; exit 0; }
fi

number=$("$gradcam" bench $network --quiet --runs 3 --threads 1)
expr "$number" : '[0-9][0-9]*\.[0-9]*$' > /dev/null; ok $? "bench --quiet prints one number" "it printed: $number"

"$gradcam" bench $network -v --json --runs 5 --threads 2 > bench.json
python3 - << END; ok $? "bench --json: phases and operators add up to the whole map"
import json
b = json.load(open("bench.json"))
phases, operators = sum(b["phases_ms"].values()), sum(o["median_ms"] for o in b["operators"])
assert 0.3 * b["median_ms"] < phases < 1.5 * b["median_ms"], (phases, b["median_ms"])
assert 0.3 * b["median_ms"] < operators < 1.5 * b["median_ms"], (operators, b["median_ms"])
assert any(o["op"] == "Conv" and o["gflops"] > 0 and o["algorithm"] for o in b["operators"])
assert b["peak_gflops"] > 1 and b["peak_gbytes"] > 0.1, (b["peak_gflops"], b["peak_gbytes"])
for o in b["operators"]:
    share = 100 * max(o["gflops"] / b["peak_gflops"], o["gbytes"] / b["peak_gbytes"])
    assert abs(o["percent_of_peak"] - share) < 1e-3 * share + 1e-9, o
assert any(o["op"] == "Conv" and 0.1 < o["percent_of_peak"] < 2000 for o in b["operators"])
END

"$gradcam" bench $network --runs 2 | grep -q '^whole map'; ok $? "bench prints a table"
"$gradcam" bench $network --runs 1 --precision bf16 | grep -q '^whole map'; ok $? "bench --precision bf16"
"$gradcam" bench $network --precision f64 2> message; [ $? = 2 ] && grep -q 'f32, bf16' message
ok $? "bench --precision f64 is a usage error that names those there are"
"$gradcam" bench $network --runs 0 2> message; [ $? = 2 ] && grep -q runs message
ok $? "bench --runs 0 is a usage error"
exit $failed
