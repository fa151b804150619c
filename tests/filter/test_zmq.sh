#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Commands by ZeroMQ, while ffmpeg runs.

. "$SRC/tests/filter/common.sh"

"$BUILD/bin/ffmpeg" -v quiet -filters | grep -q ' zmq ' || { echo "skip - filter zmq: this ffmpeg has none"; exit 0; }
command -v python3 > /dev/null || { echo "skip - filter zmq: no python3"; exit 0; }

print=metadata=print:file=meta:direct=1
port=$((20000 + $$ % 19000))
"$BUILD/bin/ffmpeg" -nostdin -hide_banner -y -v error -re -f lavfi -i testsrc2=s=160x120:r=25:d=20 \
    -vf "zmq=bind_address=tcp\\\\://127.0.0.1\\\\:$port,gradcam=class=star:stride=1000,$print" \
    -f framemd5 out > log 2>&1 &
ffmpeg=$!
trap 'kill -KILL $ffmpeg 2> /dev/null' EXIT
for try in $(seq 100); do
    [ -s meta ] && break
    sleep 0.1
done

# MESSAGE REPLY: the filter gets the message and answers.
tell() {
    reply=$(timeout 20 python3 "$SRC/tests/filter/zmq_send.py" $port "$1" 2>&1)
    case $reply in $2*) ;; *) false ;; esac
    check "zmq: $1" $? "the reply was: $reply"
}
tell "gradcam class heart" "0 Success"
tell "gradcam class unicorn" "2 "
tell "gradcam opacity 3" "22 "
tell "gradcam nonsense 1" "38 "
tell "Parsed_gradcam_1 opacity 0" "0 Success"
tell "gradcam stride 4" "0 Success"
tell "gradcam colormap hot" "0 Success"
tell "gradcam blend flat" "0 Success"
tell "gradcam output mask" "0 Success"
tell "gradcam smooth 0.5" "0 Success"
tell "gradcam method counterfactual" "0 Success"
sleep 0.5
kill -INT $ffmpeg
wait $ffmpeg
status=$?
[ "$(values meta label | tr ' ' '\n' | uniq | paste -s -d ' ')" = "star heart" ] &&
    [ "$(values meta key | tr ' ' '\n' | grep -c 1)" -ge 3 ]
check "zmq: the commands take effect" $? \
    "status $status, $(values meta label | tr ' ' '\n' | uniq -c | paste -s -d ' '), $(tail -n 2 log)"

exit $bad
