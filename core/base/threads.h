/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Threads inside one map: a parallel loop with dynamic distribution. A pool is used by one caller at a time,
 * who works along as thread 0. Loops do not nest. What an index computes must not depend on which thread runs
 * it, so that results are the same for any number of threads.
 */
#ifndef GCAM_BASE_THREADS_H
#define GCAM_BASE_THREADS_H

#include <stddef.h>

typedef struct GcamThreads GcamThreads;

typedef void (*GcamPoolFn)(void *opaque, size_t index, int thread);

// `threads` >= 1 counts the caller: threads - 1 workers are started, nicer than the caller by `nice`. -EINVAL,
// -ENOMEM, or what pthread_create() gave.
int gcam_threads_create(GcamThreads **out, int threads, int nice);

// Makes the calling thread, and no other, give way to those of the machine that are less nice, if nice > 0. Does
// nothing where a thread has no priority of its own.
void gcam_thread_nice(int nice);

// Joins the workers. Accepts NULL and a pointer to NULL.
void gcam_threads_free(GcamThreads **pool);

// Number of threads with the caller; 1 for NULL.
int gcam_threads_count(const GcamThreads *pool);

// Calls fn(opaque, index, thread) for each index in 0..count-1, in any order and at the same time on several
// threads, and returns when all calls have returned. thread is in 0..threads-1, the caller is 0; two calls
// that run at the same time have different ones. A NULL pool, or one of one thread, makes it a plain loop. All
// threads, the caller too, compute in the mode of float_mode.h meanwhile. Never fails, never allocates.
void gcam_threads_run(GcamThreads *pool, size_t count, GcamPoolFn fn, void *opaque);

#endif
