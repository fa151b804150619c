/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Inside of gradcam explain: what one run of it holds, and what its files do for each other. explain.c sets up and
 * goes through the pictures, explain_input.c reads what the network takes beside pictures, explain_files.c finds
 * pictures and writes what is no map, explain_results.c tells what was found, explain_sheet.c makes contact sheets. All
 * that return an int return a status (say.h).
 */
#ifndef GCAM_TOOLS_EXPLAIN_H
#define GCAM_TOOLS_EXPLAIN_H

#include "gradcam_picture.h"
#include "command.h"
#include "draw.h"
#include "json.h"
#include "names.h"
#include "scale.h"

typedef struct Explain {
    const Arguments *arguments;
    SayLog log;
    char **picture;             // the paths, those in folders too
    size_t pictures;
    const char *out, *map_out, *sheet_out, *scores_out, *seen_out, *csv_out;
    FILE *table;                // of all scores, in memory until it is written
    char *table_text;
    size_t table_size;
    int joint;                  // all classes in one picture
    GradcamMethod method;
    int probability, fit, threads, precision;
    Draw draw;
    GradcamModel *model;
    GradcamTargets *targets;
    GradcamContext *context;
    GcamScaler *scaler;
    uint8_t *pixels;            // the picture at the network's size
    float *maps, *shown;        // of each target: raw, from 0 to 1
    int columns, rows;          // of maps
    GradcamMapInfo *infos;
    GradcamPlace *places;
    GradcamMethod *sheet_method;        // that the sheet compares, or none
    size_t sheet_methods;
    Names names;
    Json json;
    int as_json, silent;
    int has_preprocessed;       // something was told of a picture whose pixels were made the input
} Explain;

// One map of one picture.
typedef struct Result {
    const GradcamTarget *target;
    const char *picture, *name; // name: of the target, or of the class chosen for it
    const AVFrame *frame;
    GradcamRegion region;
    const float *map;           // raw
    const GradcamPlace *place;
    GradcamMapInfo info;
    const char *out, *map_out;  // what was written, or NULL
} Result;

// The network's file, or NULL.
const char *explain_model_path(const Explain *e);
// Of a target, or the label of the class that was chosen for it.
const char *explain_target_name(const Explain *e, size_t index);
// `count` maps of the picture, from the target at `index` on.
Maps explain_get_maps(const Explain *e, const AVFrame *frame, size_t index, size_t count);

// The pictures that the arguments name, folders included. (explain_files.c)
int explain_find_pictures(Explain *e);
// What the network saw of a picture, which it has just run on.
int explain_write_seen(Explain *e, const char *path);
// Rows of the table for a picture that the network has just run on; and the table into its file.
int explain_add_scores(Explain *e, const char *path);
int explain_write_scores(Explain *e);
void explain_free_files(Explain *e);

// What --input gave; warns of what is left out.
int explain_set_inputs(Explain *e);
// *data: of the input's size, to be freed.
int explain_read_array(const char *path, const GradcamInput *input, float **data);
// What pixels an array would have been: its newest frame, at the network's size.
int explain_picture_of_array(const Explain *e, const float *data, AVFrame **out);

// One map, in words or as JSON.
void explain_print(Explain *e, const Result *r);
void explain_print_top(Explain *e);
void explain_print_layers(Explain *e);

// Reads --methods. (explain_sheet.c)
int explain_read_methods(Explain *e);
int explain_write_sheet(Explain *e, const AVFrame *frame, const char *path);

#endif
