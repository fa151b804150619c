#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# `ffmpeg -h filter=gradcam` and the manual section tell about every option.

. "$SRC/tests/filter/common.sh"

"$BUILD/bin/ffmpeg" -hide_banner -h filter=gradcam > help 2>&1
manual=$SRC/filter/gradcam.texi
for option in model class layer labels logits input state preset mean std bgr size method stride every scene threads \
    lookahead live interp smooth scale release low high box fit rotate probability opacity gamma colormap blend \
    output map_path seen_path; do
    line=$(grep "^   $option  *<" help)
    [ "$(echo "$line" | sed 's/^ *[a-z]* *<[a-z_]*> *[A-Z.]* *//' | wc -c)" -gt 12 ]
    check "help of option $option" $? "'$line'"
    grep -q "^@item.* $option\(, .*\)\?$" "$manual"
    check "manual of option $option" $?
done
for value in turbo jet viridis inferno magma plasma cividis hot gray bwr auto heat flat stretch crop pad overlay \
    heatmap mask hold linear motion frame running fixed softmax sigmoid given none; do
    line=$(grep "^     $value  *[0-9]" help)
    [ "$(echo "$line" | sed 's/^ *[a-z]* *[0-9]* *[A-Z.]* *//' | wc -c)" -gt 8 ]
    check "help of value $value" $? "'$line'"
    grep -q "^@item $value$" "$manual"
    check "manual of value $value" $?
done
"$BUILD/bin/ffmpeg" -hide_banner -f lavfi -i color=s=32x32 -vf gradcam=method=help -f null - > methods 2>&1
for method in $("$BUILD/bin/gradcam" methods --quiet); do
    grep -q "method=$method: ......" methods
    check "method=help tells of $method" $?
done
unknown=$(sed -n 's/^   \([a-z_]*\)  *<.*/\1/p' help | while read -r option; do
    grep -q "^@item\(.*,\)\? $option\(,.*\)\?$" "$manual" || echo "$option"
done)
[ -z "$unknown" ]
check "the manual has all options of the help" $? "missing: $unknown"
sed -n '/^@subsection Commands/,/^@subsection Examples/p' "$manual" > commands
unknown=$(sed -n 's/^   \([a-z_]\{2,\}\)  *<[a-z_]*>  *[A-Z.]*T\.* .*/\1/p' help | while read -r option; do
    grep -q "@option{$option}" commands || echo "$option"
done)
[ -z "$unknown" ]
check "the manual has all commands" $? "missing: $unknown"
grep -q "timeline" help && grep -q "slice threading" help
check "timeline and slice threads" $?

exit $bad
