/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * class=auto over time. In: the logits of one picture after the other, in order. Out: the held classes, by
 * falling logit. The held classes and the picture's top classes are sets of the same size, so while there is
 * a rival (a top class that is not held) there is a held class outside of the top: the weakest, and that is
 * the one a rival fights.
 */
#include "classlock.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>

#include "base/mem.h"

// What is known of a class as a rival.
struct Rival {
    uint64_t picture;           // the last one in which it was a rival, counted from 1
    int streak;                 // for how many pictures in a row it had been one by then
};

struct GcamClassLock {
    size_t classes, wanted;
    int hold;
    float margin;
    uint64_t picture;           // number of the last picture, 0 before the first
    int *held, *top;            // [wanted], by falling logit
    struct Rival rival[];       // [classes], then the two lists
};

int gcam_classlock_create(GcamClassLock **out, size_t classes, size_t wanted, int hold, float margin)
{
    GcamClassLock *lock;
    size_t size;

    *out = NULL;
    if (wanted < 1 || wanted > classes || classes > INT_MAX || hold < 1 || !(margin >= 0))
        return -EINVAL;
    size = sizeof(*lock) + classes * sizeof(lock->rival[0]) + 2 * wanted * sizeof(lock->held[0]);
    lock = gcam_calloc(1, size);
    if (!lock)
        return -ENOMEM;
    lock->classes = classes;
    lock->wanted = wanted;
    lock->hold = hold;
    lock->margin = margin;
    lock->held = (int *)(lock->rival + classes);
    lock->top = lock->held + wanted;
    *out = lock;
    return 0;
}

void gcam_classlock_free(GcamClassLock **lock)
{
    gcam_free(*lock);
    *lock = NULL;
}

static float value(const float *logits, int class)
{
    return isnan(logits[class]) ? -INFINITY : logits[class];
}

// Puts a class into a list by falling logit with `length` entries, behind its equals, and drops what comes to
// lie beyond `room`. Returns the new length.
static size_t insert(int *list, size_t length, size_t room, int class, const float *logits)
{
    size_t at = length;

    while (at > 0 && value(logits, class) > value(logits, list[at - 1]))
        at--;
    if (at == room)
        return length;
    if (length < room)
        length++;
    for (size_t i = length - 1; i > at; i--)
        list[i] = list[i - 1];
    list[at] = class;
    return length;
}

static int is_held(const GcamClassLock *lock, int class)
{
    for (size_t i = 0; i < lock->wanted; i++)
        if (lock->held[i] == class)
            return 1;
    return 0;
}

// Counts this picture for a rival; returns whether it takes over the place of the weakest held class.
static int challenge(GcamClassLock *lock, int class, const float *logits)
{
    struct Rival *rival = &lock->rival[class];
    float weakest = value(logits, lock->held[lock->wanted - 1]);

    rival->streak = rival->picture + 1 == lock->picture ? rival->streak + 1 : 1;
    rival->picture = lock->picture;
    return rival->streak >= lock->hold || value(logits, class) - weakest >= lock->margin;
}

static int is_any_number(const GcamClassLock *lock, const float *logits)
{
    for (size_t i = 0; i < lock->classes; i++)
        if (!isnan(logits[i]))
            return 1;
    return 0;
}

void gcam_classlock_update(GcamClassLock *lock, const float *logits)
{
    size_t length = 0;
    int *list = lock->picture ? lock->top : lock->held;     // the first picture decides alone

    if (!is_any_number(lock, logits))
        return;
    for (size_t i = 0; i < lock->classes; i++)
        length = insert(list, length, lock->wanted, (int)i, logits);
    if (!lock->picture++)
        return;

    // held[] was ordered by the last picture's logits
    length = 0;
    for (size_t i = 0; i < lock->wanted; i++)
        length = insert(lock->held, length, lock->wanted, lock->held[i], logits);
    for (size_t i = 0; i < lock->wanted; i++)
        if (!is_held(lock, lock->top[i]) && challenge(lock, lock->top[i], logits))
            insert(lock->held, lock->wanted - 1, lock->wanted, lock->top[i], logits);
}

int gcam_classlock_class(const GcamClassLock *lock, size_t rank)
{
    return lock->picture ? lock->held[rank] : -1;
}
