/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Weights from NAME.tsv: rows of byte offset, count, seed and scale. Element i is scale * u, u in [-1, 1) from the
 * upper 24 bits of splitmix64's finaliser of (seed * 2^32 + i + 1) * 0x9E3779B97F4A7C15.
 */
#include "golden/zoo.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static float uniform(uint64_t z)
{
    z *= 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (float)((double)(z >> 40) * 0x1p-23 - 1.0);
}

static int fill_tensor(FILE *out, long long offset, long long count, long long seed, float scale)
{
    enum { BLOCK = 65536 };
    static float block[BLOCK];
    if (fseeko(out, (off_t)offset, SEEK_SET))
        return 0;
    for (long long at = 0; at < count; at += BLOCK) {
        size_t n = count - at < BLOCK ? (size_t)(count - at) : BLOCK;
        for (size_t i = 0; i < n; i++)
            block[i] = uniform(((uint64_t)seed << 32) + (uint64_t)at + i + 1) * scale;
        if (fwrite(block, sizeof(*block), n, out) != n)
            return 0;
    }
    return 1;
}

int zoo_fill(const char *zoo, const char *name)
{
    char path[4096], line[1024];
    snprintf(path, sizeof(path), "%s/%s.onnx", zoo, name);
    snprintf(line, sizeof(line), "%s.onnx", name);
    if (symlink(path, line))
        return 0;
    snprintf(path, sizeof(path), "%s/%s.tsv", zoo, name);
    FILE *rows = fopen(path, "r");
    snprintf(path, sizeof(path), "%s.weights", name);
    FILE *out = rows ? fopen(path, "wb") : NULL;
    int good = out != NULL;
    while (good && fgets(line, sizeof(line), rows)) {
        long long offset, count, seed;
        double scale;
        if (line[0] != '#')
            good = sscanf(line, "%lld %lld %lld %lf", &offset, &count, &seed, &scale) == 4 &&
                   fill_tensor(out, offset, count, seed, (float)scale);
    }
    if (rows)
        fclose(rows);
    if (out)
        good &= fclose(out) == 0;
    return good;
}

void zoo_remove(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s.onnx", name);
    remove(path);
    snprintf(path, sizeof(path), "%s.weights", name);
    remove(path);
}
