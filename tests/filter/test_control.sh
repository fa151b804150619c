#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The same pictures for any number of threads, commands while it runs, and live=1.

. "$SRC/tests/filter/common.sh"

# A film whose top class changes: circles and lines that grow, then a test picture, then noise of cells.
film="testsrc2=s=160x120:r=10:d=1[p];mandelbrot=s=160x120:rate=10,trim=duration=1,format=yuv420p[q];
      life=s=160x120:r=10:seed=1:ratio=0.3,trim=duration=1,format=yuv420p[r];[p][q][r]concat=n=3"
ff -filter_complex "$film,setsar=1" -c:v ffv1 film.mkv
check "film for the tests" $status

for options in stride=1 stride=4 class=auto\\\\:3:stride=3 fit=pad:stride=2:blend=flat:output=heatmap; do
    distinct=
    for threads in 1 2 3; do
        for lookahead in 0 1 5; do
            ff -i film.mkv -vf "gradcam=$options:threads=$threads:lookahead=$lookahead" -f framemd5 out
            [ $status = 0 ] && [ "$(frames out)" = 30 ] || distinct="$distinct failed$threads$lookahead"
            distinct="$distinct $(sums out | md5sum | cut -c 1-32)"
        done
    done
    [ "$(echo "$distinct" | tr ' ' '\n' | sort -u | grep -c .)" = 1 ]
    check "the same for 1, 2, 3 threads and any lookahead, $options" $? "$distinct"
done

# COMMAND [OPTIONS]: sends a command at frame 12 of 30.
command_at_12() {
    look=gradcam=class=${class:-$any}:scene=0:colors=none:${2:-stride=1000}
    ff -i film.mkv -vf "sendcmd='1.15 gradcam $1',$look,metadata=print:file=meta" -f framemd5 out
}

class=star
for lookahead in 0 3; do
    command_at_12 "class heart" stride=1000:lookahead=$lookahead
    [ "$(values meta label)" = \
        "$(yes star | head -n 12 | paste -s -d ' ') $(yes heart | head -n 18 | paste -s -d ' ')" ] &&
        [ "$(values meta key)" = "1 0 0 0 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0" ]
    check "command class from its very frame, lookahead=$lookahead" $? "$(values meta label)"
done
class=
command_at_12 "stride 3" stride=5
[ "$(values meta key)" = "1 0 0 0 0 1 0 0 0 0 1 0 0 1 0 0 1 0 0 1 0 0 1 0 0 1 0 0 1 0" ]
check "command stride" $? "$(values meta key)"
command_at_12 "method counterfactual"
[ "$(values meta key)" = "1 0 0 0 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0" ]
check "command method makes a key frame" $? "$(values meta key)"
for lookahead in 0 1 4; do
    ff -f lavfi -i testsrc2=s=96x64:r=25:d=8 -f framemd5 -vf \
        "sendcmd='2 gradcam class heart;5 gradcam method counterfactual',
         gradcam=class=star:stride=3:interp=linear:lookahead=$lookahead" out
    [ $status = 0 ] && [ "$(frames out)" = 200 ] || break
done
check "commands with interp=linear lose no frame" $? "$(frames out) of 200 frames, lookahead=$lookahead"

ff -i film.mkv -vf "gradcam=class=$any:scene=0:colors=none:stride=1000" -f framemd5 plain
sums plain > plain.sums
ff -i film.mkv -f framemd5 source
sums source > source.sums
for command in "opacity 0" "colormap hot" "blend flat" "gamma 3" "output mask" "threshold 0.5" "colors red|lime"; do
    command_at_12 "$command" stride=1000:lookahead=3        # frames before it may still wait for their map
    sums out > out.sums
    [ $status = 0 ] && [ "$(head -n 12 out.sums)" = "$(head -n 12 plain.sums)" ] &&
        [ "$(paste -d = out.sums plain.sums | tail -n 18 | grep -c '^\(.*\)=\1$')" = 0 ]
    check "command $command from its very frame" $?
    [ "$command" != "opacity 0" ] || [ "$(tail -n 18 out.sums)" = "$(tail -n 18 source.sums)" ]
    check "command $command: result" $?
done
ff -i film.mkv -vf "gradcam=class=$any:scene=0:colors=none:stride=1" -f framemd5 plain1
sums plain1 > plain1.sums
for command in "scale running" "smooth 3"; do
    for lookahead in 0 3; do
        command_at_12 "$command" stride=1:lookahead=$lookahead
        sums out > out.sums
        [ $status = 0 ] && [ "$(head -n 12 out.sums)" = "$(head -n 12 plain1.sums)" ] &&
            [ "$(tail -n 18 out.sums)" != "$(tail -n 18 plain1.sums)" ]
        check "command $command from its very frame, lookahead=$lookahead" $?
    done
done
ff -i film.mkv -f null \
    -vf "sendcmd='1.15 gradcam box 0',gradcam=class=star:stride=1:lookahead=3,metadata=print:file=meta" -
[ "$(values meta x | cut -d ' ' -f 1-12 | tr -d '[0-9] ')" != ------------ ] &&
    [ "$(values meta x | cut -d ' ' -f 13-30 | tr -d '[0-9] ')" = ------------------ ]
check "command box from its very frame" $? "$(values meta x)"
for command in "class unicorn" "opacity 7" "stride -1" "every -1" "colormap rainbow" "method magic" "model x.bin" \
               "smooth -1" "nonsense 1" "opacity t+" "threshold 2" "colors red|nocolor" "layer nosuch" \
               "output side" "output alpha"; do
    level=verbose command_at_12 "$command"
    [ $status = 0 ] && [ "$(sums out)" = "$(cat plain.sums)" ] &&
        grep -q 'Command reply for command #0: ret:[A-Z]' log && ! grep -q 'ret:Success' log
    check "command $command is refused and changes nothing" $?
done

# A range that is none is refused too, and the next command is taken again.
look=gradcam=class=$any:scale=fixed:high=2
level=verbose
ff -i film.mkv -vf "sendcmd='0.5 gradcam low 5;1.15 gradcam opacity 0',$look" -f framemd5 out
level=
[ $status = 0 ] && [ "$(sums out | tail -n 18)" = "$(tail -n 18 source.sums)" ] &&
    [ "$(grep -c 'Command reply.*ret:Invalid argument' log)" = 1 ] &&
    [ "$(grep -c 'Command reply.*ret:Success' log)" = 1 ]
check "command low above high" $? "$(grep 'Command reply' log)"

# live=1 has no time for all key frames here: a frame of this size is made much faster than its map.
ff -f lavfi -i testsrc2=s=64x48:r=1000:d=1 -vf gradcam=live=1:stride=1,metadata=print:file=meta -f framemd5 out
skipped=$(values meta skipped | sed 's/.* //')
[ $status = 0 ] && [ "$(frames out)" = 1000 ] && [ "${skipped:-0}" -gt 100 ]
check "live=1 skips key frames rather than wait" $? "$(frames out) frames, ${skipped:-none} skipped"
[ "$(grep -c '^frame:' meta)" -gt 0 ] && [ "$(grep -c '^frame:' meta)" -lt 1000 ] && ! grep -q '^frame:0 ' meta
check "live=1 passes frames untouched until there is a map" $? "$(grep -c '^frame:' meta) frames have metadata"

# A camera over the network at 25 pictures a second, and the user's Ctrl-C.
port=$((20000 + $$ % 20000))
timeout 20 "$BUILD/bin/ffmpeg" -nostdin -v error -re -f lavfi -i testsrc2=s=320x240:r=25:d=6 -c:v mpeg2video -g 5 \
    -f mpegts udp://127.0.0.1:$port > sender.log 2>&1 &
sender=$!
timeout -s KILL 20 "$BUILD/bin/ffmpeg" -y -nostdin -v error -fflags nobuffer -probesize 50000 -analyzeduration 500000 \
    -i "udp://127.0.0.1:$port?timeout=10000000" -vf gradcam=live=1:stride=2 -c:v ffv1 camera.mkv > log 2>&1 &
# The process is timeout's child: it gets the signal as from a terminal.
sleep 4
child=$(ps -o pid= --ppid $! | tr -d ' ')
began=$(date +%s%N)
kill -INT "$child"
wait $!
status=$?
took=$((($(date +%s%N) - began) / 1000000))
kill $sender 2> /dev/null
wait $sender
rm out
ff -i camera.mkv -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" -gt 5 ] && [ $took -lt 2000 ]
check "camera over UDP, ended by Ctrl-C, leaves a whole file" $? "$(frames out) frames, Ctrl-C took $took ms"

exit $bad
