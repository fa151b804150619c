#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The manual pages that filter/packaging/manual makes, and completion: all commands and options are in them.

. "$SRC/tests/cli/common.sh"

manual=$SRC/filter/packaging/manual
"$manual" program 1.2.3 "$gradcam" > gradcam.1 2> stderr
status=$?
: > stdout
[ $status = 0 ] && ! [ -s stderr ]
check "gradcam(1) is made" $?
"$gradcam" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' > commands
missing=
for command in $(cat commands); do
    grep -qx "\.SS $command" gradcam.1 || missing="$missing $command"
    for option in $("$gradcam" "$command" --help | sed -n 's/^ *\(-[a-z], \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p'); do
        sed -n "/^\.SS $command\$/,/^\.S[SH]/p" gradcam.1 | sed 's/\\-/-/g' \
            | grep -Eq "^\.B (-[a-z], )?$option( [^ ]*)?\$" || missing="$missing $command:$option"
    done
done
echo "$missing" > stdout
[ "$(wc -l < commands)" -ge 9 ] && [ -z "$missing" ]
check "gradcam(1) has all commands and options" $?

"$manual" filter 1.2.3 < "$SRC/filter/gradcam.texi" > vf_gradcam.7 2> stderr
status=$?
missing=
sed 's/\\-/-/g' vf_gradcam.7 > plain
for option in $(sed -n 's/^@item \([a-z_]*\)\(, [a-z]\)\{0,1\}$/\1/p' "$SRC/filter/gradcam.texi"); do
    grep -Eq "^\.B $option(, [a-z])?\$" plain || missing="$missing $option"
done
echo "$missing" > stdout
[ $status = 0 ] && [ -z "$missing" ] && ! grep -nE '@[a-z]+(\{|$| )' vf_gradcam.7 > stdout
check "vf_gradcam(7) has all items, and no Texinfo is left" $?
if command -v man > /dev/null && command -v groff > /dev/null; then
    for page in gradcam.1 vf_gradcam.7; do
        LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings -l "$page" > stdout 2> stderr
        status=$?
        [ $status = 0 ] && ! [ -s stderr ] && [ "$(wc -l < stdout)" -gt 200 ]
        check "man shows $page without a warning" $?
    done
else
    echo "skip - cli man shows the pages: there is no man"
fi

command -v bash > /dev/null || { echo "skip - cli completion: there is no bash"; exit $bad; }
complete() { # WORD...: what the last of them may become
    PATH=$BUILD/bin:$PATH bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gradcam
        printf "%s\n" "${COMPREPLY[@]}"' - "$SRC/filter/packaging/gradcam.bash" "$@" > stdout 2> stderr
    status=$?
}
complete gradcam ex
[ "$(cat stdout)" = explain ]
check "completion of a command" $?
complete gradcam explain --sh
[ "$(cat stdout)" = --sheet ]
check "of an option" $?
complete gradcam compile x.onnx -
[ "$(sort stdout | tr '\n' ' ')" = "$("$gradcam" compile --help \
    | sed -n 's/^ *\(-[a-z], \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' | sort | tr '\n' ' ')" ]
check "of all options" $?
complete gradcam explain x.jpg -c he
[ "$(cat stdout)" = heart ]
check "of a class" $?
complete gradcam explain x.jpg --layer relu
grep -qx relu1 stdout
check "of a layer" $?
complete gradcam explain x.jpg --method layer
[ "$(cat stdout)" = layercam ]
check "of a method" $?
: > picture.ppm
complete gradcam explain pict
[ "$(cat stdout)" = picture.ppm ]
check "of a file" $?
complete gradcam fetch vgg
[ "$(cat stdout)" = vgg16 ] || ! "$gradcam" models > stdout 2>&1
check "of a network" $?
if command -v zsh > /dev/null; then
    zsh -n "$SRC/filter/packaging/gradcam.zsh" 2> stderr
    check "zsh's is a script" $?
else
    echo "skip - cli completion of zsh: there is no zsh"
fi
exit $bad
