/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: the text of an option. Out: its value for a frame, within the option's range.
 */
#include "number.h"

#include <math.h>

#include "libavutil/common.h"
#include "libavutil/error.h"
#include "libavutil/log.h"

static const char *const variables[] = { "t", "n", "score", "probability", NULL };

int gcam_number_parse(GcamNumber *number, void *log, const char *name, const char *text, double min, double max)
{
    AVExpr *expr;
    char *end;
    const double plain = av_strtod(text, &end);
    int ret;

    if (end != text && !*end && !(plain >= min && plain <= max)) {
        av_log(log, AV_LOG_ERROR, "%s=%s is not from %g to %g\n", name, text, min, max);
        return AVERROR(EINVAL);
    }
    ret = av_expr_parse(&expr, text, variables, NULL, NULL, NULL, NULL, 0, log);
    if (ret < 0) {
        av_log(log, AV_LOG_ERROR, "%s=%s is neither a number nor an expression of t, n, score, probability\n", name,
               text);
        return ret;
    }
    gcam_number_free(number);
    *number = (GcamNumber){ expr, min, max };
    return 0;
}

double gcam_number_at(const GcamNumber *number, const GcamMoment *moment)
{
    const double values[] = { moment->t, moment->n, moment->score, moment->probability };
    const double value = av_expr_eval(number->expr, values, NULL);

    return isnan(value) ? number->min : av_clipd(value, number->min, number->max);
}

void gcam_number_free(GcamNumber *number)
{
    av_expr_free(number->expr);
    number->expr = NULL;
}
