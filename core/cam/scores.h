/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Formulas of scores that have files of their own, for the table in scores.c. Each is a value and a seed as
 * GcamScoreKind wants them.
 */
#ifndef GCAM_CAM_SCORES_H
#define GCAM_CAM_SCORES_H

#include "score.h"

double gcam_sum_value(const GcamScoreCase *c);
void gcam_sum_seed(const GcamScoreCase *c, float *dy);
double gcam_mean_value(const GcamScoreCase *c);
void gcam_mean_seed(const GcamScoreCase *c, float *dy);
double gcam_max_value(const GcamScoreCase *c);
void gcam_max_seed(const GcamScoreCase *c, float *dy);
double gcam_norm_value(const GcamScoreCase *c);
void gcam_norm_seed(const GcamScoreCase *c, float *dy);

#endif
