// Tiles of quantised weights times panels of 8-bit activations, for AVX-512 and for plain C; see linear.h for the order of
// sums.
#ifndef LINEAR_QUANTISED_H
#define LINEAR_QUANTISED_H

#include "blocks.h"
#include "counts.h"
#include "panels.h"
#include "vectors.h"

// Rows that a kernel keeps in registers.
#if defined(RD_ISA_AVX512)
#define REGISTER_ROWS 8
#define EACH_ROW_COUNT EACH_COUNT_8
#else
#define REGISTER_ROWS 2
#define EACH_ROW_COUNT EACH_COUNT_2
#endif

INLINE u8x64 load_bytes(const uint8_t *p) { return *(const u8x64_u *)p; }

/// The 8 groups of a block of 4-bit numbers.
INLINE void unpack_nibbles(const uint8_t *p, u8x64 w[8]) {
    for (int j = 0; j < 4; j++) {
        u8x64 v = load_bytes(p + 64 * j);
        w[j] = v & (uint8_t)15;
        w[j + 4] = v >> (uint8_t)4;
    }
}

/// Adds the fifth bit.
INLINE void unpack_fifth(const uint8_t *plane, u8x64 w[8]) {
    u8x64 v = load_bytes(plane);
    for (int g = 0; g < 8; g++) {
        u8x64 bit = g <= 4 ? (v << (uint8_t)(4 - g)) : (v >> (uint8_t)(g - 4));
        w[g] |= bit & (uint8_t)16;
    }
}

/// Adds the fifth and sixth bit.
INLINE void unpack_sixth(const uint8_t *planes, u8x64 w[8]) {
    for (int g = 0; g < 8; g++) {
        u8x64 v = load_bytes(planes + 64 * (g / 4));
        const int shift = 2 * (g % 4);
        u8x64 bits = shift <= 4 ? (v << (uint8_t)(4 - shift)) : (v >> (uint8_t)(shift - 4));
        w[g] |= bits & (uint8_t)48;
    }
}

/// Integer dot product of groups `first..<last` of a block, started at `start`, in two chains that run side by side.
INLINE i32x16 dot_groups(
    const u8x64 w[8], const int8_t *x, int first, int last, int32_t start, int chains
) {
    if (chains == 1) {
        i32x16 sum = (i32x16)(start);
#pragma clang loop unroll(full)
        for (int g = first; g < last; g++) sum = dot4(sum, w[g], x + 4 * g);
        return sum;
    }
    i32x16 even = (i32x16)(start), odd = (i32x16)(0);
#pragma clang loop unroll(full)
    for (int g = first; g < last; g += 2) {
        even = dot4(even, w[g], x + 4 * g);
        odd = dot4(odd, w[g + 1], x + 4 * g + 4);
    }
    return even + odd;
}

INLINE f32x16 to_float(i32x16 v) { return __builtin_convertvector(v, f32x16); }
INLINE f32x16 bytes_to_float(const uint8_t *p) { return __builtin_convertvector(*(const u8x16_u *)p, f32x16); }

/// One block of a simple type: unpacks its weights and points at its scales.
INLINE const uint8_t *unpack_block(uint32_t type, const uint8_t *block, u8x64 w[8]) {
    if (type == RD_Q8_0) {
        for (int g = 0; g < 8; g++) w[g] = load_bytes(block + 64 * g);
    } else {
        unpack_nibbles(block, w);
        if (has_fifth_bit(type)) unpack_fifth(block + 256, w);
    }
    return block + number_bytes(type);
}

/// `count` rows from `first` of the panel, types with one scale per block of 32. `acc [panel rows][16]`
INLINE void simple_tile(
    uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, size_t first, const int count, float *acc
) {
    const size_t block_bytes = rd_block_bytes(type);
    const int zero = rd_zero_offset(type);
    f32x16 sums[REGISTER_ROWS];
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) sums[r] = (f32x16)(0.0f);
    for (size_t b = 0; b < blocks; b++, tile += block_bytes) {
        u8x64 w[8];
        const uint8_t *scales = unpack_block(type, tile, w);
        prefetch_ahead(type, tile, 0);
        f32x16 scale = load_f16(scales);
        f32x16 minimum = has_minimum(type) ? load_f16(scales + 32) : (f32x16)(0.0f);
#pragma clang loop unroll(full)
        for (int r = 0; r < count; r++) {
            const size_t at = b * p.rows + first + (size_t)r;
            int32_t start = zero ? -zero * (p.sum[2 * at] + p.sum[2 * at + 1]) : 0;
            i32x16 dot = dot_groups(w, p.q + at * 32, 0, 8, start, count >= 4 ? 1 : 2);
            sums[r] = fma16(to_float(dot), scale * p.scale[at], sums[r]);
            if (has_minimum(type)) sums[r] = fma16(minimum, (f32x16)(p.scaled_sum[at]), sums[r]);
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) store16(acc + (first + (size_t)r) * 16, sums[r]);
}

/// The same for K-quants: 8 blocks of 32 share one f16 scale.
INLINE void super_tile(
    uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, size_t first, const int count, float *acc
) {
    const size_t super_bytes = rd_block_bytes(type);
    const size_t part = number_bytes(type);
    f32x16 sums[REGISTER_ROWS];
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) sums[r] = (f32x16)(0.0f);
    for (size_t b = 0; b < blocks; b++) {
        const uint8_t *super = tile + (b / 8) * super_bytes, *block = super + (b % 8) * part;
        const uint8_t *scales = super + 8 * part + (b % 8) * 32, *shared = super + 8 * part + 256;
        prefetch_ahead(type, tile, b);
        u8x64 w[8];
        unpack_nibbles(block, w);
        if (type == RD_Q5_K) unpack_fifth(block + 256, w);
        if (type == RD_Q6_K) unpack_sixth(block + 256, w);
        f32x16 d = load_f16(shared);
        f32x16 scale = d, negative_minimum = (f32x16)(0.0f);
        i32x16 s0 = (i32x16)(0), s1 = (i32x16)(0);
        if (type == RD_Q6_K) {
            s0 = __builtin_convertvector(*(const i8x16_u *)scales, i32x16);
            s1 = __builtin_convertvector(*(const i8x16_u *)(scales + 16), i32x16);
        } else {
            scale = d * bytes_to_float(scales);
            negative_minimum = -(load_f16(shared + 32) * bytes_to_float(scales + 16));
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < count; r++) {
            const size_t at = b * p.rows + first + (size_t)r;
            const int8_t *x = p.q + at * 32;
            i32x16 dot;
            if (type == RD_Q6_K) {
                dot = s0 * dot_groups(w, x, 0, 4, -32 * p.sum[2 * at], 1)
                    + s1 * dot_groups(w, x, 4, 8, -32 * p.sum[2 * at + 1], 1);
            } else {
                dot = dot_groups(w, x, 0, 8, 0, count >= 4 ? 1 : 2);
            }
            sums[r] = fma16(to_float(dot), scale * p.scale[at], sums[r]);
            if (type != RD_Q6_K) sums[r] = fma16(negative_minimum, (f32x16)(p.scaled_sum[at]), sums[r]);
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) store16(acc + (first + (size_t)r) * 16, sums[r]);
}

INLINE void any_tile(
    uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, size_t first, const int count, float *acc
) {
    if (is_super(type))
        super_tile(type, tile, blocks, p, first, count, acc);
    else
        simple_tile(type, tile, blocks, p, first, count, acc);
}

INLINE void all_rows(uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, float *acc) {
    for (size_t first = 0; first < p.rows; first += REGISTER_ROWS) {
        size_t count = p.rows - first < REGISTER_ROWS ? p.rows - first : REGISTER_ROWS;
#define ROWS(n) any_tile(type, tile, blocks, p, first, n, acc)
        EACH_ROW_COUNT(count, ROWS)
#undef ROWS
    }
}

#define DEFINE_QUANTISED(name, type)                                                                             \
    static void name(const uint8_t *tile, size_t blocks, const uint8_t *panel, size_t rows, float *acc) {        \
        all_rows(type, tile, blocks, view_panel(panel, blocks, rows), acc);                                      \
    }

EACH_QUANTISED(DEFINE_QUANTISED)

#endif
