#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 7200
#
# The filter in the FFmpegs of other Debian suites than the installed one's: of each source package, the part that is
# FFmpeg's own is fetched, a small FFmpeg is built with the filter and with this build's libgradcam, and the filter's
# tests are run on it.
#
#     SUITES="trixie sid"           the suites
#     FFMPEG_TREES="/DIR ..."       source trees instead; they are copied
#
# Package lists are the test's own: nothing is installed, and the system's lists stay as they are.

unset MAKEFLAGS MFLAGS PKG_CONFIG_LIBDIR
here=$PWD
bad=0

# What the tests use of FFmpeg, and the libraries that they use if they are there: option, module of pkg-config.
components='
--enable-filter=gradcam,alphaextract,alphamerge,blend,color,concat,crop,drawbox,drawgraph,drawtext,extractplanes
--enable-filter=format,fps,geq,hstack,life,loop,lut,lutrgb,lutyuv,mandelbrot,maskedmerge,metadata,negate,noise,null
--enable-filter=nullsrc,overlay,pad,perms,psnr,realtime,scale,select,sendcmd,setfield,setpts,setsar,showinfo,smptebars
--enable-filter=split,testsrc,testsrc2,trim,zmq,hflip,interleave,setparams,settb,smptehdbars,transpose,vflip,vignette
--enable-encoder=ffv1,flv,libx264,mjpeg,mpeg2video,mpeg4,png,rawvideo,wrapped_avframe
--enable-decoder=ffv1,flv,h264,mjpeg,mpeg2video,mpeg4,png,rawvideo,wrapped_avframe
--enable-parser=h264,mjpeg,mpeg4video,mpegvideo,png --enable-bsf=noise
--enable-muxer=avi,flv,framemd5,image2,matroska,mov,mp4,mpegts,null,rawvideo,rtsp,segment
--enable-demuxer=avi,concat,flv,image2,matroska,mov,mpegts,rawvideo,rtsp
--enable-protocol=file,pipe,fd,rtmp,rtp,tcp,udp --enable-indev=lavfi,xcbgrab --enable-outdev=sdl2'
libraries='
zlib zlib
libx264 x264
libfreetype freetype2
libharfbuzz harfbuzz
libfontconfig fontconfig
libzmq libzmq
libxcb xcb
libxcb-shm xcb-shm
sdl2 sdl2'

# PROGRAM ARGUMENT...: of apt, with the lists of $suite.
apt() {
    program=$1
    shift
    "$program" -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$here/$suite/sources" \
        -o Dir::State::lists="$here/$suite/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root "$@"
}

# Versions of ffmpeg in $suite, the newest first; tells in ./log why there is none.
versions() {
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 2> /dev/null | head -n 1)
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$suite/lists/partial" "$suite/sources" || return
    {
        printf 'Types: deb-src\nURIs: %s\n' "${mirror:-http://deb.debian.org/debian}"
        printf 'Suites: %s\nComponents: main\n' "$suite"
        [ ! -f $keys ] || echo "Signed-By: $keys"
    } > "$suite/sources/debian.sources"
    apt apt-get update > log 2>&1 && apt apt-cache showsrc ffmpeg 2>> log | sed -n 's/^Version: //p' | sort -Vru
}

# VERSION: unpacks FFmpeg's own part of it beneath ./$suite/tree; tells in ./log why not.
fetch() {
    rm -rf "$suite/tree"
    mkdir -p "$suite/tree" &&
        (cd "$suite/tree" && apt apt-get source --tar-only "ffmpeg=$1" && tar -xf ffmpeg_*.orig.tar.*z) > log 2>&1
}

# What apt said first about what failed.
reason() {
    grep '^E:' log | head -n 1
}

# TREE: options for the libraries that are there and that this FFmpeg knows.
library_options() {
    echo "$libraries" | while read -r option module; do
        grep -Eq -- "--(enable|disable)-$option( |\$)" "$1/configure" && pkg-config --exists "$module" &&
            echo "--enable-$option"
    done
    command -v nasm > /dev/null || echo "--disable-x86asm"
}

# TREE PREFIX: builds and installs there. What is said is in ./log.
build() {
    cc=cc
    ! command -v ccache > /dev/null || cc="ccache cc"
    "$SRC/filter/register" "$1" > log 2>&1 || return
    # shellcheck disable=SC2046,SC2086
    (cd "$1" && PKG_CONFIG_PATH=$BUILD/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH} ./configure --cc="$cc" \
        --prefix="$2" --disable-everything --disable-autodetect --disable-doc --disable-debug --disable-ffplay \
        --enable-gpl --enable-libgradcam $components $(library_options .)) > log 2>&1 || return
    LD_RUN_PATH=$BUILD/lib make -C "$1" -j"$(nproc)" install > log 2>&1
}

# PREFIX DIR: makes a build directory of it, with the sample program of that libavfilter.
equip() {
    mkdir -p "$2/tests" "$2/samples" || return
    ln -s "$1/bin" "$2/bin" && ln -s "$BUILD/bin/gradcam" "$2/bin/" && ln -s "$BUILD/lib" "$2/lib" &&
        ln -s "$BUILD/tests/filter" "$2/tests/filter" || return
    # shellcheck disable=SC2046
    LD_RUN_PATH=$BUILD/lib ${CC:-cc} -Wall -Wextra -Werror -o "$2/samples/watch" "$SRC/samples/watch.c" \
        $(PKG_CONFIG_PATH=$1/lib/pkgconfig:$BUILD/lib/pkgconfig pkg-config --static --cflags --libs \
            libavfilter libavformat libavcodec libavutil) > log 2>&1
}

# NAME TREE: builds the tree and runs the tests on it.
try() {
    release=$(cat "$2/RELEASE" 2> /dev/null)
    name="FFmpeg $release, $1"
    prefix=$here/prefix-$release dir=$here/build-$release
    rm -rf "$prefix" "$dir"
    if ! build "$2" "$prefix"; then
        grep -E 'error|ERROR|Error' log | head -n 5
        fail "it cannot be built: $(grep -E 'error|ERROR|filter/register' log | head -n 1)"
        return
    fi
    if grep -E '(libavfilter/gradcam/|gradcam\.h).*warning:' log > warnings; then
        cat warnings
        fail "$(wc -l < warnings) warnings, the first: $(head -n 1 warnings)"
        return
    fi
    equip "$prefix" "$dir" || { cat log; fail "no sample program: $(grep error log | head -n 1)"; return; }
    "$SRC/tests/run" --build="$dir" filter/test_ > results 2>&1
    status=$?
    sed 's/^/# /' results
    counts=$(tail -n 1 results)
    failed=$(sed -n 's/^not ok - \(filter \)\?\([^:]*\).*/\2/p' results | sort -u | paste -s -d ';')
    if [ $status = 0 ]; then
        echo "ok - filter in $name: $counts"
    else
        fail "$counts: $failed"
    fi
    rm -rf "$2" "$prefix" "$dir"
}
fail() {
    echo "not ok - filter in $name: $1"
    bad=1
}

[ -f "$BUILD/lib/pkgconfig/gradcam.pc" ] || { echo "skip - filter versions: no library was built"; exit 0; }
! grep -q '^SANITIZE *:*= *[a-z]' "$BUILD/config.mak" ||
    { echo "skip - filter versions: the library has a sanitizer, which these programs are built without"; exit 0; }

if [ -n "${FFMPEG_TREES-}" ]; then
    number=0
    for tree in $FFMPEG_TREES; do
        number=$((number + 1))
        cp -R "$tree" "$here/copy-$number" || { name=$tree fail "it cannot be copied"; continue; }
        [ ! -f "$here/copy-$number/config.h" ] || make -C "$here/copy-$number" distclean > log 2>&1
        try "$tree" "$here/copy-$number"
    done
    exit $bad
fi
command -v apt-get > /dev/null || { echo "skip - filter versions: no apt-get"; exit 0; }
seen=
for suite in ${SUITES-trixie sid}; do
    versions=$(versions)
    [ -n "$versions" ] || echo "skip - filter in the FFmpeg of $suite: no source package: $(reason)"
    for version in $versions; do
        case " $seen " in *" $version "*) continue ;; esac
        seen="$seen $version"
        if fetch "$version"; then
            try "$suite" "$(echo "$here/$suite/tree"/ffmpeg-*/)"
        else
            echo "skip - filter in ffmpeg $version of $suite: no source: $(reason)"
        fi
    done
done
exit $bad
