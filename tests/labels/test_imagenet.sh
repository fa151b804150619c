#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# models/imagenet.tsv is what its generator makes of WordNet, and has the classes in the usual order.

failed=0
ids=$(sed -n 's/^class\t[0-9]*\t\(n[0-9]*\)\t.*/\1/p' "$SRC/models/imagenet.tsv")
if [ -z "$SHARED" ]; then
    echo "skip - imagenet_ids: no shared test data"
elif [ "$ids" = "$(cat "$SHARED/labels/imagenet1000_synsets.txt")" ]; then
    echo "ok - imagenet_ids"
else
    echo "not ok - imagenet_ids: the ids of the classes are not those of the common list"
    failed=1
fi

if [ ! -f /usr/share/wordnet/data.noun ]; then
    echo "skip - imagenet_generator: /usr/share/wordnet is not there (package wordnet-base)"
elif ! "$SRC/models/make_imagenet.py" > made.tsv 2> make.log; then
    echo "not ok - imagenet_generator: $(tail -n 1 make.log)"
    failed=1
elif difference=$(cmp made.tsv "$SRC/models/imagenet.tsv" 2>&1); then
    echo "ok - imagenet_generator"
else
    echo "not ok - imagenet_generator: $difference"
    failed=1
fi
exit $failed
