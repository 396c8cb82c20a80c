#define _GNU_SOURCE
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include "CKernels.h"

void rd_read(const uint8_t *bytes, size_t count) {
    // Independent sums, kept from being optimised away by the empty statement.
    typedef uint64_t word __attribute__((vector_size(64), aligned(1)));
    word sums[4] = {0};
    for (size_t at = 0; at + 256 <= count; at += 256)
        for (size_t i = 0; i < 4; i++) sums[i] |= *(const word *)(bytes + at + 64 * i);
    __asm__ volatile("" : : "m"(sums));
}

int rd_usable_processors(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}
