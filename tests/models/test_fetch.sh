#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# models/fetch against a server on the loopback interface, with a catalogue of its own and a stand-in for the gradcam
# program; at the end with the real one, where it is built, and a network of one layer.

server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null' EXIT
mkdir -p www/sub
python3 "$SRC/tests/models/tiny_onnx.py" www/sub/tiny.onnx || exit 1
python3 "$SRC/tests/models/server.py" www > port 2> server.log &
server=$!
for try in 1 2 3 4 5 6 7 8 9 10; do
    [ -s port ] && break
    sleep 0.2
done
address=http://127.0.0.1:$(cat port)

bytes=$(wc -c < www/sub/tiny.onnx)
sha256=$(sha256sum www/sub/tiny.onnx | cut -d ' ' -f 1)
tail -c +9 www/sub/tiny.onnx > www/sub/short.onnx
{ cat www/sub/tiny.onnx; echo more; } > www/sub/long.onnx
tr '\000' '\001' < www/sub/tiny.onnx > www/sub/other.onnx

# entry NAME PATH
entry() {
    printf '%s\t%s\t%d\t%s\t8x8\tbgr\t255\t1,2,3\t4,5,6\tauto\tnone\tCC0\ta test\n' "$1" "$2" "$bytes" "$sha256"
}
{
    printf '# a comment\nbase\t%s/nothing\nbase\t%s/\n' "$address" "$address"
    entry tiny sub/tiny.onnx
    entry missing sub/missing.onnx
    entry short sub/short.onnx
    entry long sub/long.onnx
    entry other sub/other.onnx
    entry cut cut/sub/tiny.onnx
    entry chunked chunked/sub/short.onnx
    entry plain plain/sub/tiny.onnx
    entry drip drip/sub/tiny.onnx
} > catalogue.tsv
printf 'nonsense\n' > broken.tsv
entry ../outside sub/tiny.onnx > outside.tsv

cat > stub << 'END'
#!/bin/sh
printf '%s\n' "$@" > arguments
[ -z "$STUB_FAILS" ] || { echo "the stand-in was told to fail" >&2; exit 3; }
cp "$2" "$4"
END
chmod +x stub
GRADCAM=$PWD/stub
export GRADCAM

failed=0
# result NAME STATUS: 0 is ok
result() {
    if [ "$2" -eq 0 ]; then
        echo "ok - fetch $1"
    else
        echo "not ok - fetch $1: status $status, log: $(tr '\n' ' ' < log)"
        failed=1
    fi
}
fetch() {
    "$SRC/models/fetch" --catalogue catalogue.tsv "$@" > out 2> log
    status=$?
}
says() {
    grep -q -- "$1" log
}
# Nothing of a network is left: neither .bin nor .onnx nor .part
clean() {
    [ -z "$(ls "$1" 2> /dev/null)" ]
}
one_sentence() {
    [ "$(grep -c '^fetch: ' log)" = 1 ] && ! grep -q Traceback log
}

fetch --list
[ $status = 0 ] && grep -q '^tiny .*CC0' out; result list $?

fetch tiny -o a
[ $status = 0 ] && [ "$(ls a)" = tiny.bin ] && cmp -s a/tiny.bin www/sub/tiny.onnx && [ "$(cat out)" = a/tiny.bin ]
result success $?
[ "$(tr '\n' ' ' < arguments)" = "compile a/tiny.onnx -o a/tiny.bin --name tiny --labels none --licence CC0 \
--color bgr --range 255 --mean 1,2,3 --std 4,5,6 --size 8x8 " ]; result 'compile options' $?

rm -f arguments
fetch tiny -o a
[ $status = 0 ] && says 'already there' && [ ! -f arguments ]; result 'file that is there' $?
fetch tiny -o a --force
[ $status = 0 ] && [ -f arguments ]; result force $?

fetch tiny -o keep --keep
[ $status = 0 ] && [ "$(ls keep | tr '\n' ' ')" = 'tiny.bin tiny.onnx ' ]; result keep $?
rm keep/tiny.bin
: > server.log
fetch tiny -o keep
[ $status = 0 ] && ! grep -q GET server.log; result 'file kept is not fetched again' $?

fetch tiny -o onnx --onnx
[ $status = 0 ] && [ "$(ls onnx)" = tiny.onnx ] && cmp -s onnx/tiny.onnx www/sub/tiny.onnx; result 'onnx only' $?

fetch tiny -o base --base "$address/plain"
[ $status = 0 ] && grep -q 'GET /plain/sub/tiny.onnx' server.log; result 'base address' $?
fetch tiny -o base --force --base "file://$PWD/www"
[ $status = 0 ]; result 'base of files' $?

fetch tony -o none
[ $status = 1 ] && one_sentence && says "no network 'tony': there is tiny"; result 'unknown name' $?
fetch
[ $status = 1 ] && one_sentence; result 'no name' $?

fetch missing -o missing
[ $status = 1 ] && one_sentence && says 404 && clean missing; result 'missing file' $?
fetch other -o other
[ $status = 1 ] && one_sentence && says 'its sha256 is' && clean other; result 'wrong hash' $?
fetch short -o short
[ $status = 1 ] && one_sentence && says "bytes there, not $bytes" && clean short; result 'wrong size' $?
fetch long -o long
[ $status = 1 ] && one_sentence && clean long; result 'file too long' $?

# A transfer that breaks off is continued: by this server, in two pieces.
fetch cut -o cut
[ $status = 1 ] && one_sentence && says 'transfer ended after' && [ "$(ls cut)" = cut.onnx.part ]; result truncated $?
part=$(wc -c < cut/cut.onnx.part)
: > server.log
fetch cut -o cut
[ $status = 0 ] && [ "$(ls cut)" = cut.bin ] &&
    grep -q "bytes=$part-" server.log && cmp -s cut/cut.bin www/sub/tiny.onnx
result resume $?

fetch chunked -o chunked
[ $status = 1 ] && one_sentence && says 'transfer ended after'; result 'too short, of unknown length' $?

mkdir -p plain
head -c 100 www/sub/tiny.onnx > plain/plain.onnx.part
fetch plain -o plain
[ $status = 0 ] && [ "$(ls plain)" = plain.bin ] && cmp -s plain/plain.bin www/sub/tiny.onnx
result 'resume where the server cannot' $?

fetch drip -o drip --timeout 1
[ $status = 1 ] && one_sentence && says 'came in 1 seconds' && [ "$(ls drip)" = drip.onnx.part ]
result 'server that drips' $?

mkdir -p garbage
yes garbage | head -c 100 > garbage/tiny.onnx.part
fetch tiny -o garbage
[ $status = 0 ] && cmp -s garbage/tiny.bin www/sub/tiny.onnx; result 'resume of something else' $?
rm garbage/tiny.bin
yes garbage | head -c 100000 > garbage/tiny.onnx.part
fetch tiny -o garbage
[ $status = 0 ] && cmp -s garbage/tiny.bin www/sub/tiny.onnx; result 'resume of something larger' $?

STUB_FAILS=1 fetch tiny -o stub_fails
[ $status = 1 ] && one_sentence && says 'told to fail' && [ "$(ls stub_fails)" = tiny.onnx ]; result 'compile fails' $?
GRADCAM=/no/such/gradcam fetch tiny -o no_program
[ $status = 1 ] && one_sentence && says '/no/such/gradcam' && [ ! -e no_program ]; result 'no program' $?
"$SRC/models/fetch" --catalogue broken.tsv tiny > out 2> log
status=$?
[ $status = 1 ] && one_sentence && says 'line 1'; result 'broken catalogue' $?
mkdir inside
"$SRC/models/fetch" --catalogue outside.tsv --base "$address" -o inside ../outside > out 2> log
status=$?
[ $status = 1 ] && one_sentence && says 'name of a file' && [ -z "$(ls outside* | grep -v tsv)" ]
result 'name that leads out of the folder' $?
"$SRC/models/fetch" --catalogue absent.tsv tiny > out 2> log
status=$?
[ $status = 1 ] && one_sentence && says absent.tsv; result 'absent catalogue' $?
fetch tiny -o broken.tsv/folder
[ $status = 1 ] && one_sentence; result 'folder that cannot be' $?

kill "$server"
wait "$server" 2> /dev/null
server=
fetch tiny -o offline
[ $status = 1 ] && one_sentence && says refused && clean offline; result 'no server' $?

"$SRC/models/fetch" --list > out 2> log
status=$?
[ $status = 0 ] && grep -q '^vgg16 ' out && grep -q '^resnet50 ' out; result 'own catalogue' $?

if [ -x "$BUILD/bin/gradcam" ]; then
    GRADCAM=$BUILD/bin/gradcam fetch tiny -o real --base "file://$PWD/www"
    [ $status = 0 ] && [ "$(ls real)" = tiny.bin ] && [ "$(head -c 4 real/tiny.bin)" = GGUF ]; result 'with gradcam' $?

    # As installed, into the user's data directory, from where all take it by its name.
    mkdir -p prefix/bin prefix/share/gradcam home
    cp "$BUILD/bin/gradcam" prefix/bin/
    cp "$SRC/models/fetch" prefix/share/gradcam/
    cp catalogue.tsv prefix/share/gradcam/
    HOME=$PWD/home
    export HOME
    unset GRADCAM XDG_DATA_HOME GRADCAM_MODELS
    gradcam() { prefix/bin/gradcam "$@" > out 2> log; status=$?; }
    gradcam fetch tiny --base "file://$PWD/www"
    [ $status = 0 ] && [ -f home/.local/share/gradcam/tiny.bin ]; result 'by gradcam fetch' $?
    cp home/.local/share/gradcam/tiny.bin home/.local/share/gradcam/mine.bin
    gradcam models
    [ $status = 0 ] && grep -q '^tiny .*CC0' out && grep -q '^ .*gradcam/tiny.bin$' out \
        && grep -q '^mine .*gradcam/mine.bin$' out && [ "$(grep -c tiny.bin out)" = 1 ]
    result 'gradcam models' $?
    gradcam models --json
    [ $status = 0 ] && python3 -c 'import json, sys
networks = {n["name"]: n for n in json.load(sys.stdin)}
assert networks["tiny"]["path"].endswith("tiny.bin") and networks["tiny"]["licence"] == "CC0"
assert not networks["missing"]["path"] and "bytes" not in networks["mine"]' < out
    result 'gradcam models --json' $?
    gradcam info tiny
    [ $status = 0 ] && grep -q 'tiny' out; result 'a network by its name' $?
    gradcam info tony
    [ $status = 1 ] && says "'tony'" && says 'gradcam fetch'; result 'a name that was not fetched' $?
    gradcam fetch tony
    [ $status = 1 ] && says "no network 'tony'"; result 'gradcam fetch of an unknown name' $?
    gradcam fetch
    [ $status = 2 ]; result 'gradcam fetch of nothing' $?
    cp -r prefix/bin moved_bin
    mkdir -p own && cp "$SRC/models/fetch" own/
    GRADCAM_MODELS=$PWD/own ./moved_bin/gradcam fetch tiny > out 2> log
    status=$?
    [ $status = 1 ] && says 'share/gradcam'; result 'nothing is run that lies among networks' $?
    if "$BUILD/bin/ffmpeg" -v error -filters 2> log | grep -q ' gradcam '; then
        "$BUILD/bin/ffmpeg" -v error -f lavfi -i testsrc=d=0.2 -vf gradcam=model=tiny -f null - 2> log
        status=$?
        [ $status = 0 ]; result 'a network by its name, in the filter' $?
    fi
else
    echo "skip - fetch with gradcam: the program is not built"
fi
exit $failed
