/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading .npy: a magic string, a header that is a Python dictionary, then the elements.
 */
#include "golden/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int npz_unpack(const char *npz, const char *directory)
{
    char command[8192];
    snprintf(command, sizeof(command), "python3 -m zipfile -e '%s' '%s'", npz, directory);
    return system(command) == 0;
}

static int parse_header(Npy *npy, const char *header, char *kind, size_t *width)
{
    const char *type = strstr(header, "'descr': '"), *shape = strstr(header, "'shape': (");
    if (!type || !shape || strstr(header, "'fortran_order': True"))
        return 0;
    *kind = type[11];
    *width = strtoul(type + 12, NULL, 10);
    npy->count = 1;
    for (const char *at = shape + 10; *at != ')';) {
        char *end;
        size_t dim = strtoul(at, &end, 10);
        if (end == at || npy->rank == 8)
            return 0;
        npy->dim[npy->rank++] = dim;
        npy->count *= dim;
        for (at = end; *at == ',' || *at == ' ';)
            at++;
    }
    return 1;
}

int npy_read(Npy *out, const char *directory, const char *key)
{
    char path[4096], header[4096] = "", kind = 0;
    unsigned char start[10];
    size_t width = 0;
    void *data = NULL;
    memset(out, 0, sizeof(*out));
    snprintf(path, sizeof(path), "%s/%s.npy", directory, key);
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    size_t length = fread(start, 1, sizeof(start), file) == sizeof(start) ? start[8] + 256u * start[9] : 0;
    int good = length && length < sizeof(header) && fread(header, 1, length, file) == length &&
               parse_header(out, header, &kind, &width);
    if (good)
        good = (data = calloc(out->count + 1, width * (kind == 'U' ? 4 : 1))) != NULL &&
               fread(data, width * (kind == 'U' ? 4 : 1), out->count, file) == out->count;
    fclose(file);
    if (good && kind == 'f' && width == 4)
        out->floats = data;
    else if (good && kind == 'u' && width == 1)
        out->bytes = data;
    else if (good && kind == 'i' && width == 8)
        out->ints = data;
    else if (good && kind == 'U') {             // UCS-4; names here are ASCII
        out->text = data;
        for (size_t i = 0; i < width; i++)
            out->text[i] = (char)((const unsigned *)data)[i];
        out->text[width] = '\0';
    } else {
        free(data);
        good = 0;
    }
    return good;
}

void npy_free(Npy *npy)
{
    free(npy->floats);
    free(npy->bytes);
    free(npy->ints);
    free(npy->text);
    memset(npy, 0, sizeof(*npy));
}
