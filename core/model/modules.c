/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Layers by the names that modules have in PyTorch, "layer4" or "features.7". In: such a name. Out: the last layer that
 * was computed inside of that module, which is what it puts out. Exporters leave the names in two places: the one that
 * traces writes them into a node's name, "/layer4/layer4.1/conv1/Conv", where a component that begins with the one
 * before it replaces it; the newer one into the node's metadata, "['', 'layer4', 'layer4.1', 'layer4.1.conv1', 'n']".
 */
#include "layers.h"

#include <string.h>

#define MOST_LETTERS 512        // of a module's name: none of a longer one is found

// The module that a node's name tells, "layer4.1.conv1", into `path`; empty where it tells none.
static void read_name(const char *name, char path[MOST_LETTERS])
{
    size_t used = 0, last = 0;          // last: where the last component begins
    path[0] = 0;
    if (*name != '/')
        return;
    for (const char *at = name + 1, *end; (end = strchr(at, '/')); at = end + 1) {
        const size_t length = (size_t)(end - at), before = used - last;
        const int is_longer = used && length > before && !strncmp(at, path + last, before) && at[before] == '.';
        if (!is_longer && used)
            path[used++] = '.', last = used;
        else
            used = last;
        if (used + length + 2 > MOST_LETTERS) {
            path[0] = 0;
            return;
        }
        memcpy(path + used, at, length);
        used += length;
        path[used] = 0;
    }
}

// The same of a list of scopes, of which the last is the operator.
static void read_scopes(const char *scopes, char path[MOST_LETTERS])
{
    char last[MOST_LETTERS] = "";
    path[0] = 0;
    for (const char *at = strchr(scopes, '\''), *end; at && (end = strchr(at + 1, '\'')); at = strchr(end + 1, '\'')) {
        const size_t length = (size_t)(end - at - 1) < MOST_LETTERS ? (size_t)(end - at - 1) : 0;
        memcpy(path, last, sizeof(last));
        memcpy(last, at + 1, length);
        last[length] = 0;
    }
}

static int is_inside(const GcamNode *node, const char *module)
{
    const size_t length = strlen(module);
    char path[MOST_LETTERS];
    read_name(node->name, path);
    if (!path[0] && node->scopes)
        read_scopes(node->scopes, path);
    return length && !strncmp(path, module, length) && (!path[length] || path[length] == '.');
}

int gcam_layers_find_module(const GradcamModel *model, const char *module)
{
    for (size_t i = model->layers; i-- > 0;) {
        const int node = model->graph.value[model->layer_value[i]].node;
        if (node >= 0 && is_inside(&model->graph.node[node], module))
            return (int)i;
    }
    return -1;
}
