/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The plugin interface of frei0r, version 1, as far as a filter needs it: what hosts (ffmpeg, MLT, GStreamer) look up
 * in a shared object by name. Values and layouts are those that hosts are compiled with.
 */
#ifndef FREI0R_FREI0R_H
#define FREI0R_FREI0R_H

#include <stdint.h>

enum { F0R_PLUGIN_TYPE_FILTER = 0 };
enum { F0R_COLOR_MODEL_RGBA8888 = 1 };  // bytes R, G, B, A
enum { FREI0R_MAJOR_VERSION = 1 };

// How a host hands over the value of a parameter.
enum {
    F0R_PARAM_BOOL = 0,         // a double, true from 0.5 on
    F0R_PARAM_DOUBLE = 1,       // a double, by custom from 0 to 1
    F0R_PARAM_STRING = 4,       // a pointer to a pointer to text
};

typedef struct f0r_plugin_info {
    const char *name, *author;
    int plugin_type, color_model;
    int frei0r_version, major_version, minor_version;
    int num_params;
    const char *explanation;
} f0r_plugin_info_t;

typedef struct f0r_param_info {
    const char *name;
    int type;
    const char *explanation;
} f0r_param_info_t;

typedef void *f0r_instance_t;   // one filter for pictures of one size
typedef void *f0r_param_t;

#define F0R_API __attribute__((visibility("default")))

// When the object is loaded, 1 where all is well; and before it is unloaded.
F0R_API int f0r_init(void);
F0R_API void f0r_deinit(void);

F0R_API void f0r_get_plugin_info(f0r_plugin_info_t *info);
F0R_API void f0r_get_param_info(f0r_param_info_t *info, int index);

F0R_API f0r_instance_t f0r_construct(unsigned width, unsigned height);
F0R_API void f0r_destruct(f0r_instance_t instance);

// What a value points to is read, or written, during the call. Text that is got belongs to the instance.
F0R_API void f0r_set_param_value(f0r_instance_t instance, f0r_param_t value, int index);
F0R_API void f0r_get_param_value(f0r_instance_t instance, f0r_param_t value, int index);

// One picture: rows without gaps between them. time: of the picture, in seconds, or whatever the host takes for them.
F0R_API void f0r_update(f0r_instance_t instance, double time, const uint32_t *in, uint32_t *out);

#endif
