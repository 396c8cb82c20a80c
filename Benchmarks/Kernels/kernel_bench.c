// Linear layers of every kernel set and weight type on weights that stay in the second-level cache, on one thread.
//
// One sample multiplies 128 outputs x 512 columns by 1, 2, 4 or 8 rows. Its time is divided by that of a chain of
// dependent additions, one a cycle, that runs right before it: the figure is in cycles of the core and hardly feels
// changes of the clock. Sets take turns within each round.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"
#include "random_weights.h"

enum { COLUMNS = 512, OUTPUTS = 128, TILES = OUTPUTS / RD_TILE, MAXIMUM_SETS = 8, MAXIMUM_ROUNDS = 1000 };
static const size_t row_counts[] = {1, 2, 4, 8};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/// Nanoseconds of one cycle, at the clock of this moment.
static double cycle(void) {
    const size_t steps = 20000;
    uint64_t x = 0;
    const double start = now();
    for (size_t i = 0; i < steps; i += 10)
#if defined(__aarch64__)
        __asm__ volatile("add %0,%0,#1\n add %0,%0,#1\n add %0,%0,#1\n add %0,%0,#1\n add %0,%0,#1\n"
                         "add %0,%0,#1\n add %0,%0,#1\n add %0,%0,#1\n add %0,%0,#1\n add %0,%0,#1" : "+r"(x));
#else
        __asm__ volatile("add $1,%0\n add $1,%0\n add $1,%0\n add $1,%0\n add $1,%0\n"
                         "add $1,%0\n add $1,%0\n add $1,%0\n add $1,%0\n add $1,%0" : "+r"(x));
#endif
    return (now() - start) / (double)steps;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/// Cycles of one product, repeated until it takes about 50 microseconds.
static double sample(const rd_kernels *set, const rd_linear *job) {
    const double clock = cycle();
    size_t times = 0;
    double elapsed;
    const double start = now();
    do {
        set->linear(job, 0, TILES, 0, 1);
        times++;
        elapsed = now() - start;
    } while (elapsed < 50000);
    return elapsed / (double)times / clock;
}

static int listed(const char *list, const char *name) {
    if (!list) return 1;
    const size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == 0 || at[length] == ',')) return 1;
    return 0;
}

static int usage(FILE *to) {
    fputs(
        "usage: kernel-bench [--sets NAME,...] [--types NAME,...] [--rounds N]\n"
        "\n"
        "Cycles per 512 weights, for all rows together; median of N rounds (31) and, in brackets, the smallest.\n",
        to);
    return to == stderr ? 64 : 0;
}

int main(int count, char **arguments) {
    const char *wanted_sets = NULL, *wanted_types = NULL;
    long rounds = 31;
    for (int i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--help") || !strcmp(arguments[i], "-h")) return usage(stdout);
        if (i + 1 == count) return usage(stderr);
        if (!strcmp(arguments[i], "--sets")) wanted_sets = arguments[++i];
        else if (!strcmp(arguments[i], "--types")) wanted_types = arguments[++i];
        else if (!strcmp(arguments[i], "--rounds")) rounds = strtol(arguments[++i], NULL, 10);
        else return usage(stderr);
    }
    if (rounds < 1 || rounds > MAXIMUM_ROUNDS) return usage(stderr);

    const rd_kernels *sets[MAXIMUM_SETS];
    size_t set_count = 0;
    for (size_t i = 0; rd_kernels_at(i) && set_count < MAXIMUM_SETS; i++)
        if (listed(wanted_sets, rd_kernels_at(i)->name)) sets[set_count++] = rd_kernels_at(i);
    if (set_count == 0) {
        fputs("kernel-bench: this processor runs none of these sets; it has", stderr);
        for (size_t i = 0; rd_kernels_at(i); i++) fprintf(stderr, " %s", rd_kernels_at(i)->name);
        fputs("\n", stderr);
        return 64;
    }

    static uint8_t file[OUTPUTS * COLUMNS * 4];
    static float input[RD_PANEL * COLUMNS], output[RD_PANEL * OUTPUTS];
    static double samples[MAXIMUM_SETS][4][MAXIMUM_ROUNDS];
    uint64_t state = 1;
    for (size_t i = 0; i < RD_PANEL * COLUMNS; i++) input[i] = random_float(&state);
    printf("| type | set | 1 row | 2 rows | 4 rows | 8 rows | 8 rows : 1 row |\n|---|---|---:|---:|---:|---:|---:|\n");
    for (size_t t = 0; t < WEIGHT_TYPES; t++) {
        const weight_type *type = &weight_types[t];
        if (!listed(wanted_types, type->name)) continue;
        const size_t tile_bytes = rd_tile_bytes(type->type, COLUMNS), row_bytes = COLUMNS / type->block * type->block_bytes;
        // Behind the tiles: what kernels ask for ahead.
        uint8_t *tiles = aligned_alloc(64, TILES * tile_bytes), *panel = aligned_alloc(64, rd_panel_bytes(type->type, COLUMNS));
        random_weights(type, OUTPUTS, COLUMNS, 7, file);
        for (size_t tile = 0; tile < TILES; tile++)
            rd_pack_tile(type->type, file + tile * 16 * row_bytes, 16, row_bytes, COLUMNS, tiles + tile * tile_bytes);
        for (long round = -1; round < rounds; round++)
            for (size_t n = 0; n < 4; n++)
                for (size_t s = 0; s < set_count; s++) {
                    rd_linear job = {
                        .weights = tiles, .tile_bytes = tile_bytes, .type = type->type, .columns = COLUMNS,
                        .outputs = OUTPUTS, .rows = (uint32_t)row_counts[n], .panels = panel,
                        .panel_bytes = rd_panel_bytes(type->type, COLUMNS), .output = output, .output_stride = OUTPUTS,
                    };
                    (type->block > 1 ? sets[s]->quantize_panel : sets[s]->float_panel)(
                        input, COLUMNS, row_counts[n], COLUMNS, panel);
                    const double cycles = sample(sets[s], &job) * 512 / (OUTPUTS * COLUMNS);
                    if (round >= 0) samples[s][n][round] = cycles;
                }
        for (size_t s = 0; s < set_count; s++) {
            printf("| %s | %s |", type->name, sets[s]->name);
            for (size_t n = 0; n < 4; n++) {
                qsort(samples[s][n], (size_t)rounds, sizeof(double), ascending);
                printf(" %.1f (%.1f) |", samples[s][n][rounds / 2], samples[s][n][0]);
            }
            printf(" %.2f |\n", samples[s][3][rounds / 2] / samples[s][0][rounds / 2]);
        }
        fflush(stdout);
        free(tiles);
        free(panel);
    }
    return 0;
}
