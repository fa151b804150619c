#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# gradcam explain with folders: pictures in one, results into others, a table of all scores, what the network saw; and
# that nothing that is read is written to. With the built-in network.

. "$SRC/tests/cli/common.sh"

mkdir -p photos/inner
make_picture 64 48 > photos/b.ppm
make_picture 48 64 > photos/a.ppm
make_picture 32 32 > photos/inner/c.ppm
echo text > photos/notes.txt
cp photos/a.ppm photos/.hidden.ppm

run explain photos -o heat/maps/
[ $status = 0 ] && [ "$(cd heat/maps && echo *)" = "a.png b.png" ] && [ "$(cut -d : -f 1 stdout | tr '\n' ' ')" = \
    "photos/a.ppm photos/b.ppm " ]
check "a folder of pictures, into one that is made" $?
[ "$(grep -c 'built-in network' stderr)" = 1 ]
check "it says that it is the built-in network" $?
run explain photos/ photos/inner/c.ppm -o 'new/{name}-{class}.png' -c star
[ $status = 0 ] && [ "$(cd new && echo *)" = "a-star.png b-star.png c-star.png" ]
check "a pattern in a folder that is made" $?
mkdir empty
refused "a folder without pictures" 1 'empty has no pictures' explain empty -o x.png
refused "several pictures into one file" 2 'out/{name}.png' explain photos -o one.png

run explain photos/a.ppm -o missing/one.png
[ $status = 1 ] && grep -q missing/one.png stderr && [ ! -e missing ]
check "a folder of a single name is not made" $?

cksum photos/a.ppm > before
run explain photos/a.ppm -o photos/a.ppm
[ $status = 1 ] && grep -q 'photos/a.ppm is what is read' stderr && cksum photos/a.ppm | cmp -s before -
check "the picture itself is not written to" $?
ln photos/a.ppm same.ppm
run explain photos/a.ppm -o same.ppm
[ $status = 1 ] && grep -q 'what is read' stderr && cksum photos/a.ppm | cmp -s before -
check "nor under another name" $?
run explain photos/a.ppm photos/b.ppm -o 'photos/{name}.ppm'
[ $status = 1 ] && cksum photos/a.ppm | cmp -s before -
check "nor by a pattern" $?
cp "$SRC/models/default.bin" net.png
run explain photos/a.ppm -m net.png -o net.png
[ $status = 1 ] && cmp -s net.png "$SRC/models/default.bin"
check "nor the network" $?

run explain photos -c star --csv scores.csv --json
[ $status = 0 ] && python3 - << 'END2'
import csv, json
rows = list(csv.DictReader(open("scores.csv")))
assert len(rows) == 20 and [r["picture"] for r in rows[::10]] == ["photos/a.ppm", "photos/b.ppm"]
assert [r["class"] for r in rows[:10]] == list("0123456789") and rows[0]["label"] == "star"
found = json.load(open("stdout"))["pictures"]
for n, picture in enumerate(found):
    one = picture["maps"][0]
    assert abs(float(rows[10 * n]["score"]) - one["score"]) < 1e-5
    assert abs(float(rows[10 * n]["probability"]) - one["probability"]) < 1e-6
END2
check "a table of all scores" $?
run explain photos/a.ppm --csv -
[ $status = 0 ] && [ "$(head -n 1 stdout)" = picture,class,label,score,probability ] && [ "$(wc -l < stdout)" = 11 ]
check "on stdout, and nothing else there" $?
printf 'say "yes", no\n1\n2\n3\n4\n5\n6\n7\n8\n9\n' > labels.txt
run explain photos/a.ppm --labels labels.txt --csv scores.csv -c 0
[ $status = 0 ] && [ "$(sed -n 2p scores.csv | cut -d , -f 2-4)" = '0,"say ""yes"", no"' ]
check "with labels that have quotes and commas" $?
refused "a table into a folder" 2 'not of a directory' explain photos --csv heat/

# What the network saw: 160x160, of a cut picture the middle, of one with bars the bars' colour.
for fit in stretch crop pad; do
    run explain photos/b.ppm --fit $fit --seen seen-$fit.ppm
    [ $status = 0 ] && [ "$(head -n 2 seen-$fit.ppm | tail -n 1)" = "160 160" ]
    check "what the network saw, $fit" $?
done
python3 - << 'END2'
def pixels(name):
    head, size, most, data = open(name, "rb").read().split(b"\n", 3)
    return lambda x, y: data[3 * (160 * y + x):][:3]
stretch, crop, pad = (pixels(f"seen-{fit}.ppm") for fit in ("stretch", "crop", "pad"))
assert stretch(0, 80)[0] < 8 and stretch(159, 80)[0] > 245          # the gradient of red goes from side to side
assert 24 < crop(0, 80)[0] < 40 and 214 < crop(159, 80)[0] < 230     # the middle 48 of 64 columns
assert pad(80, 0) == pad(80, 159) != stretch(80, 0)                  # bars above and below
assert abs(pad(0, 80)[0] - stretch(0, 80)[0]) < 3
END2
check "is what its fit says" $?
run explain photos --seen seen/
[ $status = 0 ] && [ -s seen/a.png ] && [ -s seen/b.png ]
check "of several pictures" $?
run explain photos/b.ppm --seen first.ppm && run explain first.ppm --seen second.ppm
cmp -s first.ppm second.ppm
check "of what was seen it sees the same" $?
exit $bad
