#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# configure: its options, what it says when something is missing, and that it leaves the source tree alone.

bad=0
check() { # NAME STATUS: an `ok` line when STATUS is 0
    if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1: see the log"; bad=1; fi
}

"$SRC/configure" --help > help
status=$?
for option in --prefix --bindir --libdir --includedir --build --ffmpeg-source --disable-ffmpeg \
    --disable-programs --enable-sanitize --enable-debug --install-deps --cross-prefix --enable-cross-compile --arch \
    --sysroot --cc --target-exec; do
    grep -q -- "^  $option" help || { echo "no $option"; status=1; }
done
check "--help lists the options" $status

"$SRC/configure" --no-such-option > out 2>&1
[ $? != 0 ] && grep -q -- "unknown option --no-such-option" out
check "an unknown option is an error" $?

# From another directory, with all that is to be honoured.
CFLAGS=-O1 "$SRC/configure" --build=else --prefix=/opt/x --libdir=/opt/x/lib64 --disable-ffmpeg \
    --enable-sanitize=undefined LDFLAGS=-Wl,-O1 > out 2>&1 || cat out
grep -q '^CFLAGS = -O1 -fsanitize=undefined' else/config.mak \
    && grep -q '^LDFLAGS = -Wl,-O1 -fsanitize=undefined' else/config.mak \
    && grep -q '^LIBDIR = /opt/x/lib64$' else/config.mak && grep -q '^BINDIR = /opt/x/bin$' else/config.mak \
    && grep -q '^FFMPEG_ROUTE = $' else/config.mak
check "options and variables reach config.mak" $?
"$SRC/configure" --build=both --disable-ffmpeg --enable-sanitize=address,undefined > out 2>&1 || cat out
grep -q '^CFLAGS = .*-fsanitize=address,undefined .*-fno-sanitize-recover=undefined' both/config.mak \
    && grep -q '^SANITIZE = address,undefined$' both/config.mak
check "two sanitizers at once" $?
"$SRC/configure" --build=both --disable-ffmpeg --enable-sanitize=address,thread > out 2>&1
[ $? != 0 ] && grep -q 'unknown sanitizer address,thread' out
check "sanitizers that do not go together are refused" $?
[ "$(ls else | tr '\n' ' ')" = "config.log config.mak " ]
check "config.mak and config.log are all it writes" $?

# A cross compiler whose code happens to run here.
for tool in gcc ar pkg-config; do
    printf '#!/bin/sh\nexec %s "$@"\n' $tool > toy-$tool
    chmod +x toy-$tool
done
"$SRC/configure" --build=cross --cross-prefix="$PWD/toy-" --target-os=linux --target-exec="emulator -x" \
    --disable-programs > out 2>&1 || cat out
grep -q "^CC = $PWD/toy-gcc$" cross/config.mak && grep -q "^AR = $PWD/toy-ar$" cross/config.mak \
    && grep -q '^TARGET_EXEC = emulator -x$' cross/config.mak && grep -q '^AV_LIBS = $' cross/config.mak \
    && grep -q "^\$ $PWD/toy-pkg-config .*libprotobuf-c" cross/config.log \
    && ! grep -q libavformat cross/config.log
check "--cross-prefix names the tools" $?
make -n -f "$SRC/Makefile" BUILD=cross all tests > out 2>&1 && ! grep -q 'core/tools\|samples/watch\|test_scale' out
check "--disable-programs leaves out what uses FFmpeg's libraries" $?
"$SRC/configure" --build=lacking --cc="$PWD/toy-gcc" --arch=m68k --disable-ffmpeg > out 2>&1
[ $? != 0 ] && grep -q -- "--arch=m68k, but $PWD/toy-gcc makes code for" out
check "--arch is what the compiler makes code for" $?

mkdir "with space"
"$SRC/configure" --disable-ffmpeg --build="with space" > out 2>&1
[ $? != 0 ] && grep -q "cannot handle spaces" out
check "a build directory that make cannot handle is refused" $?

if [ -x /usr/bin/ffmpeg ]; then
    "$SRC/configure" --build=lacking --prefix=/usr --program-suffix= > out 2>&1
    [ $? != 0 ] && grep -q "overwrite the system's" out
    check "installation over the system's ffmpeg is refused" $?
fi

# A pkg-config that knows nothing, then a compiler that compiles nothing.
mkdir none
PKG_CONFIG_LIBDIR=$PWD/none "$SRC/configure" --disable-ffmpeg --build=lacking > out 2>&1
[ $? != 0 ] && grep -q "libprotobuf-c (Debian: libprotobuf-c-dev)" out \
    && grep -q "libavformat.*Debian: .*libavformat-dev" out \
    && grep -q "apt-get install.* libprotobuf-c-dev" out && [ ! -e lacking/config.mak ]
check "missing libraries are named with their packages" $?
grep -q "exists --print-errors libprotobuf-c" lacking/config.log
check "config.log holds the probe that failed" $?

printf '#!/bin/sh\necho broken compiler >&2\nexit 1\n' > cc
chmod +x cc
"$SRC/configure" --disable-ffmpeg --build=lacking CC="$PWD/cc" > out 2>&1
[ $? != 0 ] && grep -q "C compiler.*build-essential" out && grep -q "broken compiler" lacking/config.log \
    && grep -q "^| .*sqrtf" lacking/config.log
check "a broken compiler is named, its program is in config.log" $?

PROTOC_C=no-such-protoc "$SRC/configure" --disable-ffmpeg --build=lacking > out 2>&1
[ $? != 0 ] && grep -q "protoc-c (Debian: protobuf-c-compiler)" out
check "a missing program is named with its package" $?

make -f "$SRC/Makefile" BUILD=nothing help > out 2>&1
[ $? = 0 ] && grep -q "make test-long" out && [ ! -e nothing ]
check "make help works without a configuration" $?
exit $bad
