// Tiles of quantised weights times panels of 8-bit activations with the dot products of AVX-VNNI in registers of 256 bits. See
// linear.h for the order of sums.
//
// The integer sums of a block stay in registers: of up to 4 rows those of all 16 outputs, of 5 to 8 rows those of 8 outputs, then those
// of the other 8. Weights are unpacked four columns at a time and pass all these rows at once. What q6_K has after its first half waits
// in the first-level cache.
#ifndef LINEAR_VNNI_256_H
#define LINEAR_VNNI_256_H

#include "blocks_256.h"
#include "counts.h"
#include "panels.h"

// Rows whose sums of all 16 outputs stay in registers.
#define ROWS_OF_WHOLE_TILES 4
_Static_assert(RD_PANEL == 8, "a panel's rows are one case each");

/// sum + products of unsigned weights and signed activations, four of each lane.
INLINE __m256i add_products(__m256i sum, __m256i w, __m256i x) {
#if RD_VNNI_256 == 512
    return _mm256_dpbusd_epi32(sum, w, x);
#else
    return _mm256_dpbusd_avx_epi32(sum, w, x);
#endif
}

/// One block and `count` rows from row `at` of those of all blocks, outputs 8h ..< 8 (h + halves). `acc [count][16]`
INLINE void row_block(
    uint32_t type, const uint8_t *block, panel_view p, size_t at, const int count, const int h, const int halves,
    const block_factors *f, float *acc
) {
    // q6_K has factors for each half of the columns: they come one after the other, those of other types take turns.
    const int in_parts = type == RD_Q6_K;
    lanes256 sums[RD_PANEL], whole[RD_PANEL];
    for (int r = 0; r < count; r++) {
        sums[r].half[0] = sums[r].half[1] = _mm256_setzero_si256();
        if (!rd_zero_offset(type)) continue;
        const lanes256 zero = zero_part(type, f, p.sum + 2 * (at + (size_t)r));
        *(in_parts ? &whole[r] : &sums[r]) = zero;
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
        const int part = in_parts ? i / 4 : i % 2, g = in_parts ? i % 4 : i / 2;
        __m256i w[2];
        for (int k = h; k < h + halves; k++) w[k] = unpack_group(type, block, part, g, k);
#pragma clang loop unroll(full)
        for (int r = 0; r < count; r++) {
            const __m256i x = broadcast4(p.q + (at + (size_t)r) * 32 + 16 * part + 4 * g);
            for (int k = h; k < h + halves; k++) sums[r].half[k] = add_products(sums[r].half[k], w[k], x);
        }
        if (!in_parts || g < 3) continue;
        for (int k = h; k < h + halves; k++) {
            const __m256i scale = _mm256_srai_epi32(f->part_scale[part].half[k], 16);
            for (int r = 0; r < count; r++) {
                whole[r].half[k] = _mm256_add_epi32(whole[r].half[k], _mm256_mullo_epi32(sums[r].half[k], scale));
                sums[r].half[k] = _mm256_setzero_si256();
            }
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) {
        const size_t row = at + (size_t)r;
        for (int k = h; k < h + halves; k++)
            add_half_block(
                type, acc + r * 16, (in_parts ? whole : sums)[r].half[k], f, k, p.scale[row], p.scaled_sum[row]);
    }
}

/// All rows of a panel, `count` of them. `acc [count][16]`
INLINE void row_tile(
    uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, const int count, float *acc
) {
    for (int r = 0; r < count; r++) clear_sums(acc + r * 16);
    for (size_t b = 0; b < blocks; b++) {
        const uint8_t *block = block_at(type, tile, b);
        prefetch_ahead(type, tile, b);
        block_factors f = factors_of(type, tile, b);
        if (count > 1) STAY_IN_MEMORY(f);
        const size_t at = b * (size_t)count;
        if (count <= ROWS_OF_WHOLE_TILES) {
            row_block(type, block, p, at, count, 0, 2, &f, acc);
        } else {
            row_block(type, block, p, at, count, 0, 1, &f, acc);
            row_block(type, block, p, at, count, 1, 1, &f, acc);
        }
    }
}

/// All rows of a panel. `acc [rows][16]`
INLINE void any_rows(uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, float *acc) {
#define ROWS(n) row_tile(type, tile, blocks, p, n, acc)
    EACH_COUNT_8(p.rows, ROWS)
#undef ROWS
}

EACH_QUANTISED(DEFINE_QUANTISED)

#endif
