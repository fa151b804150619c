/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods for transformers in which all tokens attend to all. In: the attention probabilities A_l of each block l, by
 * head, query and key, and for some their gradient G_l = ds/dA_l. Out: a map over the patches.
 *
 * Products of matrices of all blocks are asked for one row, that of the class token: this goes from the last block to
 * the first as a vector r, which says how much of the class token comes from each token before the block. A network
 * without a token of its own for the class averages the tokens, and so does r begin.
 */
#include "methods.h"

#include <string.h>

// The row that is asked for.
static void begin_row(const GcamCam *cam, double *r)
{
    for (size_t k = 0; k < cam->tokens; k++)
        r[k] = cam->before ? k == 0 : 1 / (double)cam->tokens;
}

static void read_patches(const GcamCam *cam, const double *r, float *map)
{
    for (size_t i = 0; i < cam->cells; i++)
        map[i] = (float)r[cam->before + i];
}

static size_t two_rows(const double *option, size_t cells, size_t tokens)
{
    (void)option;
    (void)cells;
    return 2 * tokens;
}

// to += r mean_h A
static void add_attention(const GcamCam *cam, const GcamAttended *block, const double *r, double *to)
{
    const size_t n = cam->tokens;
    for (size_t i = 0; i < block->heads * n; i++) {
        const float *p = block->p + i * n;
        double weight = r[i % n] / (double)block->heads;
        for (size_t k = 0; k < n && weight > 0; k++)
            to[k] += weight * p[k];
    }
}

// mean_h A_L[h, cls, k], Caron et al. 2021, section 4.1
static int attention(const GcamCam *cam, float *map)
{
    double *r = cam->scratch, *next = r + cam->tokens;
    begin_row(cam, r);
    memset(next, 0, cam->tokens * sizeof(*next));
    add_attention(cam, &cam->block[cam->blocks - 1], r, next);
    read_patches(cam, next, map);
    return 0;
}

// Row cls of the product over l of (mean_h A_l + I), each row divided by its sum: Abnar and Zuidema 2020, section 3.
// A row of probabilities adds up to 1, so that of the sum is 2.
static int rollout(const GcamCam *cam, float *map)
{
    double *r = cam->scratch, *next = r + cam->tokens;
    begin_row(cam, r);
    for (size_t l = cam->blocks; l-- > 0;) {
        memcpy(next, r, cam->tokens * sizeof(*next));
        add_attention(cam, &cam->block[l], r, next);
        for (size_t k = 0; k < cam->tokens; k++)
            r[k] = next[k] / 2;
    }
    read_patches(cam, r, map);
    return 0;
}

// Row cls of R, where R = I and for each block R += mean_h relu(G_l * A_l) R: Chefer et al. 2021, eq. 5 and 6.
static int gae(const GcamCam *cam, float *map)
{
    const size_t n = cam->tokens;
    double *r = cam->scratch, *next = r + n;
    begin_row(cam, r);
    for (size_t l = cam->blocks; l-- > 0;) {
        const GcamAttended *block = &cam->block[l];
        memcpy(next, r, n * sizeof(*next));
        for (size_t i = 0; i < block->heads * n; i++) {
            const float *p = block->p + i * n, *g = block->g + i * n;
            double weight = r[i % n] / (double)block->heads;
            for (size_t k = 0; k < n && weight > 0; k++)
                next[k] += g[k] > 0 ? weight * g[k] * p[k] : 0;
        }
        memcpy(r, next, n * sizeof(*r));
    }
    read_patches(cam, r, map);
    return 0;
}

// sum_l mean_hq relu(G_l), Bousselham et al. 2025, eq. 5 to 7, with the score of the whole network in each block.
static int legrad(const GcamCam *cam, float *map)
{
    const size_t n = cam->tokens;
    double *r = cam->scratch;
    memset(r, 0, n * sizeof(*r));
    for (size_t l = 0; l < cam->blocks; l++) {
        const GcamAttended *block = &cam->block[l];
        for (size_t i = 0; i < block->heads * n; i++)
            for (size_t k = 0; k < n; k++) {
                float g = block->g[i * n + k];
                r[k] += g > 0 ? (double)g / (double)(block->heads * n) : 0;
            }
    }
    read_patches(cam, r, map);
    return 0;
}

const GcamMethod gcam_method_attention = {
    .info = {
        .name = "attention",
        .summary = "which patches the last block looks at, whatever the class; transformers",
        .formula = "mean_h P_L[h, class, k], P: attention probabilities, L: the last block",
        .reference = "Caron et al., ICCV 2021, arXiv 2104.14294, section 4",
        .cost = "F",
    },
    .needs = GCAM_NEEDS_ATTENTION,
    .formula = attention,
    .scratch = two_rows,
};

const GcamMethod gcam_method_rollout = {
    .info = {
        .name = "rollout",
        .summary = "which patches the class token comes from through all blocks, whatever the class; transformers",
        .formula = "row class of prod_l (mean_h P_l + I), rows divided by their sums",
        .reference = "Abnar and Zuidema, ACL 2020, arXiv 2005.00928",
        .cost = "F",
    },
    .needs = GCAM_NEEDS_ATTENTION,
    .formula = rollout,
    .scratch = two_rows,
};

const GcamMethod gcam_method_gae = {
    .info = {
        .name = "gae",
        .summary = "which patches speak for the class through the attention of all blocks; transformers",
        .formula = "row class of R, R = I, then R += mean_h relu(dP_l * P_l) R block by block",
        .reference = "Chefer et al., ICCV 2021, arXiv 2103.15679, eq. 5 and 6",
        .cost = "F + B to the first block",
    },
    .needs = GCAM_NEEDS_ATTENTION | GCAM_NEEDS_ATTENTION_GRADIENT,
    .formula = gae,
    .scratch = two_rows,
};

const GcamMethod gcam_method_legrad = {
    .info = {
        .name = "legrad",
        .summary = "which patches the score would gain by if they were looked at more, in all blocks; transformers",
        .formula = "sum_l mean_hq relu(dP_l)",
        .reference = "Bousselham et al., ICCV 2025, arXiv 2404.03214, with one score for all blocks",
        .cost = "F + B to the first block",
    },
    .needs = GCAM_NEEDS_ATTENTION | GCAM_NEEDS_ATTENTION_GRADIENT,
    .formula = legrad,
    .scratch = two_rows,
};
