#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What others see of the library: exported symbols, pkg-config, installation and removal.

bad=0
check() { # NAME STATUS: an `ok` line when STATUS is 0
    if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1: see the log"; bad=1; fi
}
CC=$(sed -n 's/^CC = //p' "$BUILD/config.mak")
sanitize=$(sed -n 's/^SANITIZE = \(.\)/-fsanitize=\1/p' "$BUILD/config.mak")
so=$(echo "$BUILD"/lib/libgradcam.so.*)
programs=yes
! grep -qx 'AV_LIBS = ' "$BUILD/config.mak" || programs=no

nm -D --defined-only "$so" | awk '{ print $3 }' | grep -v '^gradcam_' > foreign
cat foreign
nm -D --defined-only "$so" | grep -q ' T gradcam_version$' && [ ! -s foreign ]
check "only gradcam_* is exported" $?

sed -n 's/^GRADCAM_API .*\(gradcam_[a-z0-9_]*\)(.*/\1/p; s/^GRADCAM_API .*(\*\(gradcam_[a-z0-9_]*\)(.*/\1/p' \
    "$SRC"/core/gradcam*.h | sort -u > declared
nm -D --defined-only "$so" | awk '{ print $3 }' | sort -u > exported
diff declared exported
check "what the headers declare is what the library exports" $?

nm --defined-only "$BUILD/lib/libgradcam.a" 2> /dev/null | awk '$2 ~ /[A-Z]/ { print $3 }' \
    | grep -Ev '^(gradcam_|gcam_|onnx__|_*DW\.ref|__(asan|odr_asan|ubsan|tsan))' > foreign
cat foreign
[ ! -s foreign ]
check "names inside begin with gradcam_ or gcam_" $?

# No call that ends, prints or changes the host. (Sanitizers bring such calls of their own.)
if [ -z "$sanitize" ]; then
    nm --undefined-only "$BUILD/lib/libgradcam.a" 2> /dev/null | awk '{ print $2 }' | sort -u \
        | grep -xE -e 'exit|_exit|abort|printf|__printf_chk|puts|putchar|perror|stdout|stderr' \
            -e 'setenv|unsetenv|putenv|signal|sigaction|setlocale|openblas_set_num_threads' > calls
    cat calls
    [ ! -s calls ]
    check "the library neither ends, prints nor changes its host" $?
fi

cat > client.c <<'END'
#include <gradcam.h>
#include <stdio.h>
int main(void) { return puts(gradcam_version()) < 0 || !gradcam_cpu()[0]; }
END
version=$(sed -n 's/^Version: //p' "$BUILD/lib/pkgconfig/gradcam.pc")
export PKG_CONFIG_PATH="$BUILD/lib/pkgconfig"
$CC $sanitize client.c -o client $(pkg-config --cflags --libs gradcam) \
    && [ "$(LD_LIBRARY_PATH=$BUILD/lib ./client)" = "$version" ] \
    && pkg-config --exact-version="$version" gradcam
check "a program builds with pkg-config in the build directory" $?

DEST=$PWD/dest
# (From where the source is: with a base_dir, ccache writes dependencies relative to it.)
install_to() {
    make -C "$SRC" BUILD="$BUILD" DESTDIR="$DEST" "$1" > "$1.log" 2>&1 || { cat "$1.log"; false; }
}
install_to install
check "make install DESTDIR=" $?
prefix=$(sed -n 's/^PREFIX = //p' "$BUILD/config.mak")
libdir=$(sed -n 's/^LIBDIR = //p' "$BUILD/config.mak")
bindir=$(sed -n 's/^BINDIR = //p' "$BUILD/config.mak")
find "$DEST" \( -type f -o -type l \) > installed
cat installed
[ -f "$DEST$libdir/pkgconfig/gradcam.pc" ] && [ -L "$DEST$libdir/libgradcam.so" ] \
    && { [ $programs = no ] || [ -x "$DEST$bindir/gradcam" ]; } \
    && ! grep -l "$BUILD" "$DEST$libdir/pkgconfig/gradcam.pc" \
    && ! { find "$DEST$bindir" -type f -size -4k | xargs grep -l "$BUILD"; }
check "what is installed does not point into the build directory" $?

# As a package would be used: the same paths below a root of its own.
export PKG_CONFIG_PATH="$DEST$libdir/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$DEST"
$CC $sanitize client.c -o client $(pkg-config --cflags --libs gradcam) \
    && [ "$(LD_LIBRARY_PATH=$DEST$libdir ./client)" = "$version" ]
check "a program builds with the installed library" $?
unset PKG_CONFIG_SYSROOT_DIR
$CC $sanitize client.c -o static -I"$DEST$prefix/include" "$DEST$libdir/libgradcam.a" \
    $(PKG_CONFIG_PATH=$BUILD/lib/pkgconfig pkg-config --static --libs gradcam | sed 's/-lgradcam//') \
    && [ "$(./static)" = "$version" ]
check "a program links the static library" $?
if [ $programs = yes ]; then
    "$DEST$bindir/gradcam" --version > out 2>&1 || "$DEST$bindir/gradcam" --help > out 2>&1
    check "the installed command line runs" $?
else
    [ ! -e "$DEST$bindir/gradcam" ]
    check "no command line is installed without FFmpeg's libraries" $?
fi

install_to uninstall
find "$DEST" \( -type f -o -type l \) > left
cat left
[ ! -s left ]
check "make uninstall leaves nothing" $?

make -q -C "$SRC" BUILD="$BUILD" lib
check "nothing is to be done after a build" $?
exit $bad
