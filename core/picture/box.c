/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes from maps, the weakly supervised localisation of Grad-CAM's paper.
 */
#include "gradcam_picture.h"
#include "upsample.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"

#define MOST_CELLS 4096         // of each side

typedef struct Part {
    int left, top, right, bottom;       // cells, inclusive
    size_t cells;
    double sum;
} Part;

typedef struct Grid {
    int columns, rows;
    float *value;
    unsigned char *hot;         // kept, and not yet counted
    int *stack;                 // cells whose neighbours are to be looked at
} Grid;

// The connected part that holds `first`, taken away from the hot cells.
static Part take_part(Grid *grid, int first)
{
    Part part = { first % grid->columns, first / grid->columns, first % grid->columns, first / grid->columns, 0, 0 };
    size_t depth = 0;
    grid->stack[depth++] = first;
    grid->hot[first] = 0;
    while (depth) {
        int cell = grid->stack[--depth], x = cell % grid->columns, y = cell / grid->columns;
        part.left = x < part.left ? x : part.left;
        part.right = x > part.right ? x : part.right;
        part.top = y < part.top ? y : part.top;
        part.bottom = y > part.bottom ? y : part.bottom;
        part.cells++;
        part.sum += grid->value[cell];
        for (int j = y ? y - 1 : 0; j <= y + 1 && j < grid->rows; j++)
            for (int i = x ? x - 1 : 0; i <= x + 1 && i < grid->columns; i++)
                if (grid->hot[j * grid->columns + i]) {
                    grid->hot[j * grid->columns + i] = 0;
                    grid->stack[depth++] = j * grid->columns + i;
                }
    }
    return part;
}

static int find_box(Grid *grid, float threshold, GradcamRegion *box)
{
    Part best = { 0 };
    int cells = grid->columns * grid->rows;
    float top = 0;
    for (int i = 0; i < cells; i++)
        top = grid->value[i] > top ? grid->value[i] : top;
    if (!(top > 0) || !isfinite(top))
        return 0;
    for (int i = 0; i < cells; i++)
        grid->hot[i] = grid->value[i] >= threshold * top;
    for (int i = 0; i < cells; i++) {
        if (!grid->hot[i])
            continue;
        Part part = take_part(grid, i);
        if (part.cells > best.cells || (part.cells == best.cells && part.sum > best.sum))
            best = part;
    }
    *box = (GradcamRegion){
        (double)best.left / grid->columns, (double)best.top / grid->rows,
        (double)(best.right - best.left + 1) / grid->columns, (double)(best.bottom - best.top + 1) / grid->rows,
    };
    return 1;
}

int gradcam_map_box(const float *map, int map_width, int map_height, int columns, int rows, float threshold,
                    GradcamRegion *box)
{
    if (map_width < 1 || map_height < 1 || columns < 1 || rows < 1 || columns > MOST_CELLS || rows > MOST_CELLS)
        return -EINVAL;
    size_t cells = (size_t)columns * (size_t)rows;
    Grid grid = { columns, rows, gcam_alloc(cells, sizeof(*grid.value)), gcam_alloc(cells, 1),
                  gcam_alloc(cells, sizeof(*grid.stack)) };
    int found = -ENOMEM;
    if (grid.value && grid.hot && grid.stack) {
        gcam_map_resize(map, map_width, map_height, grid.value, columns, rows);
        found = find_box(&grid, threshold, box);
    }
    gcam_free(grid.value);
    gcam_free(grid.hot);
    gcam_free(grid.stack);
    return found;
}
