#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The table of methods: the command lists it, and the manual tells of each.

. "$SRC/tests/cli/common.sh"

run methods && mv stdout text && run methods --quiet && mv stdout names && run methods --json && mv stdout json
check "gradcam methods" $?
grep -qx gradcam names && grep -qx hirescam names
check "names" $?
while read -r name; do
    [ "$(sed -n "/^$name: /,/^    cost /p" text | grep -c '.......')" -ge 4 ]
    check "$name: summary, formula, source, cost" $?
    grep -q "\"name\": \"$name\"" json
    check "$name in JSON" $?
    grep -q "^@item $name\$" "$SRC/filter/gradcam.texi"
    check "$name in the manual" $?
done < names
sed -n '/^@item method$/,/^@end table/s/^@item \([^ ]*\)$/\1/p' "$SRC/filter/gradcam.texi" \
    | grep -vx method | sort > manual
sort names | diff - manual
check "the manual has no other methods" $?

exit $bad
