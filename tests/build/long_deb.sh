#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 3600
#
# The packages that `make deb` makes, installed with what they depend on into a bare system of the same release (by
# debootstrap, as root; or DEB_CHROOT, where there is one), and used there: command line, the plugin in its ffmpeg, a
# program in C, and the filter where packages have it. Nothing is left of them once they are removed.

bad=0
check() { # NAME STATUS: an `ok` line when STATUS is 0
    if [ "$2" = 0 ]; then echo "ok - deb: $1"; else echo "not ok - deb: $1: see the log"; bad=1; fi
}
skip() {
    echo "skip - deb: $1"
    exit $bad
}
command -v dpkg-deb > /dev/null && command -v dpkg-shlibdeps > /dev/null || skip "there is no dpkg-dev"
! grep -q '^SANITIZE = .' "$BUILD/config.mak" || skip "packages are not made with a sanitizer"

make -C "$SRC" BUILD="$BUILD" deb
check "make deb" $?
for package in "$BUILD"/deb/*.deb; do
    name=$(basename "$package")
    dpkg-deb -c "$package" > list
    ! grep -v ' root/root ' list && ! grep -E ' \./usr/bin/(ffmpeg|ffprobe|ffplay|mpv)$' list
    check "$name: files of root, and none of ffmpeg's names" $?
    dpkg-deb -x "$package" tree
done
! grep -rlF "$BUILD" tree
check "nothing points into the build directory" $?

[ "$(id -u)" = 0 ] && command -v debootstrap > /dev/null || skip "a bare system needs root and debootstrap"
. /etc/os-release
root=${DEB_CHROOT:-$PWD/root}
[ -d "$root/usr" ] || debootstrap --variant=minbase "$VERSION_CODENAME" "$root" http://deb.debian.org/debian \
    || skip "debootstrap could not make a bare system"
cp /etc/resolv.conf "$root/etc/"
mkdir -p "$root/deb"
cp "$BUILD"/deb/*.deb "$SRC/samples/hello.c" "$SRC/samples/demo.jpg" "$root/deb/"
inside() { DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
inside apt-get update && inside apt-get install -y --no-install-recommends ffmpeg pkg-config gcc libc6-dev \
    && inside apt-get install -y --no-install-recommends $(cd "$root" && ls -d deb/*.deb | sed 's|^|/|')
check "they are installed with what they need" $?

inside gradcam explain /deb/demo.jpg -c star -o /deb/star.png && [ -s "$root/deb/star.png" ]
check "the command line runs" $?
inside sh -c 'ffmpeg -v error -nostdin -i /deb/demo.jpg -vf format=rgba -f framemd5 /deb/plain.md5 \
    && ffmpeg -v error -nostdin -i /deb/demo.jpg -vf "format=rgba,frei0r=gradcam:|star" -f framemd5 /deb/heat.md5 \
    && ! cmp /deb/plain.md5 /deb/heat.md5'
check "the plugin runs in its ffmpeg" $?
inside sh -c 'cd /deb && gcc hello.c $(pkg-config --cflags --libs gradcam) -o hello \
    && ffmpeg -v error -nostdin -y -i demo.jpg in.ppm && ./hello "" star in.ppm out.ppm && ! cmp in.ppm out.ppm'
check "a program in C is built and runs" $?
if [ -x "$root/usr/bin/ffmpeg-gradcam" ]; then
    inside ffmpeg-gradcam -v error -nostdin -i /deb/demo.jpg -vf gradcam=class=star -f null - \
        && ! inside ffmpeg -hide_banner -filters | grep -q ' gradcam '
    check "the filter runs, beside an ffmpeg that is as it was" $?
fi
inside sh -c 'dpkg --purge $(dpkg-query -W -f "\${Package} \${Source}\\n" | awk "\$2 == \"gradcam\" { print \$1 }")'
[ -z "$(find "$root/usr" -name '*gradcam*')" ]
check "nothing is left when they are removed" $?
exit $bad
