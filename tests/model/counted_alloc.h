/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Takes the place of malloc() and its kin, and of pthread_create(), in the program that includes this: counts
 * calls and what lives, and makes the n-th call fail. Included by one file only.
 */
#ifndef TESTS_MODEL_COUNTED_ALLOC_H
#define TESTS_MODEL_COUNTED_ALLOC_H

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Visible, so that the C library's own calls come here too.
#pragma GCC visibility push(default)
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
int posix_memalign(void **block, size_t alignment, size_t size);
void free(void *block);
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
#pragma GCC visibility pop

static struct {
    atomic_long calls, living;          // since the start
    atomic_long fail_at;                // the call with this number fails; 0: none
} counted;

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void (*free)(void *);
    int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    int looking;
} real;

// What dlsym() itself allocates while the real functions are looked up.
static char early[65536];
static size_t early_used;

static void *early_alloc(size_t size)
{
    void *block = early + early_used;
    early_used += (size + 15) / 16 * 16;
    return early_used <= sizeof(early) ? block : NULL;
}

static int is_early(const void *block)
{
    return (uintptr_t)block - (uintptr_t)early < sizeof(early);
}

static int ready(void)
{
    if (real.free && !real.looking)
        return 1;
    if (real.looking)
        return 0;
    real.looking = 1;
    *(void **)&real.malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&real.calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real.realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&real.posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    *(void **)&real.pthread_create = dlsym(RTLD_NEXT, "pthread_create");
    *(void **)&real.free = dlsym(RTLD_NEXT, "free");
    real.looking = 0;
    return 1;
}

// Whether this call is the one that fails.
static int fails(void)
{
    return atomic_fetch_add(&counted.calls, 1) + 1 == atomic_load(&counted.fail_at);
}

static void *living(void *block)
{
    if (block)
        atomic_fetch_add(&counted.living, 1);
    return block;
}

void *malloc(size_t size)
{
    return !ready() ? early_alloc(size) : fails() ? NULL : living(real.malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return !ready() ? early_alloc(count * size) : fails() ? NULL : living(real.calloc(count, size));
}

void *realloc(void *block, size_t size)
{
    if (!ready() || is_early(block))
        abort();
    if (fails())
        return NULL;
    return block ? real.realloc(block, size) : living(real.realloc(NULL, size));
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    if (!ready() || fails())
        return ENOMEM;
    int error = real.posix_memalign(block, alignment, size);
    if (!error)
        living(*block);
    return error;
}

void free(void *block)
{
    if (!block || is_early(block) || !ready())
        return;
    atomic_fetch_sub(&counted.living, 1);
    real.free(block);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    return !ready() || fails() ? EAGAIN : real.pthread_create(thread, attributes, run, argument);
}

#endif
