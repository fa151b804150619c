/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libgradcam: where does a neural network look?
 *
 * The library reads a trained image classifier (ONNX, or the compiled form that `gradcam compile` writes), runs it on
 * pictures, and computes class activation maps: for each class a small map of how much each place of the picture
 * speaks for it. This header is all that maps need; gradcam_picture.h lays them over pictures of any common pixel
 * format, gradcam_motion.h lets them follow motion. It knows nothing of FFmpeg.
 *
 * In order of need:
 *
 *     GradcamModel *model = NULL;
 *     GradcamContext *context = NULL;
 *     GradcamTargets *dog = NULL;
 *     gradcam_model_open(&model, "vgg16.bin", NULL);               // 1. a network
 *     gradcam_targets_resolve(&dog, model, "dog", NULL);            // 2. what to look for
 *     gradcam_context_open(&context, model, NULL);                  // 3. memory and threads to run it with
 *     gradcam_context_forward(context, rgb, 3 * width);             // 4. a picture at the network's size
 *     gradcam_context_map(context, gradcam_targets_at(dog, 0), NULL, map, room, NULL);    // 5. its map, by Grad-CAM
 *
 * Then gradcam_map_normalize() and what gradcam_picture.h has make it visible; gradcam_motion.h moves maps along with a
 * video's content. For video, GradcamStream runs steps 4 and 5 on background threads.
 *
 * Errors: functions that can fail return 0 or a negative errno value: -EINVAL a mistake of the caller, -ENOMEM,
 * -ENOENT no such file, class or layer, -EBADMSG a malformed model, -ENOTSUP a valid model with something in it that
 * is not supported, -ENOSPC a buffer that is too small, -EIO and other values of the system for files. One sentence
 * that names the thing at fault goes to the log callback. Constructors take `T **out` and set *out to NULL when they
 * fail. Destructors take `T **`, accept NULL and pointers to NULL, and set *out to NULL.
 *
 * Structs that grow: where the first member is `size`, the caller sets it to sizeof of the struct, of those that the
 * library reads and of those that it fills alike. Later releases add members at the end; the library takes for 0 what
 * a caller's struct does not have, and leaves alone what is behind its end. All zeros are defaults, and a size of 0
 * stands for the struct of the first release. In an array of such structs the first one's size is that of all. Structs
 * that the library has and hands out one by one, by pointer (GradcamModelInfo, GradcamLayer, GradcamResult ...), grow
 * at their end too. These stay as they are: GradcamLog, GradcamPreprocessing, GradcamRange, GradcamTargets,
 * GradcamMethodOption, GradcamMethod, GradcamResultMap; of pictures GradcamRegion, GradcamComponent, GradcamPicture; of
 * motion GradcamMotionVector, GradcamShift.
 *
 * What belongs to a model (names, labels, layers, inputs) is valid until its last reference is closed. Contexts and
 * streams hold one of their own. Targets have copies of all: they outlive the model that they were resolved with.
 *
 * Threads: a model is immutable and may be shared by any number of threads. Every other object is used by one thread
 * at a time. Functions without such an object, on tables, names and maps, may be called by any thread. The library
 * starts threads only in contexts and streams, and joins them when those are closed. While a context computes, its
 * threads and the caller's take denormal numbers for zero; the caller's own floating point mode is back when the call
 * returns. It never prints, exits, or changes global state of its host.
 */
#ifndef GRADCAM_H
#define GRADCAM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GRADCAM_API __attribute__((visibility("default")))
#else
#define GRADCAM_API
#endif

#define GRADCAM_VERSION_MAJOR 0
#define GRADCAM_VERSION_MINOR 1
#define GRADCAM_VERSION_PATCH 0
#define GRADCAM_VERSION (GRADCAM_VERSION_MAJOR * 1000000 + GRADCAM_VERSION_MINOR * 1000 + GRADCAM_VERSION_PATCH)

// Version of the library that runs, "0.1.0". Static string.
GRADCAM_API const char *gradcam_version(void);

// The same as a number, to be compared with GRADCAM_VERSION, which is the header's. Releases of one major number, 0
// included, go together: they add functions, and members at the end of structs (see above), and change neither; so
// the library's name, libgradcam.so.0, has the major number only. A program that was compiled with an older header
// runs with a newer library; one of a newer header asks here before it uses what an older library has not.
GRADCAM_API int gradcam_version_number(void);

// A short sentence for an error that a function of this library returned. Static string, never NULL.
GRADCAM_API const char *gradcam_strerror(int error);

// Instruction set that the kernels use on this machine: "generic", which is C and OpenBLAS; on x86-64 "sse2", "avx",
// "avx2" (with FMA and F16C), "avx512", "avx512bf16"; on AArch64 "neon". Static string. The environment variable
// GRADCAM_CPU, read once, lowers it to one of these names (for tests).
GRADCAM_API const char *gradcam_cpu(void);

// ---------------------------------------------------------------------------------------------------------------- log

enum GradcamLogLevel {
    GRADCAM_LOG_ERROR,
    GRADCAM_LOG_WARNING,
    GRADCAM_LOG_INFO,
    GRADCAM_LOG_DEBUG,
};

// "error", "warning", "info", "debug"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_log_level_name(enum GradcamLogLevel level);
GRADCAM_API int gradcam_log_level_find(const char *name);

// Receives one message, a single line without its newline; valid during the call. May be called from the library's
// threads, one call at a time per object. A GradcamLog of zeros is silent.
typedef struct GradcamLog {
    void (*callback)(void *opaque, enum GradcamLogLevel level, const char *message);
    void *opaque;
} GradcamLog;

// -------------------------------------------------------------------------------------------------------------- model

// A network: its graph and weights, labels, preprocessing. Immutable, reference counted.
typedef struct GradcamModel GradcamModel;

// How pixels become the network's input: x = (pixel - mean) / std for each channel, pixel in 0..255. Of a grey picture
// the first of each counts; every frame of a stack is treated alike.
typedef struct GradcamPreprocessing {
    float mean[3];              // in the network's own channel order
    float std[3];               // each > 0
    int bgr;                    // the network's channel order is B, G, R
} GradcamPreprocessing;

// What many networks were trained with, under a name.
typedef struct GradcamPreset {
    const char *name;           // "torchvision"
    const char *summary;        // where it is usual
    GradcamPreprocessing preprocessing;
} GradcamPreset;

// The presets, one after the other; NULL past the last. Static.
GRADCAM_API const GradcamPreset *gradcam_preset_at(size_t index);

// All fields may be zero: the model's own values hold.
typedef struct GradcamModelOptions {
    size_t size;                // sizeof of this struct, or 0: see above
    GradcamLog log;             // used during gradcam_model_open() only
    const char *labels;         // a file with one label per line, "imagenet" for the built-in labels and groups,
                                // "none"; default the model's: in a .bin, or the metadata of an .onnx; else "imagenet"
                                // for 1000 classes
    const char *logits;         // tensor or node whose elements are the scores, or a part of one, "y[0,:,3]" or
                                // "y@0/*/3": indices and ranges, from the end where below 0; default the first output
                                // that has one score for each class, before any softmax
    const char *layer;          // default target layer; see GradcamSettings
    const GradcamPreprocessing *preprocessing;  // default what the file, its graph, its names or its producer tell,
                                // else that of torchvision, and 0..1 for grey pictures: see GradcamModelInfo.
                                // -EINVAL for numbers that are meant for pixels in 0..1
    int width, height;          // input size where the model leaves it open (else 224 x 224)
    const char *states;         // "in=out,in2=out2": inputs that are an output of the frame before; "none"; default
                                // the model's, else what shape and name ("memory" and "memory_out") tell
    size_t memory;              // bytes that a context may take for activations, and an eighth of them for constants
                                // that are computed when the model opens; default 4 GiB
    int copy;                   // read files into memory where they would be mapped, so that nobody can change them
} GradcamModelOptions;

// Directories in which a network is looked for by its name, in this order: those in the environment variable
// GRADCAM_MODELS, joined by ':'; the user's, $XDG_DATA_HOME/gradcam, else ~/.local/share/gradcam; those of the machine,
// gradcam in each of $XDG_DATA_DIRS, else in /usr/local/share and /usr/share, and in the data directory that the
// library was configured for. Copies the index-th, which need not exist. 0, -ENOENT past the last, -ENOSPC where it
// does not fit. Thread-safe as long as nobody changes the environment.
GRADCAM_API int gradcam_model_directory(size_t index, char *path, size_t room);

// Copies the path of what gradcam_model_open() opens for `name`: where that is no file and has no '/', the first of
// NAME.bin, NAME.onnx and NAME in these directories. 0, -ENOENT where there is none, -EISDIR where that is a directory,
// -ENOSPC where it does not fit, or what the system says about the file. Thread-safe likewise.
GRADCAM_API int gradcam_model_find(const char *name, char *path, size_t room);

// Opens an .onnx or .bin file, told apart by content; path is a file's, or the name of a network, "resnet50", that
// gradcam_model_find() finds. path NULL opens the small network built into the library.
// Only regular files are opened. A .bin, and data beside an .onnx, of more than 1 MiB is memory-mapped: such a file may
// be replaced by another of its name while the model is open, but not be written to (when it is cut short, reading it
// raises SIGBUS), unless options ask for a copy. options may be NULL. -ENOENT and others of the system for the file,
// -EISDIR, -EBADMSG for a malformed one, -ENOTSUP for what is not supported in it or takes more memory than options
// allow, -EINVAL or -ENOENT for options that do not fit it, -ENOMEM.
GRADCAM_API int gradcam_model_open(GradcamModel **out, const char *path, const GradcamModelOptions *options);

// The same from a block of memory: a compiled model, or an .onnx whose weights are all inside. It is read during the
// call only, what is kept of it is copied. name stands for the file's in messages and in GradcamModelInfo. -EINVAL for
// NULL, -ENOTSUP for external data.
GRADCAM_API int gradcam_model_open_memory(GradcamModel **out, const void *data, size_t size, const char *name,
                                          const GradcamModelOptions *options);

// Another reference to the same model; never fails. Each is closed on its own.
GRADCAM_API GradcamModel *gradcam_model_ref(GradcamModel *model);
GRADCAM_API void gradcam_model_close(GradcamModel **model);

// How scores become probabilities.
enum GradcamProbability {
    GRADCAM_PROBABILITY_AUTO,       // as the graph tells: see GradcamModelInfo.probability
    GRADCAM_PROBABILITY_SOFTMAX,    // exp(y_c) / sum_j exp(y_j): one of the classes is there; a group has their sum
    GRADCAM_PROBABILITY_SIGMOID,    // 1 / (1 + exp(-y_c)): each by itself; a group is there when any of its classes is
    GRADCAM_PROBABILITY_GIVEN,      // y_c: the scores are probabilities already; a group has their sum
    GRADCAM_PROBABILITY_NONE,       // they have none, as of a regression: NaN
};

// "auto", "softmax", "sigmoid", "given", "none"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_probability_name(enum GradcamProbability probability);
GRADCAM_API int gradcam_probability_find(const char *name);

// What is in a model. Strings belong to the model and are never NULL ("" where nothing is known).
typedef struct GradcamModelInfo {
    const char *name;           // of the graph, or given when it was compiled
    const char *format;         // "onnx" or "bin"
    const char *producer;       // the exporter
    const char *source_sha256;  // of the .onnx file a .bin was compiled from, 64 hex digits
    const char *licence;
    int opset;                  // of the default domain
    int width, height;          // of the picture that the network takes
    int channels;               // samples of a pixel of it: 3 for R, G, B, 1 for grey
    int frames;                 // of a video that it sees at once, 1 for a picture
    int states;                 // inputs that are what the network put out for the frame before
    const char *input, *logits; // tensor names
    const char *layer;          // name of the default target layer, "" when the network has no spatial layer
    const char *probabilities;  // "softmax" or "sigmoid" where the exported graph ended in one, now cut off; else ""
    size_t classes;             // number of logits
    size_t labels, groups;      // number of labels (0 or classes) and of groups
    size_t parameters;          // number of weights
    size_t nodes;               // operators left after simplification
    GradcamPreprocessing preprocessing;
    const char *preprocessing_source;   // "given" in the options; "file": it says so; "graph": constants at its input,
                                // or statistics of its training, tell; "assumed": for a habit of those who write such
                                // files, or for want of anything, and results may be wrong
    enum GradcamProbability probability;    // what GRADCAM_PROBABILITY_AUTO is for this network: what its graph ended
                                // in; "given" where it computes probabilities itself; "none" for a single score that
                                // nothing turns into a probability; else "softmax"
    int probability_assumed;    // 1: the graph does not tell "softmax" from independent classes, nor a single score
                                // from a logit
    const char *preprocessing_reason;   // "unit: by what training left in BatchNormalization 'bn1'": a preset, or what
                                // else, and why; "" where it was given. Harmless to print
} GradcamModelInfo;

// What is in a model. Belongs to it; thread-safe.
GRADCAM_API const GradcamModelInfo *gradcam_model_info(const GradcamModel *model);

// Label of a class, "Pembroke, Pembroke Welsh corgi"; its index in digits where the model has no labels. NULL when
// index >= classes.
GRADCAM_API const char *gradcam_model_label(const GradcamModel *model, size_t index);

// Names of a group, "dog, domestic dog, Canis familiaris", with its classes, ascending (either pointer may be NULL).
// NULL when index >= the number of groups.
GRADCAM_API const char *gradcam_model_group(const GradcamModel *model, size_t index, const int **classes,
                                            size_t *count);

// A tensor that can be explained: it has rows and columns and lies between input and logits. The tokens of transformers
// have them too: [1, N, C] with N - 1 (a class token aside) or N places of the picture, [1, H, W, C].
typedef struct GradcamLayer {
    const char *name;           // tensor name
    const char *node;           // name of the node that makes it, "" for an input
    const char *op;             // ONNX operator of that node, "Input" for an input
    int channels, height, width;
    int is_auto;                // the automatic choice: the last such tensor, after its activation, before pooling; of
                                // a transformer the normalised tokens that enter the last attention
} GradcamLayer;

// The layers in order of computation, one after the other; NULL past the last. They belong to the model. Thread-safe.
GRADCAM_API const GradcamLayer *gradcam_model_layer_at(const GradcamModel *model, size_t index);

enum GradcamInputKind {
    GRADCAM_INPUT_PICTURE,      // pictures, grey or in colours, or the last frames of a video
    GRADCAM_INPUT_NUMBERS,      // anything else: a question's words, say
    GRADCAM_INPUT_STATE,        // what the network put out for the frame before: its memory
};

// "picture", "numbers", "state"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_input_kind_name(enum GradcamInputKind kind);
GRADCAM_API int gradcam_input_kind_find(const char *name);

#define GRADCAM_MAX_RANK 8      // dimensions of a tensor

// What a network takes in one place. Decided when the model is opened: all dimensions are known.
typedef struct GradcamInput {
    const char *name;           // of the tensor
    enum GradcamInputKind kind;
    const char *type;           // element type of the exported graph, "float32", "uint8"; values are given as float
    size_t count;               // number of elements
    int rank;
    size_t shape[GRADCAM_MAX_RANK];     // in the graph's own order of dimensions, with a batch of 1 where it has one
    // Of a picture; else 0 and "":
    const char *layout;         // what the dimensions are: "NCHW", "NHWC", "CHW" or "HWC"
    int frames, channels;       // of C: that many frames of so many channels each, the newest last
    int height, width;
    int is_open;                // the graph leaves height and width open
    const char *state;          // of a state: the output that it was in the frame before; else ""
} GradcamInput;

// The picture that maps are of. Belongs to the model.
GRADCAM_API const GradcamInput *gradcam_model_picture(const GradcamModel *model);

// Inputs of the graph other than the picture, one after the other; NULL past the last. They belong to the model; each
// is given by gradcam_context_set_input(). Thread-safe.
GRADCAM_API const GradcamInput *gradcam_model_input_at(const GradcamModel *model, size_t index);

typedef struct GradcamCompileOptions {
    size_t size;                // sizeof of this struct, or 0: see above
    int fp16;                   // store weights as fp16: half the size, maps change by up to 0.04 (AlexNet)
    const char *name, *licence; // NULL: the model's
    const char *source_sha256;  // of the .onnx file, 64 hex digits; NULL: the model's
} GradcamCompileOptions;

// Writes the compiled form (.bin) of an open .onnx or .bin model, with its labels, groups, preprocessing and default
// layer inside. The file appears under `path` only when complete. Weights of connected layers behind a ReLU are stored
// in the order in which they are read fastest: logits and maps are the same as the .onnx model's but for rounding.
// options and log may be NULL. -ENOMEM, or what the system says about the file. Thread-safe.
GRADCAM_API int gradcam_model_compile(const GradcamModel *model, const char *path,
                                      const GradcamCompileOptions *options, const GradcamLog *log);

// ------------------------------------------------------------------------------------------------------------ targets

// A kind of score: a row of the table that gradcam_score_at() reads. Static strings.
typedef struct GradcamScoreInfo {
    const char *name;           // what GradcamTarget.score takes, "finer"
    const char *notation;       // how gradcam_targets_resolve() reads it, "finer(dog)"
    const char *summary;        // what it is, in one line
    const char *formula;        // y: the scores of the network
    const char *reference;      // where it comes from, or ""
} GradcamScoreInfo;

// The kinds of scores, one after the other; NULL past the last.
GRADCAM_API const GradcamScoreInfo *gradcam_score_at(size_t index);

// Indices begin <= i < end of a dimension; end 0: all of it.
typedef struct GradcamRange {
    size_t begin, end;
} GradcamRange;

// What is explained: a score, one number that the network computes. With all zeros behind `rank` it is the score y_c of
// one class (its logit), or of a group of classes log sum_c exp(y_c).
typedef struct GradcamTarget {
    size_t size;                // sizeof of this struct, or 0: see above
    const char *name;           // to show: label, group, or index in digits
    const int *classes;         // `count` class indices, ascending
    size_t count;               // >= 1; 0 for a target of rank `rank` (class=auto), and of a tensor's elements
    int rank;                   // with count 0: the class with the rank-th highest logit, from 0
    const char *score;          // its kind, a name of gradcam_score_at(); NULL: "logit"
    const int *rivals;          // "difference": classes whose score is subtracted; "finer": those it is told from
    size_t rival_count;         // "difference": >= 1; "finer": 0 for those with the nearest scores
    float strength;             // "finer": how much the rivals count; 0: 1
    int even;                   // "finer": 1: each of the rivals counts alike; 0: by softmax among them
    int negative;               // 1: what is explained is the score times -1
    const char *tensor;         // "sum", "mean", "max", "norm": tensor or node whose elements count; NULL: the logits
    const GradcamRange *range;  // of its dimensions, in ONNX's order, the first `ranges`; others count as a whole
    size_t ranges;
} GradcamTarget;

typedef struct GradcamTargets {
    GradcamTarget *target;      // of gradcam_targets_resolve(); else any
    size_t count;
} GradcamTargets;

// The index-th of targets, the first one's size apart: of those of gradcam_targets_resolve(), which an older program
// cannot index as an array. NULL past the last. Belongs to the targets. Thread-safe.
GRADCAM_API const GradcamTarget *gradcam_targets_at(const GradcamTargets *targets, size_t index);

// Resolves what a user typed. Several words are joined by '|', each gives a target:
//
//     Pembroke, dog, 263      a class or group of classes: its logit, or log-sum-exp. A name is, in this order, a whole
//                             label (case does not count), a group ("dog", "vehicle"), one of a label's comma-separated
//                             names, a unique part of a label
//     auto, auto3             the top class, the top three; "auto:3" is the same
//     all                     each class, of a network that has at most 64; alone
//     dog - cat               the score of the one minus that of the other, with a space on both sides
//     prob(dog), logprob(dog), rest(dog), finer(dog)      as the table of gradcam_score_at() has it
//     finer(dog/wolf/fox/strength=0.6/even)               against those rivals, in place of the three nearest
//     sum(fc@0/3/5..9)        the sum of elements of a tensor or node, or their mean or max: an index, a range without
//                             its end, or * for each dimension, those left out being whole. sum(fc[0,3,5:9]) and
//                             fc@0/3/5..9 are the same. An index below 0 counts from the end
//     -(dog)                  what is in the brackets, times -1
//
// A text that is a name as it stands is that name, whatever signs it has. None of the signs needs an escape in FFmpeg's
// options. -ENOENT where there is no such class, and the log names what comes near; -EINVAL for a word that is none of
// these, or more than 64 targets; -ENOMEM. log may be NULL. The targets do not hold on to the model.
GRADCAM_API int gradcam_targets_resolve(GradcamTargets **out, const GradcamModel *model, const char *text,
                                        const GradcamLog *log);
GRADCAM_API void gradcam_targets_free(GradcamTargets **targets);

// ------------------------------------------------------------------------------------------------------------ methods

// What a method is set with: a number, or one of a few words.
typedef struct GradcamMethodOption {
    const char *name, *help;
    const char *const *words;   // ended by NULL: it is one of these, and its value the index; NULL: a number
    int is_whole;               // only whole numbers
    double standard;            // default
    double least, most;         // of a number
} GradcamMethodOption;

// What a method costs beside the network's own forward run, and so what it is for.
enum GradcamMethodUse {
    GRADCAM_USE_VIDEO,          // little: every picture of a video
    GRADCAM_USE_KEY_FRAMES,     // as much as the network or some times that: a picture now and then
    GRADCAM_USE_STILLS,         // dozens to hundreds of times the network: pictures that do not move
};

// "video", "key frames", "stills"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_method_use_name(enum GradcamMethodUse use);
GRADCAM_API int gradcam_method_use_find(const char *name);

// A way to make a map of a score. One row of the library's table, immutable, static.
typedef struct GradcamMethodInfo {
    const char *name;           // "gradcam"; letters, digits, + and -
    const char *summary;        // what its map shows, half a sentence
    const char *formula;        // A: activations, G: gradient of the score by them; k: channel, ij: cell
    const char *reference;      // where it was published
    const char *cost;           // in words: F a forward run, B a run back from the score to the layer
    enum GradcamMethodUse use;
    int of_pixels;              // 1: its maps have a value for each pixel of the network's picture, 0: one for each
                                // cell of the layer
    int is_signed;              // 1: raw maps have values below 0 as well
    const GradcamMethodOption *option;
    size_t options;
} GradcamMethodInfo;

// The methods, Grad-CAM first; NULL past the last. Thread-safe.
GRADCAM_API const GradcamMethodInfo *gradcam_method_at(size_t index);

enum { GRADCAM_METHOD_MOST_OPTIONS = 8 };

// A method and what it is set to. All zeros, or NULL where a pointer to one is asked for: Grad-CAM. Copied freely.
typedef struct GradcamMethod {
    const GradcamMethodInfo *info;
    double value[GRADCAM_METHOD_MOST_OPTIONS];  // of each option
} GradcamMethod;

// Reads a method as users write it, here, on the command line and in filter graphs alike: its name, and the options
// that are not to have their defaults behind slashes, "smoothgrad/samples=20/noise=0.15". text NULL: Grad-CAM. -EINVAL,
// and the log (or NULL) says what there is; *out is Grad-CAM then. Thread-safe.
GRADCAM_API int gradcam_method_parse(GradcamMethod *out, const char *text, const GradcamLog *log);

// The text of a method as gradcam_method_parse() reads it, options with their defaults left out; cut where it does not
// fit into `size` bytes. Returns text.
GRADCAM_API char *gradcam_method_text(const GradcamMethod *method, char *text, size_t size);

// 0 for a method of the table with options in their ranges, else -EINVAL.
GRADCAM_API int gradcam_method_check(const GradcamMethod *method);

// ---------------------------------------------------------------------------------------------------------- operators

// An operator of ONNX graphs that is read.
typedef struct GradcamOperator {
    size_t size;                // sizeof of this struct, or 0: see above
    const char *domain;         // "" for ONNX's own, else as "com.microsoft"
    const char *type;           // "Conv"
    int constant;               // 1: only where what it computes with, or its shape, is constant
} GradcamOperator;

// The operators one after the other, each once. 1, or 0 past the last, with *out as it was. The strings are static.
// Thread-safe.
GRADCAM_API int gradcam_operator_at(size_t index, GradcamOperator *out);

// ------------------------------------------------------------------------------------------------------------ context

// A model made ready to run for one target layer: memory for activations and gradients, planned once, and threads.
typedef struct GradcamContext GradcamContext;

enum GradcamPrecision {
    GRADCAM_PRECISION_F32,      // single precision throughout
    GRADCAM_PRECISION_BF16,     // operands of large products rounded to bfloat16, sums in single precision: about half
                                // the time. Where the processor has no AVX-512 BF16: f32, and the log says so
};

// "f32", "bf16"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_precision_name(enum GradcamPrecision precision);
GRADCAM_API int gradcam_precision_find(const char *name);

// All fields may be zero.
typedef struct GradcamSettings {
    size_t size;                // sizeof of this struct, or 0: see above
    GradcamLog log;             // used as long as the context is open
    // Tensor or node name; NULL or "auto": the model's default layer. Several, up to 7, are joined by '+', "a+b"; their
    // maps are fused: each scaled to 0..1 by gradcam_map_normalize(), enlarged to the size of the largest by
    // gradcam_map_resize(), then the mean of all, which is scaled to 0..1 again (those of both signs are divided by
    // their largest magnitude). "last3": the default layer and the two stages before it, each the last tensor of the
    // next larger resolution through which all goes that leads to the logits.
    const char *layer;
    GradcamMethod method;       // what the context is made ready for; it makes maps by any other too, but for one that
                                // goes further back, as to the picture, it then runs the network a second time
    int threads;                // threads inside one map, the caller's included; 0: one per processor
    enum GradcamPrecision precision;
    int nice;                   // how much more the threads that are started here give way to others, 0 to 19; has an
                                // effect on Linux only
    int (*interrupt)(void *opaque);     // asked between operators, on the caller's thread: other than 0, and what runs
                                        // ends with -ECANCELED. May be NULL
    void *interrupt_opaque;
    int reuse;                  // 1: of a picture that is partly the same as the one before, gradcam_context_forward()
                                // computes only what the difference can reach, with the same result bit for bit. Takes
                                // up to 16 MB more once there is such a picture
    enum GradcamProbability probability;    // how scores become probabilities
    const struct GradcamTargets *targets;   // what maps will be made of, where these are scores of other tensors than
                                // the logits, which are then kept; read by gradcam_context_open() only; may be NULL
} GradcamSettings;

// Holds a reference to the model. settings may be NULL. The result is the same bit for bit for any number of threads,
// in every precision. -ENOENT for a layer that there is not, -EINVAL for other settings that make no sense, -ENOTSUP
// for a method that this network or layer is not fit for, -ENOMEM. Contexts of one model may be opened by several
// threads.
GRADCAM_API int gradcam_context_open(GradcamContext **out, GradcamModel *model, const GradcamSettings *settings);
GRADCAM_API void gradcam_context_close(GradcamContext **context);

// The layer in use; of several the one that is computed first. Belongs to the model.
GRADCAM_API const GradcamLayer *gradcam_context_layer(const GradcamContext *context);
// The layers in use, in order of computation; NULL past the last.
GRADCAM_API const GradcamLayer *gradcam_context_layer_at(const GradcamContext *context, size_t index);

// Runs the network on a picture: 8-bit samples at the model's width and height, GradcamModelInfo.channels of them a
// pixel (R, G, B interleaved, or grey), rows `stride` bytes apart (may be negative). Read during the call only. A
// network that sees several frames at once sees this one as the newest, after those of the calls before. -ECANCELED
// when it was interrupted: there are no logits then.
GRADCAM_API int gradcam_context_forward(GradcamContext *context, const uint8_t *pixels, ptrdiff_t stride);

// The same on floats that are already normalised, tightly packed, in the order of the picture's own shape
// (gradcam_model_picture()): count of that floats. -ECANCELED likewise.
GRADCAM_API int gradcam_context_forward_float(GradcamContext *context, const float *input);

// The next picture has nothing to do with those before: a network that sees several frames at once sees it alone, as
// often as it takes frames, and states begin anew.
GRADCAM_API void gradcam_context_restart(GradcamContext *context);

// Sets an input other than the picture, in the order of its own shape; kept for later forward calls. Zeros until set.
// What a state is set to it has in the next forward and after each restart.
// -ENOENT for a name that is none, -EINVAL for another count.
GRADCAM_API int gradcam_context_set_input(GradcamContext *context, const char *name, const float *data, size_t count);

// The same of a text as a user writes it, "name=0.5/1/2", several joined by '|'; a ',' does for '/'. The log of the
// context names what is wrong: -ENOENT a name that is none, -EINVAL what is no number or another count.
GRADCAM_API int gradcam_context_read_inputs(GradcamContext *context, const char *text);

// Logits of the last forward, *count of them (before any softmax). Belongs to the context, valid until the next
// forward. NULL before the first.
GRADCAM_API const float *gradcam_context_logits(const GradcamContext *context, size_t *count);

// Probability of a target's class or group in the last forward, as GradcamSettings.probability has it, 0..1. NaN where
// there is none: before the first forward, of a target that does not fit, of scores that are not finite, and with
// GRADCAM_PROBABILITY_NONE. Whatever the kind of the target's score, it is that of its classes.
GRADCAM_API float gradcam_context_probability(const GradcamContext *context, const GradcamTarget *target);

// The class with the rank-th highest logit (rank from 0; ties go to the lower index). -EINVAL for a rank that there is
// not, -ENOENT when fewer than rank + 1 logits are numbers: those that are NaN have no rank.
GRADCAM_API int gradcam_context_top(const GradcamContext *context, int rank);

// About one map.
typedef struct GradcamMapInfo {
    size_t size;                // sizeof of this struct, or 0: see above
    float score;                // the score that was explained; NaN or infinite where the network gave such numbers
    float probability;          // as gradcam_context_probability()
    float min, max;             // of the raw map
    int class_index;            // the class, or the one with the highest logit of a group; -1: none could be chosen
    int empty;                  // the map is zero or constant: nothing to see. So is it where the score or the map was
                                // not finite: zeros are written then, and a warning goes to the log once
} GradcamMapInfo;

// Whether the context makes maps by a method without a second run of the network. See GradcamSettings.method.
GRADCAM_API int gradcam_context_serves(const GradcamContext *context, const GradcamMethod *method);

// Size of a method's maps: that of the layer, of several the largest, or that of the network's picture. Thread-safe.
GRADCAM_API void gradcam_context_map_size(const GradcamContext *context, const GradcamMethod *method, int *width,
                                          int *height);

// The raw map of a target after a forward: height x width floats, rows first, of the size that
// gradcam_context_map_size() tells, before any normalisation. capacity: how many floats there is room for at map, which
// is the caller's. method NULL: Grad-CAM. info may be NULL. -EINVAL before the first forward, for a target or a method
// that there is not; -ENOSPC where the map does not fit, and nothing is written; -ENOTSUP for a method that this
// network or layer is not fit for; -ECANCELED when it was interrupted; -ENOMEM: what a method takes beside the
// context's own memory is allocated by the first map.
GRADCAM_API int gradcam_context_map(GradcamContext *context, const GradcamTarget *target, const GradcamMethod *method,
                                    float *map, size_t capacity, GradcamMapInfo *info);

// The maps of several targets, one after the other, with room for `capacity` floats in all, and count infos (or NULL):
// the same, bit for bit, as each by
// itself, but the weights of connected layers are read once for all of them. -ENOMEM: what this takes is allocated by
// the first call.
GRADCAM_API int gradcam_context_maps(GradcamContext *context, const GradcamTarget *targets, size_t count,
                                     const GradcamMethod *method, float *maps, size_t capacity, GradcamMapInfo *infos);

// Activations A of the layer (of several, the first) and gradients G = dy/dA of the last target that a map was made of,
// both stored [height][width][channels]. Belong to the context, valid until its next call. G is NULL before the first
// map, and after one of a method that asks the network again (as GradcamMethodInfo.cost tells), which leaves no
// gradient. Some networks' maps are made without G, which is then computed here, once for each map: it may take longer
// than the map's own backward did. -EINVAL before the first forward, -ECANCELED as gradcam_context_map().
GRADCAM_API int gradcam_context_tensors(GradcamContext *context, const float **a, const float **g);

// ------------------------------------------------------------------------------------------------------------ profile

enum GradcamPhase {
    GRADCAM_PHASE_PREPROCESS,   // pixels to floats
    GRADCAM_PHASE_TRUNK,        // forward up to the layer
    GRADCAM_PHASE_HEAD,         // forward from the layer to the logits
    GRADCAM_PHASE_BACKWARD,     // back from the score to the layer
    GRADCAM_PHASE_MAP,          // gradients to map
};

// Time of one operator in one phase, in the last forward or map.
typedef struct GradcamProfile {
    enum GradcamPhase phase;
    const char *name;           // of the node, "" for what is no node of the graph
    const char *op;             // its operator, or what is done
    const char *kernel;         // how it is computed ("winograd", "im2col"), "" where there is one way only
    double seconds;
    double flops;               // floating point operations of its direct definition, 0 where they do not matter
    double bytes;               // of its inputs and outputs, weights included
} GradcamProfile;

// Switches time keeping on or off (it is off at first). -ENOMEM.
GRADCAM_API int gradcam_context_set_profiling(GradcamContext *context, int on);

// The times, in order of computation, one after the other; NULL past the last, and when time keeping is off. Belong to
// the context, valid until its next forward or map.
GRADCAM_API const GradcamProfile *gradcam_context_profile_at(GradcamContext *context, size_t index);

// "preprocess", "trunk", "head", "backward", "map"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_phase_name(enum GradcamPhase phase);
GRADCAM_API int gradcam_phase_find(const char *name);

// --------------------------------------------------------------------------------------------------------------- maps

// Scales a map to 0..1: (m - min) / (max - min + 1e-7), as pytorch-grad-cam does. A constant map becomes zeros.
// Returns 1 when there is something to see, 0 when it is empty.
GRADCAM_API int gradcam_map_normalize(float *map, size_t count);

// ------------------------------------------------------------------------------------------------------------- stream

// Maps for the frames of a video, computed on background threads. The caller submits key frames in order and collects
// their results in any order.
typedef struct GradcamStream GradcamStream;

// One map of a result.
typedef struct GradcamResultMap {
    const char *name;           // of the target; the label of the class that was chosen for class=auto
    const float *map;           // raw, height x width
    const GradcamMapInfo *info;
} GradcamResultMap;

// Belongs to the caller of gradcam_stream_collect() until gradcam_result_unref(); outlives its stream.
typedef struct GradcamResult {
    uint64_t ticket;
    double time;                // seconds, as submitted
    double elapsed;             // seconds of work from the start of load() to the end of the last map
    int width, height;          // of the maps
    size_t count;
    const GradcamResultMap *map;
    int reused;                 // the picture was the same as one before: the network did not run again
    GradcamMethod method;       // that made the maps
} GradcamResult;

// Another reference to the same result, and the end of one; thread-safe. ref never fails.
GRADCAM_API GradcamResult *gradcam_result_ref(GradcamResult *result);
GRADCAM_API void gradcam_result_unref(GradcamResult **result);

typedef struct GradcamStreamSettings {
    size_t size;                // sizeof of this struct, or 0: see above
    GradcamLog log;
    const char *layer;          // as in GradcamSettings
    GradcamMethod method;
    int threads;                // 0: one per processor
    int jobs;                   // maps computed at once, 1..threads, each on threads / jobs threads: 1 gives the lowest
                                // delay, `threads` the highest throughput; 0: `threads`. A network that sees several
                                // frames at once, or has states, is given those that are submitted, one after
                                // the other: 1 job then, and nothing counts as still
    // Brings a submitted frame to the model's size: 8-bit samples as gradcam_context_forward() takes them, rows
    // `stride` bytes apart. Called on a worker thread, for several frames at once when jobs > 1; `job` in 0..jobs-1
    // tells which of the jobs, so that each can have its own scaler. 0 or a negative errno.
    int (*load)(void *opaque, int job, void *frame, uint8_t *pixels, ptrdiff_t stride, int width, int height);
    // Called exactly once for each frame that submit accepted, on a worker thread or in close.
    void (*release)(void *opaque, void *frame);
    void *opaque;
    // class=auto: a new top class takes over when it led for `hold` key frames in a row, or its logit leads by
    // `margin`.
    int auto_hold;              // 0: 3
    float auto_margin;          // 0: 2.0
    // A picture that is the same as the last one gets what was found there, and of one that is the same in parts, only
    // what the rest can reach is computed (as GradcamSettings.reuse). The same is, at 0, what has the same bytes at the
    // network's size: results are as if each picture had been computed. Above 0: blocks of 16 x 16 pixels at that size
    // that differ by no more than this, in the mean of 0..255 code values; they keep the pixels that were computed, and
    // results are those of such pictures. Below 0: nothing, all pictures are computed.
    float still;
    enum GradcamPrecision precision;    // as in GradcamSettings
    int nice;                   // as in GradcamSettings
    enum GradcamProbability probability;    // as in GradcamSettings
    const char *inputs;         // inputs other than the picture, as gradcam_context_read_inputs() has them; NULL: zeros
} GradcamStreamSettings;

// Copies targets and settings; holds a reference to the model. -EINVAL for settings without load or release or out of
// range and for targets that do not fit the model, -ENOENT for a layer or an input that there is not, -ENOTSUP,
// -ENOMEM, or the system's error where no thread can be started.
GRADCAM_API int gradcam_stream_open(GradcamStream **out, GradcamModel *model, const GradcamTargets *targets,
                                    const GradcamStreamSettings *settings);
// Returns once running jobs have ended, which they do after the operator under way; jobs not yet begun are dropped,
// their frames released.
GRADCAM_API void gradcam_stream_close(GradcamStream **stream);

// Hands in a key frame. *ticket counts up from 1. Never waits: -EAGAIN, and the frame stays the caller's, when as many
// jobs as there are job slots are under way and as many again wait for one; -ENOMEM likewise.
GRADCAM_API int gradcam_stream_submit(GradcamStream *stream, void *frame, double time, uint64_t *ticket);

// The next frame that is handed in has nothing to do with those before: class=auto decides anew. 0, or -ENOMEM.
GRADCAM_API int gradcam_stream_cut(GradcamStream *stream);

// Number of jobs that could start at once: 0 when every job slot has work.
GRADCAM_API int gradcam_stream_idle(GradcamStream *stream);

// The result of a ticket. wait 0: -EAGAIN when it is not finished yet. Else waits. A job that failed gives its error.
// Each ticket is collected once; -EINVAL for one that was never given out or is gone.
GRADCAM_API int gradcam_stream_collect(GradcamStream *stream, uint64_t ticket, int wait, GradcamResult **out);

// The newest finished result, dropping it and all older ones; -EAGAIN when none is new, or the error of a failed job.
// Never waits.
GRADCAM_API int gradcam_stream_newest(GradcamStream *stream, GradcamResult **out);

// Changes what is looked for, or by which method, from the next submit on. -EINVAL for targets that do not fit the
// model and for a method that there is not, -ENOMEM; what was holds on then.
GRADCAM_API int gradcam_stream_set_targets(GradcamStream *stream, const GradcamTargets *targets);
GRADCAM_API int gradcam_stream_set_method(GradcamStream *stream, const GradcamMethod *method);
// The maps may then have another size. Memory for it is made on the worker threads. -ENOENT, and a sentence in the log.
GRADCAM_API int gradcam_stream_set_layer(GradcamStream *stream, const char *layer);

#ifdef __cplusplus
}
#endif

#endif
