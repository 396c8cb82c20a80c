// Tiles of quantised weights times panels of 8-bit activations on 64-bit ARM. See linear.h for the order of sums.
//
// Half of a block, 8 outputs x 32 columns, is unpacked into 16 registers and stays there while all rows of the panel pass,
// two at a time.
//
//   sdot    4 outputs x one group of columns, times that group of one row, picked by lane from a register of four groups
//   smmla   2 outputs x two groups of columns ("coupled", see blocks_neon.h), times these columns of two rows, which lie
//           beside each other in the panel; gives | row 0: o, o+1 | row 1: o, o+1 |
//
// Sums keep the order that their instruction gives until the tile is done.
#ifndef LINEAR_NEON_H
#define LINEAR_NEON_H

#include "blocks_neon.h"
#include "panels.h"
#include "vectors.h"

// Whether panels of several rows go through smmla. A single row takes sdot.
#if defined(RD_I8MM)
#define COUPLED 1
#else
#define COUPLED 0
#endif

/// Factors of 8 outputs: two of 4, coupled four of 2.
typedef struct {
    block_factors of[4];
} half_factors;

/// A row's factors; coupled, of two rows, each twice.
typedef struct {
    float32x4_t scale;
    float32x4_t scaled_sum;
} row_factors;

/// Adds the products of four groups with one row.
INLINE int32x4_t add_groups(int32x4_t sum, const int8x16_t w[4], int8x16_t x) {
    sum = vdotq_laneq_s32(sum, w[0], x, 0);
    sum = vdotq_laneq_s32(sum, w[1], x, 1);
    sum = vdotq_laneq_s32(sum, w[2], x, 2);
    return vdotq_laneq_s32(sum, w[3], x, 3);
}

/// The integer dot products of a block: 4 outputs, one row.
INLINE int32x4_t dot_row(uint32_t type, const quarter_block *w, const block_factors *f, const int8x16_t x[2]) {
    const int32x4_t zero = vdupq_n_s32(0), low = add_groups(zero, w->vector, x[0]);
    if (type != RD_Q6_K) return add_groups(low, w->vector + 4, x[1]);
    const int32x4_t high = add_groups(zero, w->vector + 4, x[1]);
    return vmlaq_s32(vmulq_s32(low, f->part_scale[0]), high, f->part_scale[1]);
}

#if COUPLED
/// The integer dot products of a block: two rows x outputs 0, 1 (`high` 0) or 2, 3 of a quarter.
INLINE int32x4_t dot_pair(
    uint32_t type, const quarter_block *w, const int high, const block_factors *f, const int8x16_t x[4]
) {
    const int32x4_t zero = vdupq_n_s32(0);
    const int8x16_t *v = w->vector + high;
    const int32x4_t first = vmmlaq_s32(vmmlaq_s32(zero, x[0], v[0]), x[1], v[2]);
    if (type != RD_Q6_K) return vmmlaq_s32(vmmlaq_s32(first, x[2], v[4]), x[3], v[6]);
    const int32x4_t second = vmmlaq_s32(vmmlaq_s32(zero, x[2], v[4]), x[3], v[6]);
    return vmlaq_s32(vmulq_s32(first, f->part_scale[0]), second, f->part_scale[1]);
}
#endif

/// Adds the integer dot products of a block to float sums.
INLINE float32x4_t add_block(
    uint32_t type, float32x4_t sum, int32x4_t dot, const block_factors *f, const row_factors *row
) {
    // Exact: a number of 24 bits, times the power of two that the weights carry.
    const float32x4_t number = type == RD_Q4_0   ? vcvtq_n_f32_s32(dot, 4)
                               : type == RD_Q5_0 ? vcvtq_n_f32_s32(dot, 3)
                               : type == RD_Q6_K ? vcvtq_n_f32_s32(dot, 2)
                                                 : vcvtq_f32_s32(dot);
    sum = vfmaq_f32(sum, number, vmulq_f32(f->scale, row->scale));
    return has_minimum(type) ? vfmaq_f32(sum, f->minimum, row->scaled_sum) : sum;
}

/// One number four times, or two numbers twice each.
INLINE float32x4_t each_twice(const float *p, const int n) {
    if (n == 1) return vdupq_n_f32(p[0]);
    const float32x2_t two = vld1_f32(p);
    return vzip1q_f32(vcombine_f32(two, two), vcombine_f32(two, two));
}

/// The factors of one row at `at` of the panel's [blocks][rows], or of two there; one alone stands in for both.
INLINE row_factors row_factors_at(uint32_t type, panel_view p, size_t at, const int n) {
    row_factors f = {.scale = each_twice(p.scale + at, n)};
    if (!has_minimum(type)) return f;
    f.scaled_sum = each_twice(p.scaled_sum + at, n);
    // K-quants take their minimum off.
    if (is_super(type)) f.scaled_sum = -f.scaled_sum;
    return f;
}

INLINE void load_row(const int8_t *q, int8x16_t x[2]) {
    x[0] = vld1q_s8(q);
    x[1] = vld1q_s8(q + 16);
}

/// A single row.
INLINE void one_row(uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, float *acc) {
    float32x4_t sums[4];
    for (int quarter = 0; quarter < 4; quarter++) sums[quarter] = vdupq_n_f32(0);
    for (size_t b = 0; b < blocks; b++) {
        const uint8_t *block = block_at(type, tile, b);
        prefetch_ahead(type, tile, b);
        int8x16_t x[2];
        load_row(p.q + b * 32, x);
        const row_factors row = row_factors_at(type, p, b, 1);
#pragma clang loop unroll(full)
        for (int quarter = 0; quarter < 4; quarter++) {
            const quarter_block w = unpack_quarter(type, block, quarter, 0);
            const block_factors f = factors_of(type, tile, b, quarter);
            sums[quarter] = add_block(type, sums[quarter], dot_row(type, &w, &f, x), &f, &row);
        }
    }
    for (int quarter = 0; quarter < 4; quarter++) vst1q_f32(acc + 4 * quarter, sums[quarter]);
}

/// One or two rows and 8 outputs: [rows][2] vectors of 4 outputs; coupled, 4 vectors of two rows x 2 outputs.
typedef struct {
    float32x4_t vector[4];
} pair_sums;

/// Adds a block to the sums of `n` rows, one or two, from row `at` of the panel's [blocks][rows].
INLINE void add_rows(
    uint32_t type, const quarter_block w[2], const half_factors *f, panel_view p, size_t at, const int n,
    pair_sums *sums
) {
    const int8_t *q = p.q + at * 32;
#if COUPLED
    int8x16_t x[4];
    for (int k = 0; k < 4; k++)
        x[k] = n == 2 ? vld1q_s8(q + 16 * k) : vcombine_s8(vld1_s8(q + 8 * k), vdup_n_s8(0));
    const row_factors row = row_factors_at(type, p, at, n);
    for (int i = 0; i < 4; i++) {
        const int32x4_t dot = dot_pair(type, &w[i / 2], i % 2, &f->of[i], x);
        sums->vector[i] = add_block(type, sums->vector[i], dot, &f->of[i], &row);
    }
#else
    for (int r = 0; r < n; r++) {
        int8x16_t x[2];
        load_row(q + 32 * r, x);
        const row_factors row = row_factors_at(type, p, at + (size_t)r, 1);
        for (int i = 0; i < 2; i++) {
            const int32x4_t dot = dot_row(type, &w[i], &f->of[i], x);
            sums->vector[2 * r + i] = add_block(type, sums->vector[2 * r + i], dot, &f->of[i], &row);
        }
    }
#endif
}

/// Writes the sums of `n` rows. `acc [n][16]`, 8 of them
INLINE void store_sums(pair_sums sums, size_t n, float *acc) {
    if (COUPLED) {
        const pair_sums c = sums;
        for (int i = 0; i < 2; i++) {
            sums.vector[i] = vcombine_f32(vget_low_f32(c.vector[2 * i]), vget_low_f32(c.vector[2 * i + 1]));
            sums.vector[2 + i] = vcombine_f32(vget_high_f32(c.vector[2 * i]), vget_high_f32(c.vector[2 * i + 1]));
        }
    }
    for (size_t i = 0; i < 2 * n; i++) vst1q_f32(acc + 16 * (i / 2) + 4 * (i % 2), sums.vector[i]);
}

/// Rows of a panel, more than one.
INLINE void all_rows(uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, float *acc) {
    const size_t rows = p.rows;
    pair_sums sums[RD_PANEL / 2][2];
    memset(sums, 0, sizeof sums);
    for (size_t b = 0; b < blocks; b++) {
        const uint8_t *block = block_at(type, tile, b);
        prefetch_ahead(type, tile, b);
        for (int half = 0; half < 2; half++) {
            quarter_block w[2];
            half_factors f;
            for (int i = 0; i < 2; i++) {
                w[i] = unpack_quarter(type, block, 2 * half + i, COUPLED);
                const block_factors own = factors_of(type, tile, b, 2 * half + i);
                for (int high = 0; COUPLED && high < 2; high++) f.of[2 * i + high] = couple_factors(type, &own, high);
                if (!COUPLED) f.of[i] = own;
            }
            size_t r = 0;
            for (; r + 2 <= rows; r += 2) {
                STAY_IN_MEMORY(f);
                add_rows(type, w, &f, p, b * rows + r, 2, &sums[r / 2][half]);
            }
            STAY_IN_MEMORY(f);
            if (r < rows) add_rows(type, w, &f, p, b * rows + r, 1, &sums[r / 2][half]);
        }
    }
    for (size_t r = 0; r < rows; r += 2)
        for (int half = 0; half < 2; half++)
            store_sums(sums[r / 2][half], rows - r < 2 ? 1 : 2, acc + 16 * r + 8 * half);
}

#define DEFINE_QUANTISED(name, type)                                                                             \
    static __attribute__((noinline)) void name(                                                                  \
        const uint8_t *tile, size_t blocks, const uint8_t *panel, size_t rows, float *acc) {                     \
        const panel_view p = view_panel(panel, blocks, rows);                                                    \
        if (rows == 1)                                                                                           \
            one_row(type, tile, blocks, p, acc);                                                                 \
        else                                                                                                     \
            all_rows(type, tile, blocks, p, acc);                                                                \
    }

EACH_QUANTISED(DEFINE_QUANTISED)

#endif
