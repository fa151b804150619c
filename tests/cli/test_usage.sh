#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The command line without any network: help, version, wrong usage, exit statuses, wrong files.

. "$SRC/tests/cli/common.sh"

run --help
[ $status = 0 ] && ! [ -s stderr ] && [ "$(sed -n 3p stdout)" = "Examples:" ] && grep -q explain stdout
check "help begins with examples" $?
run
[ $status = 2 ] && ! [ -s stdout ] && grep -q Usage stderr
check "no command is a usage error" $?
run --version
[ $status = 0 ] && grep -q '^gradcam [0-9]*\.[0-9]*\.[0-9]*$' stdout
check "version" $?
for command in explain compile info layers classes; do
    run $command --help
    [ $status = 0 ] && ! [ -s stderr ] && [ "$(sed -n 3p stdout)" = "Examples:" ] &&
        grep -q -- '--help' stdout && [ "$(awk 'length > 100' stdout | wc -l)" = 0 ]
    check "$command --help" $?
    cp stdout one
    run help $command
    cmp -s one stdout
    check "help $command is the same" $?
done
run explain --help
[ "$(grep -c '^  .*--' stdout)" -ge 20 ] && [ "$(grep -c default stdout)" -ge 15 ]
check "help names defaults" $?

refused "a command that does not exist" 2 'did you mean explain' explian
refused "a command unlike any" 2 'unknown command' qqqqqqq
refused "a first option that does not exist" 2 'unknown option' --frobnicate
refused "an option that does not exist" 2 'did you mean --colormap' explain a.png --colourmap jet
refused "an option unlike any" 2 'unknown option --zzzzzzzz' explain a.png --zzzzzzzz
refused "a letter that does not exist" 2 'unknown option -Q' explain a.png -Q
refused "an option without its value" 2 'needs a value' explain a.png -m
refused "a value for an option that takes none" 2 'takes no value' explain a.png --json=yes
refused "no picture" 2 'too few' explain -c dog
refused "too many arguments" 2 'too many: "b"' info a b
refused "opacity out of range" 2 'from 0 to 1' explain a.png --opacity 1.5
refused "opacity that is no number" 2 'from 0 to 1' explain a.png --opacity=half
refused "threads that are no whole number" 2 'whole number' explain a.png --threads 1.5
refused "a colour map that does not exist" 2 'turbo, jet' explain a.png --colormap rainbow
refused "a method that does not exist" 2 'counterfactual' explain a.png --method score
refused "a method's option that does not exist" 2 "no option 'samples'" explain a.png --method gradcam/samples=3
refused "a blend that does not exist" 2 'heat, flat' explain a.png --blend none
refused "compile without -o" 2 'missing' compile a.onnx
refused "weights that do not exist" 2 'fp32, fp16' compile a.onnx -o b.bin --weights int8
refused "a mean of two numbers" 2 '3 numbers' info a.onnx --mean 1,2
refused "a mean beside the range" 2 'range 1' info a.onnx --mean 104,117,123 --range 1
refused "std of zero" 2 'above 0' info a.onnx --std 0,1,1
refused "a size that is none" 2 '224x224' info a.onnx --size 224
refused "JSON and a file to stdout" 2 'both' explain a.png --json -o -

refused "a network that is not there" 1 'missing\.onnx' info missing.onnx
echo "this is not a network" > text.onnx
refused "a network that is text" 1 'text\.onnx' info text.onnx
: > empty.bin
refused "a network that is empty" 1 'empty\.bin' info empty.bin
mkdir directory
refused "a network that is a directory" 1 'directory' info directory
refused "compile of what is not there" 1 'missing\.onnx' compile missing.onnx -o out.bin
! [ -e out.bin ]
check "nothing is written then" $?

exit $bad
