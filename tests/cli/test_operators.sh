#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The list of operators: each once, in text and JSON alike.

. "$SRC/tests/cli/common.sh"

run operators && mv stdout text && run operators --json && mv stdout json
check "gradcam operators" $?
sed -n 's/^  //p' text | tr ' ' '\n' | sort > words
sed -n 's/.*"type": "\([^"]*\)".*/\1/p' json | sort > types
[ "$(wc -l < types)" -gt 150 ] && diff words types > stdout
check "text and JSON list the same" $?
sed -n 's/.*"domain": "\([^"]*\)".*/\1/p' json > domains
tr -d '\n' < json | grep -o '"domain": "[^"]*",  *"type": "[^"]*"' | sort | uniq -d > stdout
[ "$(grep -c . domains)" -gt 20 ] && ! [ -s stdout ]
check "none twice" $?
for name in Conv LSTM Einsum Sum Identity Shape If FusedConv; do
    grep -qx "$name" words
    check "$name" $?
done
refused "an argument" 2 'operators' operators Conv

exit $bad
