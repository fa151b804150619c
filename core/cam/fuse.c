/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps of several layers become one. In: a raw map of each layer. Each is scaled to 0..1, as layers' gradients are of
 * quite different size, enlarged to the size of the largest by bilinear interpolation (half-pixel centres), and joined
 * to the others; what comes out is scaled to 0..1 again. So does pytorch-grad-cam, by the mean of the maps or, in
 * RefineCAM, by their product. Maps of both signs are divided by their largest magnitude instead, and stay of both
 * signs.
 *
 * A map that is not finite makes all of the fused one so: who describes it then says that.
 */
#include "picture/upsample.h"
#include "fuse.h"

#include "base/log.h"

#include <errno.h>
#include <math.h>

static int is_finite(const float *map, size_t size)
{
    int finite = 1;
    for (size_t i = 0; i < size; i++)
        finite &= isfinite(map[i]) != 0;
    return finite;
}

void gcam_map_scale(const GcamMethod *method, float *map, size_t size)
{
    float most = 0;
    if (!is_finite(map, size)) {
        for (size_t i = 0; i < size; i++)
            map[i] = NAN;
        return;
    }
    if (!method->info.is_signed) {
        gradcam_map_normalize(map, size);
        return;
    }
    for (size_t i = 0; i < size; i++)
        most = fmaxf(most, fabsf(map[i]));
    for (size_t i = 0; i < size && most > 0; i++)
        map[i] /= most;
}

void gcam_fuse_begin(const GcamMethod *method, float *map, size_t size)
{
    for (size_t i = 0; i < size; i++)
        map[i] = method->fuse == GCAM_FUSE_PRODUCT ? 1 : 0;
}

void gcam_fuse_add(const GcamMethod *method, float *one, int one_width, int one_height, float *room, float *map,
                   int width, int height)
{
    const size_t size = (size_t)width * (size_t)height;
    gcam_map_scale(method, one, (size_t)one_width * (size_t)one_height);
    gcam_map_resize(one, one_width, one_height, room, width, height);
    if (method->fuse == GCAM_FUSE_PRODUCT)      // enlarged, a peak is below 1
        gcam_map_scale(method, room, size);
    for (size_t i = 0; i < size; i++)
        map[i] = method->fuse == GCAM_FUSE_PRODUCT ? map[i] * room[i] : map[i] + room[i];
}

void gcam_fuse_end(const GcamMethod *method, float *map, size_t size)
{
    gcam_map_scale(method, map, size);          // which makes a mean of a sum too
}

int gcam_method_fits_layers(const GcamMethod *method, int layers, const GradcamLog *log)
{
    if (layers > 1 && method->run && !method->info.of_pixels)
        return gcam_fail(log, -ENOTSUP, "method %s asks the network again for its map, of one layer: it takes no "
                         "several layers", method->info.name);
    if (layers < 2 && method->fuse == GCAM_FUSE_PRODUCT)
        return gcam_fail(log, -ENOTSUP, "method %s multiplies the maps of several layers: it takes layer=a+b, or "
                         "layer=last2", method->info.name);
    return 0;
}
