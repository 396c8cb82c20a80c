// Tiles of quantised weights times panels of 8-bit activations with AVX2 and no more. See linear.h for the order of sums.
//
// One row, 5 rows and more, and all rows of q6_K: half a block, 16 outputs x 16 columns, is unpacked into 8 registers and stays
// there while the rows of the panel pass: each broadcast of four activations serves two registers of weights. What a row has
// after the first half, and its float sums, wait in the first-level cache.
//
// Two to four rows: the integer sums of a block stay in registers instead, and weights pass all rows four columns at a time.
// 8-bit weights do so with up to four rows at a time.
//
// AVX2 multiplies unsigned by signed bytes and adds pairs in 16 bits, so sums stay there as long as they fit:
//   4 bits   8 pairs of at most 2 * 15 * 127, 30,480 together: all of a block
//   5 bits   4 pairs of at most 2 * 31 * 127, 31,496 together: half a block
//   6 bits   2 pairs of at most 2 * 63 * 127, 32,004 together
//   8 bits   as 16-bit numbers: as many instructions as by any other way, and simple
#ifndef LINEAR_AVX2_H
#define LINEAR_AVX2_H

#include "blocks_256.h"
#include "counts.h"
#include "panels.h"

// Rows whose sums of all 16 outputs stay in registers.
#define FEW_ROWS 4

/// Half a block of 16 outputs: groups `4 part ..< 4 part + 4`, outputs 0..7 and 8..15.
typedef struct {
    __m256i group[4][2];
} half_block;

/// Unsigned weights of half a block, but not of 8 bits.
INLINE half_block unpack_half(uint32_t type, const uint8_t *block, const int part) {
    half_block w;
    for (int h = 0; h < 2; h++)
        for (int g = 0; g < 4; g++) w.group[g][h] = unpack_group(type, block, part, g, h);
    return w;
}

/// The dot product of half a block, for 8 outputs: 32-bit lanes, or pairs of 16 bits that are still to be added where
/// they fit. `before` is what the first half gave, of no meaning in the first.
INLINE __m256i dot_half(
    uint32_t type, const half_block *w, const __m256i x[4], const block_factors *f, const int part, const int h,
    __m256i before
) {
    __m256i products[4];
    for (int g = 0; g < 4; g++) products[g] = _mm256_maddubs_epi16(w->group[g][h], x[g]);
    const __m256i low = _mm256_add_epi16(products[0], products[1]);
    const __m256i high = _mm256_add_epi16(products[2], products[3]);
    if (type == RD_Q6_K) {
        const __m256i scale = f->part_scale[part].half[h];
        const __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(low, scale), _mm256_madd_epi16(high, scale));
        return part ? _mm256_add_epi32(sum, before) : sum;
    }
    const __m256i sum = _mm256_add_epi16(low, high), ones = _mm256_set1_epi16(1);
    if (has_fifth_bit(type)) {
        const __m256i wide = _mm256_madd_epi16(sum, ones);
        return part ? _mm256_add_epi32(wide, before) : wide;
    }
    return part ? _mm256_madd_epi16(_mm256_add_epi16(sum, before), ones) : sum;
}

INLINE void broadcast_half(const int8_t *q, const int part, __m256i x[4]) {
    for (int g = 0; g < 4; g++) x[g] = broadcast4(q + 16 * part + 4 * g);
}

/// All rows of a panel; `one` says that there is a single row. `acc [rows][16]`
INLINE void half_tile(
    uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, const int one, float *acc
) {
    const size_t rows = one ? 1 : p.rows;
    lanes256 first[RD_PANEL];
    for (size_t r = 0; r < rows; r++) clear_sums(acc + r * 16);
    for (size_t b = 0; b < blocks; b++) {
        const uint8_t *block = block_at(type, tile, b);
        prefetch_ahead(type, tile, b);
        block_factors f = factors_of(type, tile, b);
        half_block w = unpack_half(type, block, 0);
        for (size_t r = 0; r < rows; r++) {
            __m256i x[4];
            broadcast_half(p.q + (b * rows + r) * 32, 0, x);
            for (int h = 0; h < 2; h++) first[r].half[h] = dot_half(type, &w, x, &f, 0, h, _mm256_setzero_si256());
        }
        w = unpack_half(type, block, 1);
        for (size_t r = 0; r < rows; r++) {
            const size_t at = b * rows + r;
            __m256i x[4];
            STAY_IN_MEMORY(f);
            broadcast_half(p.q + at * 32, 1, x);
            lanes256 dot, zero;
            if (rd_zero_offset(type)) zero = zero_part(type, &f, p.sum + 2 * at);
            for (int h = 0; h < 2; h++) {
                dot.half[h] = dot_half(type, &w, x, &f, 1, h, first[r].half[h]);
                if (rd_zero_offset(type)) dot.half[h] = _mm256_add_epi32(dot.half[h], zero.half[h]);
            }
            add_block(type, acc + r * 16, dot, &f, p.scale[at], p.scaled_sum[at]);
        }
    }
}

/// Two to four rows, with their sums in registers; not of 8 bits. `acc [count][16]`
INLINE void few_tile(uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, const int count, float *acc) {
    // Groups whose products fit 16 bits together.
    const int span = has_fifth_bit(type) ? 4 : 8;
    for (int r = 0; r < count; r++) clear_sums(acc + r * 16);
    for (size_t b = 0; b < blocks; b++) {
        const uint8_t *block = block_at(type, tile, b);
        const size_t at = b * (size_t)count;
        prefetch_ahead(type, tile, b);
        block_factors f = factors_of(type, tile, b);
        STAY_IN_MEMORY(f);
        lanes256 sums[FEW_ROWS], dots[FEW_ROWS];
        for (int r = 0; r < count && rd_zero_offset(type); r++)
            dots[r] = zero_part(type, &f, p.sum + 2 * (at + (size_t)r));
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++) {
            // Both halves of a byte one after the other, or one half of all bytes and then the other.
            const int part = span < 8 ? i / 4 : i % 2, g = span < 8 ? i % 4 : i / 2;
            __m256i w[2];
            for (int h = 0; h < 2; h++) w[h] = unpack_group(type, block, part, g, h);
#pragma clang loop unroll(full)
            for (int r = 0; r < count; r++) {
                const __m256i x = broadcast4(p.q + (at + (size_t)r) * 32 + 16 * part + 4 * g);
                for (int h = 0; h < 2; h++) {
                    __m256i sum = _mm256_maddubs_epi16(w[h], x);
                    if (i % span) sum = _mm256_add_epi16(sums[r].half[h], sum);
                    sums[r].half[h] = sum;
                    if (i % span < span - 1) continue;
                    const __m256i wide = _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
                    const int is_first = i < span && !rd_zero_offset(type);
                    dots[r].half[h] = is_first ? wide : _mm256_add_epi32(dots[r].half[h], wide);
                }
            }
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < count; r++) {
            const size_t row = at + (size_t)r;
            add_block(type, acc + r * 16, dots[r], &f, p.scale[row], p.scaled_sum[row]);
        }
    }
}

/// 8-bit weights, widened to 16 bits: `count` rows from `first`, up to four, with their sums in registers. `acc [rows][16]`
INLINE void wide_tile(const uint8_t *tile, size_t blocks, panel_view p, size_t first, const int count, float *acc) {
    const __m256i low = _mm256_set1_epi16(255);
    acc += first * 16;
    for (int r = 0; r < count; r++) clear_sums(acc + r * 16);
    for (size_t b = 0; b < blocks; b++, tile += rd_block_bytes(RD_Q8_0)) {
        const size_t at = b * p.rows + first;
        prefetch_ahead(RD_Q8_0, tile, 0);
        block_factors f = factors_of(RD_Q8_0, tile, 0);
        if (count > 1) STAY_IN_MEMORY(f);
        lanes256 dots[FEW_ROWS];
        for (int r = 0; r < count; r++) dots[r] = zero_part(RD_Q8_0, &f, p.sum + 2 * (at + (size_t)r));
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
            // Even or odd columns of a group.
            const int g = i / 2, odd = i % 2;
            __m256i w[2];
            for (int h = 0; h < 2; h++) {
                const __m256i v = load256(tile + 64 * g + 32 * h);
                w[h] = odd ? _mm256_srli_epi16(v, 8) : _mm256_and_si256(v, low);
            }
#pragma clang loop unroll(full)
            for (int r = 0; r < count; r++) {
                const __m256i pair = broadcast4(p.wide + (at + (size_t)r) * 32 + 4 * g + 2 * odd);
                for (int h = 0; h < 2; h++)
                    dots[r].half[h] = _mm256_add_epi32(dots[r].half[h], _mm256_madd_epi16(w[h], pair));
            }
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < count; r++) add_block(RD_Q8_0, acc + r * 16, dots[r], &f, p.scale[at + (size_t)r], 0);
    }
}

/// All rows of a panel. `acc [rows][16]`
INLINE void any_rows(uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, float *acc) {
    if (type == RD_Q8_0) {
        for (size_t first = 0; first < p.rows; first += FEW_ROWS) {
#define ROWS(n) wide_tile(tile, blocks, p, first, n, acc)
            EACH_COUNT_4(p.rows - first, ROWS)
#undef ROWS
        }
    } else if (p.rows == 1) {
        half_tile(type, tile, blocks, p, 1, acc);
    } else if (p.rows > FEW_ROWS || type == RD_Q6_K) {
        half_tile(type, tile, blocks, p, 0, acc);
    } else {
#define ROWS(n) few_tile(type, tile, blocks, p, n, acc)
        EACH_COUNT_4(p.rows, ROWS)
#undef ROWS
    }
}

EACH_QUANTISED(DEFINE_QUANTISED)

#endif
