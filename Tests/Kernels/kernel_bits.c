// Every kernel set against the portable one, which has to give the same bits: all operations, weight types and row
// counts. Runs on its own, so that sets of other processors can be tested under an emulator.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "blocks.h"
#include "random_weights.h"

static const rd_kernels *oracle, *set;
static int failures, checks, sets;
static char skipped[256];
// Of all results, by FNV-1a: the same for every set, and on every architecture.
static uint64_t checksum;

#if defined(__x86_64__)
extern const rd_kernels rd_kernels_vnni_evex;  // kernels_vnni_evex.c
#endif

static void same(const void *a, const void *b, size_t bytes, const char *what, const char *detail, size_t number) {
    checks++;
    for (size_t i = 0; i < bytes; i++) checksum = (checksum ^ ((const uint8_t *)b)[i]) * 0x100000001b3;
    if (memcmp(a, b, bytes) == 0) return;
    size_t at = 0;
    while (((const uint8_t *)a)[at] == ((const uint8_t *)b)[at]) at++;
    failures++;
    printf("FAILED %s: %s %s, %zu: byte %zu of %zu differs\n", set->name, what, detail, number, at, bytes);
}

static void *memory(size_t bytes) {
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p) abort();
    return p;
}

static float *random_floats(size_t count, uint64_t seed, float scale) {
    float *x = memory(count * 4);
    uint64_t state = seed * 77 + 1;
    for (size_t i = 0; i < count; i++) x[i] = scale * random_float(&state);
    return x;
}

// ---- Linear layers -------------------------------------------------------------------------------------------

enum { MAXIMUM_ROWS = 64 };

/// output, from the same starting values: bias and accumulation as the number says.
static float *product(
    const rd_kernels *kernels, const weight_type *type, const uint8_t *tiles, const uint8_t *other, size_t columns,
    size_t outputs, const float *input, size_t rows, int way
) {
    const size_t panel_bytes = rd_panel_bytes(type->type, columns), panels = (rows + RD_PANEL - 1) / RD_PANEL;
    uint8_t *panel = memory(panels * panel_bytes);
    for (size_t p = 0; p < panels; p++) {
        const size_t left = rows - p * RD_PANEL, count = left < RD_PANEL ? left : RD_PANEL;
        (type->block > 1 ? kernels->quantize_panel : kernels->float_panel)(
            input + p * RD_PANEL * columns, columns, count, columns, panel + p * panel_bytes);
    }
    float *output = random_floats(rows * outputs, 5, 1), *bias = random_floats(outputs, 6, 1);
    rd_linear job = {
        .weights = tiles, .tile_bytes = rd_tile_bytes(type->type, columns), .type = type->type,
        .columns = (uint32_t)columns, .outputs = (uint32_t)outputs, .rows = (uint32_t)rows, .panels = panel,
        .panel_bytes = panel_bytes, .bias = way & 1 ? bias : NULL, .output = output, .output_stride = outputs,
        .accumulate = (uint32_t)(way >> 1 & 1),
    };
    const size_t tile_count = (outputs + 15) / 16;
    if (way < 4) {
        kernels->linear(&job, 0, tile_count, 0, panels);
    } else {
        rd_linear up = job;
        up.weights = other;
        kernels->gated(&job, &up, way == 4 ? RD_SILU : RD_GELU_TANH, 0, tile_count, 0, panels);
    }
    free(panel);
    free(bias);
    return output;
}

static uint8_t *packed(const weight_type *type, size_t columns, size_t outputs, uint64_t seed) {
    const size_t row_bytes = columns / type->block * type->block_bytes, tile_bytes = rd_tile_bytes(type->type, columns);
    const size_t tiles = (outputs + 15) / 16;
    uint8_t *file = memory(outputs * row_bytes), *result = memory(tiles * tile_bytes);
    random_weights(type, outputs, columns, seed, file);
    for (size_t tile = 0; tile < tiles; tile++) {
        const size_t left = outputs - tile * 16;
        rd_pack_tile(
            type->type, file + tile * 16 * row_bytes, left < 16 ? left : 16, row_bytes, columns,
            result + tile * tile_bytes);
    }
    free(file);
    return result;
}

static void check_linear(const weight_type *type, size_t columns, size_t outputs) {
    uint8_t *tiles = packed(type, columns, outputs, columns + outputs), *other = packed(type, columns, outputs, 3);
    float *input = random_floats(MAXIMUM_ROWS * columns, 8, 2);
    // One row with a single sign, at its largest everywhere: the widest sums. One block of zeros. One of tiny numbers.
    for (size_t i = 0; i < columns; i++) input[columns + i] = 1;
    for (size_t i = 0; i < columns; i++) input[2 * columns + i] = i / 32 % 2 ? -1 : 1;
    for (size_t i = 0; i < 32 && i < columns; i++) input[3 * columns + i] = 0;
    for (size_t i = 0; i < columns; i++) input[4 * columns + i] *= 1e-37f;
    static const size_t row_counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 31, 64};
    for (int way = 0; way < 6; way++) {
        float *expected = product(oracle, type, tiles, other, columns, outputs, input, MAXIMUM_ROWS, way);
        for (size_t i = 0; i < sizeof row_counts / sizeof row_counts[0]; i++) {
            const size_t rows = row_counts[i];
            float *y = product(set, type, tiles, other, columns, outputs, input, rows, way);
            same(y, expected, rows * outputs * 4, way < 4 ? "linear" : "gated", type->name, rows);
            free(y);
        }
        free(expected);
    }
    const size_t tile_count = (outputs + 15) / 16;
    if (type->block == 1) {
        rd_linear job = {
            .weights = tiles, .tile_bytes = rd_tile_bytes(type->type, columns), .type = type->type,
            .columns = (uint32_t)columns, .outputs = (uint32_t)outputs,
        };
        float *a = memory(columns * tile_count * 64), *b = memory(columns * tile_count * 64);
        oracle->expand(&job, 0, tile_count, a);
        set->expand(&job, 0, tile_count, b);
        same(a, b, columns * tile_count * 64, "expand", type->name, columns);
        free(a);
        free(b);
    }
    free(input);
    free(tiles);
    free(other);
}

/// Activations that are not finite make their row NaN, scales of weights their output; the others are left alone.
static void check_not_finite(const weight_type *type) {
    const size_t columns = 256, rows = 3, outputs = 16;
    uint8_t *tiles = packed(type, columns, outputs, 9);
    if (type->block > 1) {
        const size_t numbers = number_bytes(type->type);
        uint8_t *scales = tiles + (type->block == 256 ? 8 * numbers + 256 : numbers);
        memcpy(scales + 2 * 3, &(uint16_t){0x7e00}, 2);  // NaN
        memcpy(scales + 2 * 12, &(uint16_t){0xfc00}, 2);  // -infinity
    }
    float *input = random_floats(rows * columns, 4, 1);
    input[columns + 40] = NAN;
    input[2 * columns + 99] = -INFINITY;
    float *a = product(oracle, type, tiles, tiles, columns, outputs, input, rows, 0);
    float *b = product(set, type, tiles, tiles, columns, outputs, input, rows, 0);
    for (size_t i = 0; i < rows * outputs; i++)  // which NaN is not part of the contract
        if (isnan(a[i]) && isnan(b[i])) a[i] = b[i] = 0;
    same(a, b, rows * outputs * 4, "not finite", type->name, rows);
    free(a);
    free(b);
    free(input);
    free(tiles);
}

// ---- Attention -----------------------------------------------------------------------------------------------

/// A random tree of `fresh` rows behind `committed` keys, queries of `heads` heads each; or contiguous rows. They see the last
/// `window` keys, with scores of at most 4; 0: all, as they are.
static void check_attention(size_t d, size_t committed, size_t fresh, size_t heads, int tree, uint32_t window) {
    const size_t slots = (committed + fresh + 15) / 16 * 16, record = rd_partial_floats(d);
    uint16_t *keys = memory(slots * d * 2), *values = memory(slots * d * 2);
    uint64_t state = committed * 31 + fresh + d;
    for (size_t i = 0; i < slots * d; i++) keys[i] = half_bits(0.1f + random_float(&state));
    for (size_t i = 0; i < slots * d; i++) values[i] = half_bits(0.1f + random_float(&state));
    float *queries = random_floats(fresh * heads * d, 12, 1);
    int32_t branches[RD_QUERIES][RD_QUERIES];
    size_t depth[RD_QUERIES];
    rd_attention job = rd_attention_over(keys, values);
    job.head_dimension = (uint32_t)d;
    job.queries = (uint32_t)(fresh * heads);
    job.committed = (uint32_t)committed;
    job.used_slots = (uint32_t)(committed + fresh);
    job.scale = 0.125f;
    job.softcap = window ? 4 : 0;
    for (size_t row = 0; row < fresh; row++) {
        const size_t parent = row == 0 || random_bits(&state) % 4 == 0 ? SIZE_MAX : random_bits(&state) % row;
        depth[row] = parent == SIZE_MAX ? 0 : depth[parent] + 1;
        if (parent != SIZE_MAX) memcpy(branches[row], branches[parent], depth[row] * sizeof(int32_t));
        branches[row][depth[row]] = (int32_t)(committed + row);
        for (size_t head = 0; head < heads; head++) {
            const size_t q = row * heads + head;
            const uint32_t visible = (uint32_t)(tree ? committed + depth[row] + 1 : committed + row + 1);
            const uint32_t first = window && visible > window ? visible - window : 0;
            rd_attention_set_query(&job, q, queries + q * d, first, visible, tree ? branches[row] : NULL);
        }
    }
    float *scratch = memory(rd_attention_scratch(fresh, d) * 4);
    float *a = memory(RD_QUERIES * record * 4), *b = memory(RD_QUERIES * record * 4);
    float *sum_a = memory(record * 4), *sum_b = memory(record * 4), *out_a = memory(d * 4), *out_b = memory(d * 4);
    for (size_t split = 0; split * RD_SPLIT < committed + fresh; split++) {
        oracle->attention_split(&job, split, scratch, a);
        set->attention_split(&job, split, scratch, b);
        for (size_t q = 0; q < job.queries; q++) {
            same(a + q * record, b + q * record, 8, "attention (sums)", tree ? "tree" : "rows", committed);
            same(a + q * record + 16, b + q * record + 16, d * 4, "attention", tree ? "tree" : "rows", committed);
        }
        if (split == 0) {
            memcpy(sum_a, a, record * 4);
            memcpy(sum_b, b, record * 4);
        } else {
            oracle->attention_merge(sum_a, a, d);
            set->attention_merge(sum_b, b, d);
        }
    }
    oracle->attention_finish(sum_a, d, out_a);
    set->attention_finish(sum_b, d, out_b);
    same(out_a, out_b, d * 4, "attention (finish)", tree ? "tree" : "rows", committed);
    free(keys), free(values), free(queries), free(scratch), free(a), free(b);
    free(sum_a), free(sum_b), free(out_a), free(out_b);
}

// ---- The rest ------------------------------------------------------------------------------------------------

static void check_elementwise(size_t count) {
    float *x = random_floats(count, count + 1, 12), *y = random_floats(count, count + 2, 2);
    if (count > 8) {
        x[1] = 90, x[2] = -200, x[3] = 1e30f, x[4] = -1e30f, x[5] = 1e-30f, x[6] = -0.0f, x[7] = 65520;
    }
    float *a = memory(count * 4), *b = memory(count * 4);
    uint16_t *half_a = memory(count * 2), *half_b = memory(count * 2);
#define BOTH(what, call_a, call_b, bytes_a, bytes_b, size) \
    call_a;                                                \
    call_b;                                                \
    same(bytes_a, bytes_b, size, what, "", count)
    BOTH("rms_norm", oracle->rms_norm(x, y, 1e-5f, count, a), set->rms_norm(x, y, 1e-5f, count, b), a, b, count * 4);
    BOTH("silu", oracle->silu(x, y, count, a), set->silu(x, y, count, b), a, b, count * 4);
    BOTH("silu", oracle->silu(x, NULL, count, a), set->silu(x, NULL, count, b), a, b, count * 4);
    BOTH("store_f16", oracle->store_f16(x, count, half_a), set->store_f16(x, count, half_b), half_a, half_b, count * 2);
    for (uint32_t activation = RD_SILU; activation <= RD_GELU_TANH; activation++) {
        memcpy(a, x, count * 4), memcpy(b, x, count * 4);
        BOTH("gate", oracle->gate(a, y, count, activation), set->gate(b, y, count, activation), a, b, count * 4);
    }
    memcpy(a, x, count * 4), memcpy(b, x, count * 4);
    BOTH("softcap", oracle->softcap(a, count, 30), set->softcap(b, count, 30), a, b, count * 4);
    float sum_a, sum_b;
    BOTH("exp_sum", sum_a = oracle->exp_sum(y, count, 2), sum_b = set->exp_sum(y, count, 2), &sum_a, &sum_b, 4);
    for (size_t i = 0; i < count; i++) {  // alone, so that small ones are not lost; down to where they become zero
        BOTH("exp_sum", sum_a = oracle->exp_sum(x + i, 1, 80), sum_b = set->exp_sum(x + i, 1, 80), &sum_a, &sum_b, 4);
    }
    int64_t best_a, best_b;
    BOTH("argmax", best_a = oracle->argmax(x, count), best_b = set->argmax(x, count), &best_a, &best_b, 8);
    x[count / 2] = NAN;
    BOTH("argmax", best_a = oracle->argmax(x, count), best_b = set->argmax(x, count), &best_a, &best_b, 8);
    x[count / 2] = 1;
    if (count % 2 == 0)
        for (int halves = 0; halves < 2; halves++) {
            memcpy(a, x, count * 4), memcpy(b, x, count * 4);
            BOTH(
                "rotate", oracle->rotate(a, y, y + count / 2, count, halves),
                set->rotate(b, y, y + count / 2, count, halves), a, b, count * 4);
        }
    free(x), free(y), free(a), free(b), free(half_a), free(half_b);
}

/// Compares a set with the portable one; NULL where the processor cannot run it.
static void check(const char *name, const rd_kernels *_Nullable kernels) {
    if (kernels == oracle) return;
    if (!kernels) {
        const size_t used = strlen(skipped);
        snprintf(skipped + used, sizeof skipped - used, " %s", name);
        return;
    }
    set = kernels;
    sets++;
    checks = 0;
    checksum = 0xcbf29ce484222325;
    const int before = failures;
    for (size_t t = 0; t < WEIGHT_TYPES; t++) {
        const weight_type *type = &weight_types[t];
        const int super = type->block == 256;
        check_linear(type, super ? 256 : 32, 16);
        check_linear(type, super ? 768 : 96, 83);
        check_linear(type, super ? 2048 : 576, 64);
        check_not_finite(type);
    }
    static const size_t dimensions[] = {16, 32, 48, 64, 80, 96, 128}, kept[] = {0, 1, 15, 16, 100, 127, 128, 300};
    for (size_t i = 0; i < sizeof dimensions / sizeof dimensions[0]; i++)
        for (size_t k = 0; k < sizeof kept / sizeof kept[0]; k++)
            for (int tree = 0; tree < 2; tree++)
                for (size_t heads = 1; heads <= 4; heads++)
                    for (size_t fresh = 1; fresh * heads <= RD_QUERIES; fresh++)
                        for (uint32_t window = 0; window <= 140; window += 70)
                            check_attention(dimensions[i], kept[k], fresh, heads, tree, window);
    static const size_t counts[] = {1, 2, 15, 16, 17, 31, 32, 48, 64, 80, 128, 576, 1000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) check_elementwise(counts[i]);
    printf(
        "%s: %d of %d results are those of the portable kernels; checksum %016llx\n", name,
        checks - (failures - before), checks, (unsigned long long)checksum);
}

int main(void) {
    oracle = rd_kernels_named("portable");
    for (size_t i = 0; rd_kernels_name_at(i); i++) check(rd_kernels_name_at(i), rd_kernels_named(rd_kernels_name_at(i)));
#if defined(__x86_64__)
    const int has_evex = __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
    check(rd_kernels_vnni_evex.name, has_evex ? &rd_kernels_vnni_evex : NULL);
#endif
    if (skipped[0]) printf("skipped:%s (this processor lacks them)\n", skipped);
    if (sets == 0) puts("this processor runs the portable kernels only: nothing to compare");
    return failures ? 1 : 0;
}
