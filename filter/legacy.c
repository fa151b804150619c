/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: what instances leave that were freed before their video ended. Out: the same, to those that take their place.
 */
#include "legacy.h"

#include <string.h>

#include "libavutil/mem.h"
#include "libavutil/thread.h"
#include "libavutil/time.h"

// Filters of a graph that may be made anew.
#define MOST 8

// Microseconds within which it is.
#define AT_ONCE 2000000

typedef struct Left {
    GcamLegacy legacy;
    int64_t since;
} Left;

static AVMutex mutex = AV_MUTEX_INITIALIZER;    // guards what follows
static Left left[MOST];
static int count;

void gcam_legacy_free(GcamLegacy *legacy)
{
    gcam_journal_close(&legacy->journal);
    gcam_works_close(&legacy->works);
    av_free(legacy->key);
    *legacy = (GcamLegacy){ 0 };
}

static void drop(int i)
{
    gcam_legacy_free(&left[i].legacy);
    count--;
    memmove(&left[i], &left[i + 1], (count - i) * sizeof(left[0]));
}

static void drop_old(int64_t now)
{
    while (count && now - left[0].since > AT_ONCE)
        drop(0);
}

void gcam_legacy_leave(const GcamLegacy *legacy)
{
    const int64_t now = av_gettime_relative();

    if (legacy->journal)
        gcam_journal_log_to(legacy->journal, NULL);
    ff_mutex_lock(&mutex);
    drop_old(now);
    if (count == MOST)
        drop(0);
    left[count++] = (Left){ *legacy, now };
    ff_mutex_unlock(&mutex);
}

int gcam_legacy_take(const char *key, GcamLegacy *legacy)
{
    int i;

    *legacy = (GcamLegacy){ 0 };
    ff_mutex_lock(&mutex);
    drop_old(av_gettime_relative());
    for (i = count - 1; i >= 0 && strcmp(left[i].legacy.key, key); i--)
        ;
    if (i >= 0) {
        *legacy = left[i].legacy;
        left[i].legacy = (GcamLegacy){ 0 };
        drop(i);
    }
    ff_mutex_unlock(&mutex);
    return i >= 0;
}

// The process ends, or unloads the library.
static void __attribute__((destructor)) drop_all(void)
{
    ff_mutex_lock(&mutex);
    while (count)
        drop(0);
    ff_mutex_unlock(&mutex);
}
