#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What others made to do harm: names that are no files, files that want too much, and where results are written.

. "$SRC/tests/cli/common.sh"
need_network "hostile files"
make_picture 64 48 > picture.ppm

# In 60 s, or what is waited for never comes.
plain=$gradcam
gradcam=limited
limited() {
    timeout 60 "$plain" "$@"
}
run() {
    limited "$@" > stdout 2> stderr < /dev/null
    status=$?
}

# Nobody writes to the FIFO.
mkfifo fifo
refused "a FIFO as a network" 1 'fifo.*a FIFO' info fifo
refused "a FIFO as labels" 1 'fifo.*a FIFO' info "$network" --labels fifo
refused "a device as a network" 1 'a device' info /dev/zero
refused "a directory as labels" 1 'a directory' info "$network" --labels .

hostile=$SHARED/cases/hostile
if [ -d "$hostile" ]; then
    mkdir -p model/inside outside
    cp "$hostile/ext_fifo.onnx" "$hostile/ext_link.onnx" model
    mkfifo model/fifo
    refused "a FIFO as external data" 1 'fifo.*a FIFO' info model/ext_fifo.onnx
    head -c 432 /dev/zero > outside/weights
    ln -s ../outside/weights model/link_etc
    refused "external data behind a link out of the directory" 1 'outside' info model/ext_link.onnx
    rm model/link_etc
    head -c 432 /dev/zero > model/inside/a..b
    ln -s inside/a..b model/link_etc
    run info model/ext_link.onnx
    check "external data behind a link in the directory" $status
    # A cache: names in one place, all files in another.
    mkdir -p cache/names cache/files
    cp "$hostile/ext_link.onnx" cache/files/1
    head -c 432 /dev/zero > cache/files/2
    ln -s ../files/1 cache/names/network.onnx
    ln -s ../files/2 cache/names/link_etc
    run info cache/names/network.onnx
    check "external data beside what the network's name is a link to" $status
    refused "a picture of 256 million pixels" 1 'million pixels' explain "$hostile/bomb1.png" -m "$network"
    refused bomb_chain_act 1 'memory allowed' explain picture.ppm -m "$hostile/bomb_chain_act.onnx" -c 0 \
        --preset torchvision --memory 512
    # What they fold is not needed by their scores: it is dropped where it takes more than is allowed.
    for file in bomb_cos_many bomb_fold_time; do
        run explain picture.ppm -m "$hostile/$file.onnx" -c 0 --preset torchvision --memory 512
        check "$file" $status
    done
    gunzip -c "$hostile/deep_100000.onnx.gz" > deep.onnx
    run explain picture.ppm -m deep.onnx -c 0
    check "100,000 nodes one behind the other" $status
    for file in fc_max w_nan ub_strides_zero_huge ub_expfast_elu_nan; do
        run explain picture.ppm -m "$hostile/$file.onnx" -c 0 --no-mmap
        [ $status -le 1 ]
        check "$file" $?
    done
fi

# Graphs of 200,000 nodes that cost the square of that, minutes, wherever something is looked for from each node anew:
# a chain without weights, of which each node may be the automatic layer; and one whose half reads the other long after,
# so that a quarter of all values live at once.
python3 - << 'END'
def field(number, payload):
    size, head = len(payload), bytearray([number << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes(head) + bytes([size]) + payload
def node(op, inputs, output):
    return field(1, b"".join(field(1, i.encode()) for i in inputs) + field(2, output.encode()) + field(4, op.encode()))
def save(path, nodes, last):
    shape = b"".join(field(1, b"\x08" + bytes([size])) for size in (1, 3, 8, 8))
    value = field(1, b"x") + field(2, field(1, b"\x08\x01" + field(2, shape)))
    nodes += [node("GlobalAveragePool", [last], "p"), node("Flatten", ["p"], "y")]
    graph = b"".join(nodes) + field(11, value) + field(12, field(1, b"y"))
    open(path, "wb").write(b"\x08\x08" + field(7, graph) + field(8, b"\x10\x0d"))
n = 200000
nodes = [node("Relu" if i % 2 else "Abs", [f"t{i - 1}" if i else "x"], f"t{i}") for i in range(n)]
save("chain.onnx", nodes, f"t{n - 1}")
nodes = []
for i in range(n // 2):
    nodes += [node("Sigmoid", [f"u{i - 1}" if i else "x"], f"t{i}"), node("Add", [f"t{i}", f"t{i // 2}"], f"u{i}")]
save("ladder.onnx", nodes, f"u{n // 2 - 1}")
END
for file in chain ladder; do
    run explain picture.ppm -m $file.onnx -c 0
    check "200,000 nodes: a $file" $status
done

refused "a network that takes more memory than is allowed" 1 'memory allowed' \
    explain picture.ppm -m "$network" --memory 1
# Names that would tell the terminal something, or the reader nothing.
refused "a name with escapes" 1 'nothing. \[2Jhere' info "$(printf 'nothing\n\033[2Jhere')"
esc=$(printf '\033')
! grep -q "$esc" stderr
check "no escape reaches the terminal" $?
cp picture.ppm "$(printf 'e\033[2Jx.ppm')"
run explain "$(printf 'e\033[2Jx.ppm')" -m "$network" -c 282
[ $status = 0 ] && grep -q 'e \[2Jx.ppm: tiger cat (282)' stdout && ! grep -q "$esc" stdout
check "nor that of a picture's name, and a class has its name" $?

# Results are written where they were meant to be, and over nothing else.
echo old > target.png
ln -s target.png link.png
run explain picture.ppm -m "$network" -c 1 -o link.png
[ $status = 0 ] && [ -h link.png ] && [ "$(head -c 4 target.png | tail -c 3)" = PNG ]
check "a link to a picture" $?
cat fifo > received &
reader=$!
run explain picture.ppm -m "$network" -c 1 --map fifo.npy -o fifo.png
run compile "$network" -o fifo
wait $reader
[ $status = 0 ] && [ -p fifo ] && [ "$(head -c 4 received)" = GGUF ]
check "a network into a FIFO" $?
run compile "$network" -o /dev/null
[ $status = 0 ] && [ -c /dev/null ]
check "a network to nowhere" $?

# Numbers as text, which are the same.
run explain picture.ppm -m "$network" -c 1 --map map.npy
run explain picture.ppm -m "$network" -c 1 --map map.csv
python3 - << 'END' > said 2>&1
import struct
data = open("map.npy", "rb").read()[128:]
rows = [[float(x) for x in line.split(",")] for line in open("map.csv")]
numbers = [struct.unpack("<f", struct.pack("<f", x))[0] for row in rows for x in row]
assert len(set(map(len, rows))) == 1 and list(struct.unpack(f"<{len(data) // 4}f", data)) == numbers
END
check "a map as CSV" $?
if [ -n "$hostile" ] && [ -f "$hostile/w_nan.onnx" ]; then
    run explain picture.ppm -m "$hostile/w_nan.onnx" -c 0 --scores scores.csv --map map.csv
    [ $status = 0 ] && [ "$(cat scores.csv)" = ,, ] && ! grep -q nan map.csv
    check "what is not finite is empty in CSV" $?
fi
refused "a map in a format that does not exist" 2 'map\.txt' explain picture.ppm -m "$network" -c 1 --map map.txt
ls | grep -q '\.tmp'
[ $? = 1 ]
check "nothing is left" $?

exit $bad
