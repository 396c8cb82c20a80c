// Linear layers of every kernel set and weight type on weights that stay in the second-level cache, on one thread.
//
// One sample multiplies 128 outputs x 512 columns by 1, 2, 3, 4 or 8 rows. Its time is divided by that of a chain of
// dependent additions, one a cycle, that runs right before and after it: the figure is in cycles of the core and hardly
// feels changes of the clock. Sets take turns within each round.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"
#include "random_weights.h"

enum { COLUMNS = 512, OUTPUTS = 128, TILES = OUTPUTS / RD_TILE, MAXIMUM_SETS = 8, MAXIMUM_ROUNDS = 1000 };
/// Kernels prefetch so far behind the weights. They never read there, but as in a model there is memory.
enum { AHEAD = 16384 };
enum { SAMPLE_NANOSECONDS = 50000 };
static const size_t row_counts[] = {1, 2, 3, 4, 8};
enum { ROW_COUNTS = sizeof row_counts / sizeof row_counts[0] };

typedef struct {
    const rd_kernels *sets[MAXIMUM_SETS];
    size_t set_count;
    const char *types;  // NULL for all
    size_t rounds;
} options;

// ---- Time ----------------------------------------------------------------------------------------------------

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/// Nanoseconds of one cycle, at the clock of this moment: the fastest of some short chains, because whatever disturbs a
/// chain makes it longer. The addend is in a register: some cores add constants without taking a cycle.
static double cycle(void) {
    enum { CHAINS = 4, STEPS = 5000 };
    double best = 1e9;
    uint64_t x = 0;
    const uint64_t one = 1;
    for (int chain = 0; chain < CHAINS; chain++) {
        const double start = now();
        for (int i = 0; i < STEPS; i += 10)
#if defined(__aarch64__)
            __asm__ volatile("add %0,%0,%1\n add %0,%0,%1\n add %0,%0,%1\n add %0,%0,%1\n add %0,%0,%1\n"
                             "add %0,%0,%1\n add %0,%0,%1\n add %0,%0,%1\n add %0,%0,%1\n add %0,%0,%1"
                             : "+r"(x) : "r"(one));
#else
            __asm__ volatile("add %1,%0\n add %1,%0\n add %1,%0\n add %1,%0\n add %1,%0\n"
                             "add %1,%0\n add %1,%0\n add %1,%0\n add %1,%0\n add %1,%0"
                             : "+r"(x) : "r"(one) : "cc");
#endif
        const double each = (now() - start) / STEPS;
        if (each < best) best = each;
    }
    return best;
}

static double nanoseconds(const rd_kernels *set, const rd_linear *job, size_t times) {
    const double start = now();
    for (size_t i = 0; i < times; i++) set->linear(job, 0, TILES, 0, 1);
    return now() - start;
}

/// Cycles of one product: the mean of as many as take about 50 microseconds.
static double cycles(const rd_kernels *set, const rd_linear *job) {
    const double once = nanoseconds(set, job, 1);  // also brings the weights into the cache
    const size_t times = once < SAMPLE_NANOSECONDS ? (size_t)(SAMPLE_NANOSECONDS / (once + 1)) + 1 : 1;
    const double before = cycle(), elapsed = nanoseconds(set, job, times), after = cycle();
    return elapsed / (double)times / (before < after ? before : after);
}

// ---- What the command line says ------------------------------------------------------------------------------

static const char *set_name(size_t index) { return rd_kernels_at(index) ? rd_kernels_at(index)->name : NULL; }

static const char *type_name(size_t index) { return index < WEIGHT_TYPES ? weight_types[index].name : NULL; }

/// Whether a comma-separated list has this name of `length` characters; no list has every name.
static int lists(const char *list, const char *name, size_t length) {
    if (!list) return 1;
    for (const char *at = list;; at++) {
        const size_t part = strcspn(at, ",");
        if (part == length && strncmp(at, name, length) == 0) return 1;
        at += part;
        if (!*at) return 0;
    }
}

/// Whether every name of the list is known; says which is not, and what there is.
static int all_known(const char *option, const char *list, const char *(*known)(size_t index)) {
    for (const char *at = list; at; at++) {
        const int length = (int)strcspn(at, ",");
        size_t i = 0;
        while (known(i) && !(strlen(known(i)) == (size_t)length && strncmp(known(i), at, (size_t)length) == 0)) i++;
        if (!known(i)) {
            fprintf(stderr, "error: %s has '%.*s'; choose from: ", option, length, at);
            for (i = 0; known(i); i++) fprintf(stderr, "%s%s", i ? ", " : "", known(i));
            fputs("\n", stderr);
            return 0;
        }
        at += length;
        if (!*at) break;
    }
    return 1;
}

static const char usage[] =
    "usage: kernel-bench [--sets NAME,...] [--types NAME,...] [--rounds N]\n"
    "\n"
    "Cycles of the core per 512 weights, for all rows together, on one thread with weights in the second-level\n"
    "cache: the median of N rounds (31) and, in brackets, the smallest. The last column is the ratio of smallest ones.\n";

/// -1 to go on, else the exit code.
static int read_options(int count, char **arguments, options *to) {
    const char *sets = NULL, *rounds = "31";
    for (int i = 1; i < count; i++) {
        const char *name = arguments[i];
        if (!strcmp(name, "--help") || !strcmp(name, "-h")) return fputs(usage, stdout) == EOF ? 74 : 0;
        const char **value = !strcmp(name, "--sets")    ? &sets
                             : !strcmp(name, "--types")  ? &to->types
                             : !strcmp(name, "--rounds") ? &rounds
                                                         : NULL;
        if (!value || i + 1 == count) {
            fprintf(stderr, "error: %s '%s'\n%s", value ? "no value after" : "unknown argument", name, usage);
            return 64;
        }
        *value = arguments[++i];
    }
    char *end;
    const long number = strtol(rounds, &end, 10);
    if (end == rounds || *end || number < 1 || number > MAXIMUM_ROUNDS) {
        fprintf(stderr, "error: --rounds is '%s'; allowed: 1 to %d\n", rounds, MAXIMUM_ROUNDS);
        return 64;
    }
    to->rounds = (size_t)number;
    if (!all_known("--sets", sets, set_name) || !all_known("--types", to->types, type_name)) return 64;
    for (size_t i = 0; set_name(i) && to->set_count < MAXIMUM_SETS; i++)
        if (lists(sets, set_name(i), strlen(set_name(i)))) to->sets[to->set_count++] = rd_kernels_at(i);
    return -1;
}

// ---- One type ------------------------------------------------------------------------------------------------

/// Cycles per 512 weights. [set][row count][round]
static double samples[MAXIMUM_SETS][ROW_COUNTS][MAXIMUM_ROUNDS];

static void *memory(size_t bytes) {
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p) {
        fprintf(stderr, "error: no memory for %zu bytes\n", bytes);
        exit(75);
    }
    return memset(p, 0, bytes);
}

static void measure(const weight_type *type, const options *what, const float *input) {
    static uint8_t file[OUTPUTS * COLUMNS * sizeof(float)];
    static float output[RD_PANEL * OUTPUTS];
    const size_t row_bytes = COLUMNS / type->block * type->block_bytes;
    rd_linear job = {
        .tile_bytes = rd_tile_bytes(type->type, COLUMNS), .type = type->type, .columns = COLUMNS, .outputs = OUTPUTS,
        .panel_bytes = rd_panel_bytes(type->type, COLUMNS), .output = output, .output_stride = OUTPUTS,
    };
    uint8_t *tiles = memory(TILES * job.tile_bytes + AHEAD), *panel = memory(job.panel_bytes);
    job.weights = tiles;
    job.panels = panel;
    random_weights(type, OUTPUTS, COLUMNS, 7, file);
    for (size_t tile = 0; tile < TILES; tile++)
        rd_pack_tile(
            type->type, file + tile * RD_TILE * row_bytes, RD_TILE, row_bytes, COLUMNS, tiles + tile * job.tile_bytes);
    for (size_t round = 0; round < what->rounds; round++)
        for (size_t n = 0; n < ROW_COUNTS; n++)
            for (size_t s = 0; s < what->set_count; s++) {
                const rd_kernels *set = what->sets[s];
                job.rows = (uint32_t)row_counts[n];
                (type->block > 1 ? set->quantize_panel : set->float_panel)(
                    input, COLUMNS, row_counts[n], COLUMNS, panel);
                samples[s][n][round] = cycles(set, &job) * 512 / (OUTPUTS * COLUMNS);
            }
    free(tiles);
    free(panel);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *sorted, size_t count) {
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static void print(const weight_type *type, const options *what) {
    for (size_t s = 0; s < what->set_count; s++) {
        printf("| %s | %s |", type->name, what->sets[s]->name);
        for (size_t n = 0; n < ROW_COUNTS; n++) {
            qsort(samples[s][n], what->rounds, sizeof(double), ascending);
            printf(" %.1f (%.1f) |", median(samples[s][n], what->rounds), samples[s][n][0]);
        }
        printf(" %.2f |\n", samples[s][ROW_COUNTS - 1][0] / samples[s][0][0]);
    }
    fflush(stdout);
}

int main(int count, char **arguments) {
    options what = {.set_count = 0};
    const int code = read_options(count, arguments, &what);
    if (code >= 0) return code;
    static float input[RD_PANEL * COLUMNS];
    uint64_t state = 1;
    for (size_t i = 0; i < RD_PANEL * COLUMNS; i++) input[i] = random_float(&state);
    puts("| type | set | 1 row | 2 rows | 3 rows | 4 rows | 8 rows | 8 rows : 1 row |\n|---|---|---:|---:|---:|---:|---:|---:|");
    for (size_t t = 0; t < WEIGHT_TYPES; t++) {
        if (!lists(what.types, type_name(t), strlen(type_name(t)))) continue;
        measure(&weight_types[t], &what, input);
        print(&weight_types[t], &what);
    }
    return 0;
}
