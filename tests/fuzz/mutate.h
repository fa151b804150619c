/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Replays seeds and deterministic mutations of them, without a fuzzing engine, so that any build can: flipped
 * bits, bytes and numbers of interest, lengths changed, parts cut out, doubled, moved in from another seed. A
 * crash names the mutation by its number, and `TEST SEED NUMBER` replays it alone; `TEST seeds DIRECTORY`
 * writes the seeds; `TEST time SECONDS` goes on with further numbers, other ones each time, until they are over.
 */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/targets.h"
#include "harness.h"
#include "ops/onnx_writer.h"

typedef struct Fuzzer {
    const char *name;
    int (*target)(const uint8_t *data, size_t size);
    int (*seeds)(FuzzSeed seeds[FUZZ_SEEDS]);
} Fuzzer;

static volatile long fuzz_seed, fuzz_number;

// What a crash says: which input it was. Only calls that may stand in a signal handler.
static inline void say_number(int signal_number)
{
    char line[128] = "not ok - a fuzzed input crashes: replay with seed and number ";
    size_t length = strlen(line);
    for (int part = 0; part < 2; part++) {
        char digits[24];
        int n = 0;
        long rest = part ? fuzz_number : fuzz_seed;
        do
            digits[n++] = (char)('0' + rest % 10);
        while (rest /= 10);
        while (n)
            line[length++] = digits[--n];
        line[length++] = part ? '\n' : ' ';
    }
    if (write(1, line, length) < 0)
        _exit(3);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static inline size_t place_in(Random *random, size_t size)
{
    return size ? (size_t)(random_bits(random) % size) : 0;
}

// One change to a buffer with room for `room` bytes; the new size.
static inline size_t mutate_once(Random *random, uint8_t *data, size_t size, size_t room,
                                 const FuzzSeed *other)
{
    static const uint8_t bytes[] = { 0, 1, 2, 7, 8, 0x0a, 0x10, 0x7f, 0x80, 0x81, 0xfe, 0xff };
    size_t at = place_in(random, size), length = 1 + place_in(random, 32), from;
    length = at + length > size ? size - at : length;
    switch (random_int(random, 0, 7)) {
    case 0: case 1:                             // a bit
        if (size)
            data[at] ^= (uint8_t)(1u << random_int(random, 0, 7));
        return size;
    case 2:                                     // a byte of interest
        if (size)
            data[at] = bytes[place_in(random, sizeof(bytes))];
        return size;
    case 3:                                     // a byte a little larger or smaller
        if (size)
            data[at] = (uint8_t)(data[at] + random_int(random, -4, 4));
        return size;
    case 4:                                     // a run cut out
        memmove(data + at, data + at + length, size - at - length);
        return size - length;
    case 5:                                     // a run doubled
        if (size + length > room)
            return size;
        memmove(data + at + length, data + at, size - at);
        return size + length;
    case 6:                                     // a run from another seed
        length = length > other->size ? other->size : length;
        from = place_in(random, other->size - length + 1);
        if (length)
            memcpy(data + at, other->data + from, length);
        return size;
    default:                                    // the end cut off, rarely
        return random_int(random, 0, 7) ? size : at;
    }
}

// Input `number` of a seed: 0 is the seed itself.
static inline void run_one(const Fuzzer *fuzzer, const FuzzSeed *seeds, int count, int seed, long number)
{
    Random random = { (uint64_t)number * 1000003 + (uint64_t)seed };
    size_t size = seeds[seed].size, room = size + 256;
    uint8_t *work = malloc(room);
    memcpy(work, seeds[seed].data, size);
    for (int i = number ? random_int(&random, 1, 4) : 0; i > 0; i--)
        size = mutate_once(&random, work, size, room, &seeds[random_int(&random, 0, count - 1)]);
    uint8_t *exact = malloc(size ? size : 1); // of its own size, so that a sanitizer sees reads past its end
    memcpy(exact, work, size);
    free(work);
    fuzz_seed = seed;
    fuzz_number = number;
    fuzzer->target(exact, size);
    free(exact);
}

// As files of a directory, where an engine begins.
static inline void write_seeds(const FuzzSeed *seeds, int count, const char *directory)
{
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/seed_%d", directory, i);
        write_file(path, seeds[i].data, seeds[i].size);
    }
}

// Mutations of all seeds in turn, with numbers that no run before had, for so many seconds.
static inline void fuzz_for(const Fuzzer *fuzzer, const FuzzSeed *seeds, int count, long seconds)
{
    const long first = (long)time(NULL) * 100000;
    const time_t end = time(NULL) + seconds;
    long number = first;
    begin_case("%s: %ld seconds", fuzzer->name, seconds);
    for (; time(NULL) < end; number++)
        for (int seed = 0; seed < count; seed++) {
            alarm(60);
            run_one(fuzzer, seeds, count, seed, number);
        }
    alarm(0);
    note("%ld inputs, %ld opened", (number - first) * count, fuzz_opened);
    end_case();
}

// All seeds, each with `mutations` mutations; or what the arguments name.
static inline int fuzz_main(const Fuzzer *fuzzer, int argc, char **argv, long mutations)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM };
    FuzzSeed seeds[FUZZ_SEEDS];
    int count = fuzzer->seeds(seeds);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], say_number);
    if (argc == 3 && !strcmp(argv[1], "seeds"))
        write_seeds(seeds, count, argv[2]);
    else if (argc == 3 && !strcmp(argv[1], "time"))
        fuzz_for(fuzzer, seeds, count, atol(argv[2]));
    else if (argc == 3)
        run_one(fuzzer, seeds, count, atoi(argv[1]), atol(argv[2]));
    for (int seed = 0; argc != 3 && seed < count; seed++) {
        long opened = fuzz_opened;
        begin_case("%s: seed %d and %ld mutations", fuzzer->name, seed, mutations);
        for (long number = 0; number <= mutations; number++) {
            alarm(20);                          // one input that takes so long is a fault too
            run_one(fuzzer, seeds, count, seed, number);
        }
        alarm(0);
        CHECK(fuzz_opened > opened || !seeds[seed].size);     // else only refusals are tried
        note("%ld opened", fuzz_opened - opened);
        end_case();
    }
    for (int i = 0; i < count; i++)
        free(seeds[i].data);
    return argc == 3 && !harness.cases ? 0 : end_cases();
}

#endif
