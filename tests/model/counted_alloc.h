/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Takes the place of malloc() and its kin, and of pthread_create(), in the program that includes this: counts
 * calls and what lives, and makes the n-th call fail. Included by one file only.
 *
 * Where a sanitizer has an allocator of its own, the C library's calls are left to it, and only those of what is linked
 * into the program come here: the Makefile links it with --wrap then.
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

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTED_WRAPS
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTED_WRAPS
#endif

#ifdef COUNTED_WRAPS
#define OURS(name) __wrap_##name
#define THEIRS(name) __real_##name
void *THEIRS(malloc)(size_t size);
void *THEIRS(calloc)(size_t count, size_t size);
void *THEIRS(realloc)(void *block, size_t size);
int THEIRS(posix_memalign)(void **block, size_t alignment, size_t size);
void THEIRS(free)(void *block);
int THEIRS(pthread_create)(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
#else
#define OURS(name) name
#define THEIRS(name) real.name
#endif

// Visible, so that the C library's own calls come here too.
#pragma GCC visibility push(default)
void *OURS(malloc)(size_t size);
void *OURS(calloc)(size_t count, size_t size);
void *OURS(realloc)(void *block, size_t size);
#ifdef COUNTED_WRAPS
char *OURS(strdup)(const char *text);
#endif
int OURS(posix_memalign)(void **block, size_t alignment, size_t size);
void OURS(free)(void *block);
int OURS(pthread_create)(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
#pragma GCC visibility pop

static struct {
    atomic_long calls, living;          // since the start
    atomic_long fail_at;                // the call with this number fails; 0: none
} counted;

#ifdef COUNTED_WRAPS
static void *early_alloc(size_t size)
{
    (void)size;
    return NULL;
}

static int is_early(const void *block)
{
    (void)block;
    return 0;
}

static int ready(void)
{
    return 1;
}
#else
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
#endif

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

void *OURS(malloc)(size_t size)
{
    return !ready() ? early_alloc(size) : fails() ? NULL : living(THEIRS(malloc)(size));
}

void *OURS(calloc)(size_t count, size_t size)
{
    return !ready() ? early_alloc(count * size) : fails() ? NULL : living(THEIRS(calloc)(count, size));
}

#ifdef COUNTED_WRAPS
char *OURS(strdup)(const char *text)
{
    char *copy = OURS(malloc)(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}
#endif

void *OURS(realloc)(void *block, size_t size)
{
    if (!ready() || is_early(block))
        abort();
    if (fails())
        return NULL;
    return block ? THEIRS(realloc)(block, size) : living(THEIRS(realloc)(NULL, size));
}

int OURS(posix_memalign)(void **block, size_t alignment, size_t size)
{
    if (!ready() || fails())
        return ENOMEM;
    int error = THEIRS(posix_memalign)(block, alignment, size);
    if (!error)
        living(*block);
    return error;
}

void OURS(free)(void *block)
{
    if (!block || is_early(block) || !ready())
        return;
    atomic_fetch_sub(&counted.living, 1);
    THEIRS(free)(block);
}

int OURS(pthread_create)(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    return !ready() || fails() ? EAGAIN : THEIRS(pthread_create)(thread, attributes, run, argument);
}

#endif
