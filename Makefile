# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Everything that is built goes under $(BUILD); `make help` lists the targets. Sources are found by wildcard,
# so that a new file needs no edit here. Works from any directory: make -f /path/to/Makefile BUILD=dir.

# Absolute, so that it does not matter from where make is called.
SRC   := $(abspath $(dir $(firstword $(MAKEFILE_LIST))))
BUILD := build
override BUILD := $(abspath $(BUILD))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all lib cli ffmpeg frei0r samples tests test test-long fuzz bench demo install uninstall install-frei0r-user \
        uninstall-frei0r-user deb clean distclean help

help:
	@echo 'make            library, command line and ffmpeg with the gradcam filter, under $(BUILD)'
	@echo 'make lib        libgradcam.a, libgradcam.so.$(SOVERSION), gradcam.pc'
	@echo 'make cli        the gradcam command line'
	@echo 'make ffmpeg     ffmpeg, ffprobe and ffplay with the filter'
	@echo 'make frei0r     a plugin for the ffmpeg of the distribution, mpv, melt, Kdenlive, Shotcut'
	@echo 'make samples    the sample programs'
	@echo 'make tests      the test programs'
	@echo 'make test       run all tests but the long ones; TESTS=words: those whose name has one of them'
	@echo 'make test-long  the long ones: fuzzing, soaks'
	@echo 'make fuzz       damaged inputs and random calls, SECONDS=60 for each way in; best built with sanitizers'
	@echo 'make bench      time of kernels, of blending by pixel format, and of the filter beside others of FFmpeg'
	@echo 'make demo       heatmaps over a rendered scene, written to $(BUILD)/demo'
	@echo 'make install    to PREFIX, given to configure; DESTDIR is honoured'
	@echo 'make uninstall  remove what install put there'
	@echo 'make install-frei0r-user    the plugin alone, for one user: ~/.frei0r-1/lib'
	@echo 'make deb        Debian packages of all of it, in $(BUILD)/deb'
	@echo 'make clean      remove all that is built, but not the configuration'
	@echo 'make distclean  remove the configuration too'
	@echo
	@echo 'make demo and make test alone, on a fresh Debian, also install the packages they need and configure.'

# ---------------------------------------------------------------------------------------------- configuration

CONFIG := $(BUILD)/config.mak
BARE_GOALS := help clean distclean
ifneq ($(filter-out $(BARE_GOALS),$(or $(MAKECMDGOALS),all)),)
include $(CONFIG)
else
-include $(wildcard $(CONFIG))
endif

# The targets that work on a bare machine install what they need; the others only say what is missing. Packages that
# only tests use wait for these.
ifneq ($(filter demo test test-long,$(MAKECMDGOALS)),)
INSTALL_DEPS := --install-deps
endif
ifneq ($(filter test test-long,$(MAKECMDGOALS)),)
CONFIG_DEPS := --test-packages
ifeq ($(TEST_PACKAGES),no)
.PHONY: configure-again
$(CONFIG): configure-again
endif
endif

$(CONFIG): $(SRC)/configure
	@$(SRC)/configure $(CONFIGURE_ARGS) --build=$(BUILD) $(INSTALL_DEPS) $(CONFIG_DEPS)

VERSION   := $(shell sed -n 's/^\#define GRADCAM_VERSION_[A-Z]* *\([0-9]*\)/\1/p' $(SRC)/core/gradcam.h \
                 | paste -s -d .)
SOVERSION := $(firstword $(subst ., ,$(VERSION)))
SONAME    := libgradcam.so.$(SOVERSION)

# ------------------------------------------------------------------------------------------------------ flags

V ?= 0
ifeq ($(V),0)
say = @printf '  %-6s %s\n' $(1) $(patsubst $(BUILD)/%,%,$@);
else
say =
endif

WARNINGS := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
BASE_CFLAGS := -std=gnu11 $(WARNINGS) -fPIC -fvisibility=hidden -fno-math-errno -fmacro-prefix-map=$(SRC)/= \
               -pthread -MMD -MP
MODEL := $(wildcard $(SRC)/models/default.bin)
HEADERS := $(wildcard $(SRC)/core/gradcam*.h)

CORE_FLAGS = -I$(SRC)/core -I$(BUILD)/gen $(BLAS_CFLAGS) $(PROTOBUF_CFLAGS) \
             $(if $(MODEL),-DGCAM_HAVE_DEFAULT_MODEL)
LIB_LIBS   = $(BLAS_LIBS) $(PROTOBUF_LIBS) -lm -pthread

# Kernels of one instruction set have it in their file name and get its flags; all others run anywhere.
isa_flags = $(if $(findstring _avx.c,$(1)),$(AVX_FLAGS))$(if $(findstring _avx2.c,$(1)),$(AVX2_FLAGS))$(if \
    $(findstring _avx512.c,$(1)),$(AVX512_FLAGS))$(if $(findstring _avx512bf16.c,$(1)),$(AVX512BF16_FLAGS))$(if \
    $(findstring _neon.c,$(1)),$(NEON_FLAGS))

# What results depend on besides files: the flags, which sources there are, which ffmpeg is installed. Such a
# file is rewritten, and so newer, only when that changes.
remember = $(if $(wildcard $(CONFIG)),\
    $(shell mkdir -p $(dir $(1)); echo '$(2)' | cmp -s - $(1) || echo '$(2)' > $(1)))
FLAGS_FILE := $(BUILD)/gen/flags
SOURCES_FILE := $(BUILD)/gen/sources
FFMPEG_FILE := $(BUILD)/gen/ffmpeg
$(FLAGS_FILE) $(SOURCES_FILE) $(FFMPEG_FILE): ;
$(call remember,$(FLAGS_FILE),$(CC) $(BASE_CFLAGS) $(CORE_FLAGS) $(AV_CFLAGS) $(AVX_FLAGS) $(AVX2_FLAGS) \
    $(AVX512BF16_FLAGS) $(NEON_FLAGS) $(EVAL_CFLAGS) $(CFLAGS) $(LDFLAGS))

# ---------------------------------------------------------------------------------------------------- library

# Each may include only those before it; tests/build/test_wings.sh holds that. core/tools/ is the command line.
WINGS  := base graph detect kernels picture tensor ops plan model cam stream
CORE_C := $(wildcard $(foreach w,$(WINGS) graph/onnx tensor/conv,$(SRC)/core/$(w)/*.c))
CORE_C += $(if $(ARCH),$(wildcard $(SRC)/core/kernels/$(ARCH)/*.c))
CORE_S := $(if $(MODEL),$(SRC)/core/model/default_model.S)
PROTO  := $(wildcard $(SRC)/core/graph/onnx/onnx.proto)
GEN_C  := $(if $(PROTO),$(BUILD)/gen/onnx.pb-c.c)

object = $(patsubst $(SRC)/%,$(BUILD)/obj/%.o,$(basename $(1)))
CORE_OBJ := $(call object,$(CORE_C) $(CORE_S)) $(GEN_C:.c=.o)
LIB_A  := $(BUILD)/lib/libgradcam.a
LIB_SO := $(BUILD)/lib/$(SONAME)
LIB_PC := $(BUILD)/lib/pkgconfig/gradcam.pc

lib: $(LIB_A) $(LIB_SO) $(BUILD)/lib/libgradcam.so $(LIB_PC)

$(BUILD)/gen/onnx.pb-c.c: $(PROTO)
	@mkdir -p $(@D)
	$(call say,PROTOC)$(PROTOC_C) --proto_path=$(<D) --c_out=$(@D) $<
$(BUILD)/gen/onnx.pb-c.h: $(BUILD)/gen/onnx.pb-c.c ;

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c $(FLAGS_FILE)
	$(call say,CC)$(CCACHE) $(CC) $(BASE_CFLAGS) $(CORE_FLAGS) $(CFLAGS) -MT $@ -c -o $@ $<

# -MT: ccache, where it shares objects between directories, would name the object by a path that make does not know.
# The generated header must be there before the first compilation; later the dependency files know its users.
$(BUILD)/obj/core/%.o: $(SRC)/core/%.c $(FLAGS_FILE) | $(GEN_C)
	@mkdir -p $(@D)
	$(call say,CC)$(CCACHE) $(CC) $(BASE_CFLAGS) $(CORE_FLAGS) $(call isa_flags,$<) $(CFLAGS) -MT $@ -c -o $@ $<

# It contains the table, which the compiler does not tell.
$(BUILD)/obj/core/model/labels.o: $(SRC)/models/imagenet.tsv

# Where these look for networks and the catalogue.
$(BUILD)/obj/core/model/find.o $(BUILD)/obj/core/tools/catalogue.o: CORE_FLAGS += -DGCAM_DATADIR='"$(DATADIR)"'
$(BUILD)/obj/core/model/find.o $(BUILD)/obj/core/tools/catalogue.o: $(CONFIG)

$(BUILD)/obj/core/model/default_model.o: $(SRC)/core/model/default_model.S $(MODEL)
	@mkdir -p $(@D)
	$(call say,AS)$(CCACHE) $(CC) -DGCAM_DEFAULT_MODEL='"$(MODEL)"' -c -o $@ $<

$(LIB_A): $(CORE_OBJ) $(SOURCES_FILE)
	@mkdir -p $(@D)
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

# Only gradcam_* is visible: the rest is hidden, what comes out of static libraries too.
$(LIB_SO): $(CORE_OBJ) $(SOURCES_FILE)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--exclude-libs,ALL $(if $(SANITIZE),,-Wl,-z,defs) \
	    -o $@ $(filter %.o,$^) $(CFLAGS) $(LDFLAGS) \
	    $(or $(BLAS_STATIC),$(BLAS_LIBS)) $(PROTOBUF_LIBS) -lm -pthread

$(BUILD)/lib/libgradcam.so: $(LIB_SO)
	@ln -sf $(SONAME) $@

# For use in the build directory; filter/packaging/install writes that of the installed place.
$(LIB_PC): $(SRC)/core/gradcam.pc.in $(SRC)/core/gradcam.h $(CONFIG)
	@mkdir -p $(@D)
	@sed -e 's|@prefix@|$(SRC)|' -e 's|@libdir@|$(BUILD)/lib|' -e 's|@includedir@|$(SRC)/core|' \
	    -e 's|@version@|$(VERSION)|' -e 's|@private@|$(BLAS_LIBS) -lm -pthread|' $< > $@

# ---------------------------------------------------------------------------- command line, samples and tests

# Programs are what has a main, and the tests. The rest they share, as archives, so that each takes only what
# it uses: the filter's scaler and the scene renderer, and the helpers of tests.
with_main = $(if $(strip $(1)),$(shell grep -l '^int main\b' $(1)))
# Those that host the filter, and those that use FFmpeg's libraries, are left out where they cannot be linked.
hosts = $(if $(strip $(1)),$(shell grep -l '^.include <libavfilter/' $(1)))
FRAME_H := frame|rotate|scale|unpack
users = $(if $(strip $(1)),$(shell grep -lE '^.include (<lib(av|sw)|"($(FRAME_H)).h"|"model/picture.h")' $(1)))
linkable = $(filter-out $(if $(AVFILTER_LIBS),,$(call hosts,$(1))) $(if $(AV_LIBS),,$(call users,$(1))),$(1))
TOOL_C := $(if $(AV_LIBS),$(wildcard $(SRC)/core/tools/*.c $(SRC)/core/tools/eval/*.c))
SAMPLES_C := $(call linkable,$(wildcard $(SRC)/samples/*.c))
SAMPLE_MAIN_C := $(call with_main,$(SAMPLES_C))
TESTS_C := $(call linkable,$(wildcard $(SRC)/tests/*/*.c))
TEST_MAIN_C := $(sort $(call with_main,$(TESTS_C)) \
                 $(filter $(wildcard $(addprefix $(SRC)/tests/*/,test_*.c long_*.c)),$(TESTS_C)))
FRAME_C := $(call linkable,$(wildcard $(addprefix $(SRC)/filter/,frame.c rotate.c scale.c unpack.c)))
AUX_C  := $(FRAME_C) $(filter-out $(SAMPLE_MAIN_C),$(SAMPLES_C))
AUX_A  := $(BUILD)/lib/libaux.a
TEST_AUX_C := $(filter-out $(TEST_MAIN_C),$(TESTS_C))
TEST_AUX_A := $(BUILD)/lib/libtestaux.a

CLIENT_FLAGS = $(CORE_FLAGS) -I$(SRC)/filter -I$(SRC)/filter/frei0r -I$(SRC)/samples -I$(SRC)/tests $(AV_CFLAGS)
CLIENT_LIBS  = $(AUX_A) $(LIB_A) -Wl,--as-needed $(AV_LIBS) $(LIB_LIBS)

SAMPLE_BIN := $(patsubst $(SRC)/%.c,$(BUILD)/%,$(SAMPLE_MAIN_C))
TEST_BIN := $(patsubst $(SRC)/%.c,$(BUILD)/%,$(TEST_MAIN_C))
HOST_BIN := $(patsubst $(SRC)/%.c,$(BUILD)/%,$(call hosts,$(SAMPLE_MAIN_C) $(TEST_MAIN_C)))
$(call remember,$(SOURCES_FILE),$(CORE_OBJ) $(AUX_C) $(TEST_AUX_C) $(TOOL_C))
CLIENT_OBJ := $(sort $(call object,$(TOOL_C) $(SAMPLES_C) $(TESTS_C) $(AUX_C)))

cli: $(if $(TOOL_C),$(BUILD)/bin/gradcam)
samples: $(SAMPLE_BIN)
tests: $(TEST_BIN) $(BUILD)/frei0r/gradcam.so

$(filter-out $(CORE_OBJ),$(CLIENT_OBJ)): $(BUILD)/obj/%.o: $(SRC)/%.c $(FLAGS_FILE) | $(GEN_C)
	@mkdir -p $(@D)
	$(call say,CC)$(CCACHE) $(CC) $(BASE_CFLAGS) $(CLIENT_FLAGS) $(CFLAGS) -MT $@ -c -o $@ $<

$(AUX_A): $(call object,$(AUX_C)) $(SOURCES_FILE)
$(TEST_AUX_A): $(call object,$(TEST_AUX_C)) $(SOURCES_FILE)
$(AUX_A) $(TEST_AUX_A):
	@mkdir -p $(@D)
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

# Data sets of XML and JSON are read by libraries, where these are there.
$(call object,$(wildcard $(SRC)/core/tools/eval/*.c)): CORE_FLAGS += $(EVAL_CFLAGS)
$(BUILD)/bin/gradcam: CLIENT_LIBS += $(EVAL_LIBS)

$(BUILD)/bin/gradcam: $(call object,$(TOOL_C)) $(AUX_A) $(LIB_A) $(SOURCES_FILE)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(LDFLAGS) $(CLIENT_LIBS)

# What libavfilter itself needs is looked up by the same path.
$(HOST_BIN): CLIENT_LIBS += $(AVFILTER_LIBS) -Wl,--disable-new-dtags,-rpath,$(BUILD)/ffmpeg/lib

$(SAMPLE_BIN): $(BUILD)/%: $(BUILD)/obj/%.o $(AUX_A) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) -o $@ $< $(LDFLAGS) $(CLIENT_LIBS)

# Put functions of their own in the place of others; a sanitizer of memory or threads has an allocator of its own.
$(BUILD)/tests/model/test_weights_once: LDFLAGS += -Wl,--wrap=gcam_kernels
ifneq ($(filter-out undefined,$(SANITIZE)),)
COUNTING_BIN := $(patsubst $(SRC)/%.c,$(BUILD)/%,$(shell grep -l 'model/counted_alloc.h"' $(TEST_MAIN_C)))
$(COUNTING_BIN): LDFLAGS += $(foreach name,malloc calloc realloc posix_memalign strdup free \
                                             pthread_create,-Wl,--wrap=$(name))
endif

$(TEST_BIN): $(BUILD)/%: $(BUILD)/obj/%.o $(TEST_AUX_A) $(AUX_A) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) -o $@ $< $(LDFLAGS) $(TEST_AUX_A) $(CLIENT_LIBS)

# ----------------------------------------------------------------------------------------------------- ffmpeg

# Made from the filter's sources and the public headers; a changed library is taken up without a new build.
FFMPEG_DONE := $(BUILD)/ffmpeg/$(FFMPEG_ROUTE)
FFMPEG_FILES := $(wildcard $(SRC)/filter/*.[ch]) $(addprefix $(SRC)/filter/,register wrapper $(FFMPEG_ROUTE)) \
                $(HEADERS)
$(call remember,$(FFMPEG_FILE),$(FFMPEG_ROUTE) $(or $(FFMPEG_SOURCE),$(shell dpkg-query -W ffmpeg 2>&1)))

ffmpeg: $(if $(FFMPEG_ROUTE),$(FFMPEG_DONE))

$(BUILD)/ffmpeg/dropin: $(FFMPEG_FILES) $(FFMPEG_FILE) $(LIB_PC) | $(LIB_SO) $(BUILD)/lib/libgradcam.so
	@$(SRC)/filter/dropin $(INSTALL_DEPS) $(BUILD)
	@touch $@

$(BUILD)/ffmpeg/standalone: $(FFMPEG_FILES) $(FFMPEG_FILE) $(LIB_PC) | $(LIB_SO) $(BUILD)/lib/libgradcam.so
	@CC='$(CC)' $(SRC)/filter/standalone $(INSTALL_DEPS) $(FFMPEG_SOURCE) $(BUILD) '$(LIBDIR)'
	@touch $@

# ----------------------------------------------------------------------------------------------------- frei0r

# One object that needs no other library of ours, nor what may be missing where it is copied to: only f0r_* is visible.
FREI0R_SO := $(BUILD)/frei0r/gradcam.so
FREI0R_OBJ := $(call object,$(wildcard $(SRC)/filter/frei0r/*.c))

frei0r: $(FREI0R_SO)

$(FREI0R_OBJ): $(BUILD)/obj/%.o: $(SRC)/%.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(call say,CC)$(CCACHE) $(CC) $(BASE_CFLAGS) $(CORE_FLAGS) $(CFLAGS) -MT $@ -c -o $@ $<

$(FREI0R_SO): $(FREI0R_OBJ) $(LIB_A) $(CONFIG)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) -shared -Wl,--exclude-libs,ALL $(if $(SANITIZE),,-Wl,-z,defs) -o $@ $(filter %.o,$^) $(LIB_A) \
	    $(CFLAGS) $(LDFLAGS) $(or $(BLAS_STATIC),$(BLAS_LIBS)) $(or $(PROTOBUF_STATIC),$(PROTOBUF_LIBS)) -lm -pthread

# ---------------------------------------------------------------------------------------- all, tests and demo

all: lib cli samples frei0r ffmpeg

test: all tests
	@BUILD=$(BUILD) $(SRC)/tests/run $(TESTS)

test-long: all tests
	@BUILD=$(BUILD) $(SRC)/tests/run --long $(TESTS)

# Each in a directory of its own; what crashes is left there, and names the seed and the number that replay it.
FUZZ_BIN := $(filter $(BUILD)/tests/fuzz/test_fuzz_%,$(TEST_BIN))
SECONDS := 60
fuzz: $(FUZZ_BIN)
	@bad=0; for program in $(FUZZ_BIN); do dir=$(BUILD)/fuzz/$${program##*/}; mkdir -p $$dir; \
	    (cd $$dir && $$program time $(SECONDS)) || bad=1; done; exit $$bad

BENCH_BIN := $(filter $(BUILD)/tests/bench/%,$(TEST_BIN))
bench: $(BENCH_BIN) ffmpeg
	@$(BUILD)/tests/bench/bench_kernels
	@echo
	@$(BUILD)/tests/bench/bench_blend
	@echo
	@BUILD=$(BUILD) $(SRC)/tests/bench/filters.py

demo: all
	@$(SRC)/samples/demo.sh $(BUILD)

# ----------------------------------------------------------------------------------------------- installation

INSTALL_ENV = PREFIX='$(PREFIX)' BINDIR='$(BINDIR)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' DATADIR='$(DATADIR)' \
              MANDIR='$(MANDIR)' DESTDIR='$(DESTDIR)' \
              PROGRAM_SUFFIX='$(PROGRAM_SUFFIX)' FFMPEG_ROUTE='$(FFMPEG_ROUTE)' STRIP='$(if $(SANITIZE),,$(STRIP))' \
              VERSION='$(VERSION)' SONAME='$(SONAME)' PRIVATE_LIBS='$(BLAS_LIBS) -lm -pthread'

install: all
	@$(INSTALL_ENV) $(SRC)/filter/packaging/install install $(BUILD)

uninstall:
	@$(INSTALL_ENV) $(SRC)/filter/packaging/install uninstall $(BUILD)

# For the machine and the release that it is built on.
deb: all
	@$(INSTALL_ENV) $(SRC)/filter/packaging/deb $(BUILD)

# Where frei0r's hosts look for what belongs to one user.
FREI0R_USER = $(DESTDIR)$(HOME)/.frei0r-1/lib
install-frei0r-user: frei0r
	@mkdir -p '$(FREI0R_USER)'
	@install -m 755 $(if $(SANITIZE),,-s --strip-program='$(STRIP)') $(FREI0R_SO) '$(FREI0R_USER)/gradcam.so'
	@echo 'Installed $(FREI0R_USER)/gradcam.so'

uninstall-frei0r-user:
	rm -f '$(FREI0R_USER)/gradcam.so'

clean:
	rm -rf $(addprefix $(BUILD)/,bin lib gen obj tests samples demo frei0r deb ffmpeg)

# As after a fresh checkout: also what configure and the tests wrote.
distclean: clean
	rm -rf $(addprefix $(BUILD)/,apt config.mak config.log)
	@rmdir $(BUILD) 2> /dev/null || echo 'make: $(BUILD) has other files in it and stays'

-include $(wildcard $(patsubst %.o,%.d,$(CORE_OBJ) $(CLIENT_OBJ) $(FREI0R_OBJ)))
