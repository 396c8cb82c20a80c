// Blocks of quantised weights in registers of NEON, as signed bytes. The layouts are drawn in CKernels.h.
//
// A register has four words of 32 bits, each the weights of one output and one group of four columns:
//
//   | o, g | o+1, g | o+2, g | o+3, g |         as the tile has them: 4 outputs, one group
//   | o, g | o, g+1 | o+1, g | o+1, g+1 |       coupled: 2 outputs, two groups
//
// Weights without a zero offset are at most 31. The others lie at the top of their bytes with their highest bit flipped: as
// signed bytes they are w - zero offset, times a power of two that add_block takes off.
#ifndef BLOCKS_NEON_H
#define BLOCKS_NEON_H

#include "blocks.h"
#include "vectors.h"

/// Weights of 4 outputs x 32 columns. Vector g holds group g; coupled, an even g and g + 1 hold these two groups of
/// outputs 0, 1 and 2, 3.
typedef struct {
    int8x16_t vector[8];
} quarter_block;

/// A block's factors of 4 outputs; coupled, of 2 outputs, twice.
typedef struct {
    float32x4_t scale;
    float32x4_t minimum;      // times the sum of activations
    int32x4_t part_scale[2];  // q6_K: integer factor of each half of the columns
} block_factors;

INLINE float32x4_t load_f16x4(const uint8_t *p) {
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}

INLINE int32x4_t load_i8x4(const uint8_t *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)))));
}

INLINE float32x4_t load_u8x4(const uint8_t *p) {
    uint32_t four;
    memcpy(&four, p, 4);
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))))));
}

/// Couples two vectors, each of one group.
INLINE void couple(uint8x16_t *a, uint8x16_t *b) {
    const uint32x4_t first = vreinterpretq_u32_u8(*a), second = vreinterpretq_u32_u8(*b);
    *a = vreinterpretq_u8_u32(vzip1q_u32(first, second));
    *b = vreinterpretq_u8_u32(vzip2q_u32(first, second));
}

/// The higher bits of weights, `bits` for each of the groups that share a byte, some flipped. Coupled, those of two groups
/// stand where the even one has them.
INLINE void load_plane(const uint8_t *p, const int bits, uint8_t flip, const int coupled, uint8x16_t plane[2]) {
    plane[0] = vld1q_u8(p) ^ vdupq_n_u8(flip);
    plane[1] = plane[0];
    if (!coupled) return;
    plane[1] = plane[0] >> (uint8_t)bits;
    couple(&plane[0], &plane[1]);
}

INLINE uint8x16_t move_bits(uint8x16_t v, int from, int to) {
    return from > to ? v >> (uint8_t)(from - to) : v << (uint8_t)(to - from);
}

/// The weights of outputs `4 quarter ..< 4 quarter + 4`.
INLINE quarter_block unpack_quarter(uint32_t type, const uint8_t *block, const int quarter, const int coupled) {
    const int count = type == RD_Q8_0 ? 8 : 4, is_signed = rd_zero_offset(type) != 0;
    // The highest bits of the numbers, where they are not in planes.
    const uint8_t flip = type == RD_Q8_0 ? 0x80 : type == RD_Q4_0 ? 0x88 : 0;
    uint8x16_t v[8], plane[2][2];
    block += 16 * quarter;
    for (int j = 0; j < count; j++) v[j] = vld1q_u8(block + 64 * j) ^ vdupq_n_u8(flip);
    for (int j = 0; coupled && j < count; j += 2) couple(&v[j], &v[j + 1]);
    if (has_fifth_bit(type)) load_plane(block + 256, 1, is_signed ? 0xff : 0, coupled, plane[0]);
    for (int j = 0; type == RD_Q6_K && j < 2; j++) load_plane(block + 256 + 64 * j, 2, 0xaa, coupled, plane[j]);
    quarter_block w;
    for (int i = 0; i < 8; i++) {
        const int group = coupled ? i & ~1 : i;
        uint8x16_t x;
        if (type == RD_Q8_0) {
            x = v[i];
        } else if (is_signed) {  // the highest bit on top
            x = i < 4 ? v[i] << 4 : v[i - 4] & 0xf0;
            if (type == RD_Q5_0) x = vsriq_n_u8(move_bits(plane[0][i & 1], group, 7), x, 1);
            if (type == RD_Q6_K) x = vsriq_n_u8(move_bits(plane[i / 4][i & 1], 2 * (group % 4), 6), x, 2);
        } else if (has_fifth_bit(type)) {
            const int low = i < 4;
            const uint8x16_t bit = move_bits(plane[0][i & 1], group, low ? 0 : 4) & (uint8_t)(low ? 1 : 16);
            x = low ? vsliq_n_u8(v[i], bit, 4) : vsriq_n_u8(bit, v[i - 4], 4);
        } else {
            x = i < 4 ? v[i] & 15 : v[i - 4] >> 4;
        }
        w.vector[i] = vreinterpretq_s8_u8(x);
    }
    return w;
}

/// The factors of outputs `4 quarter ..< 4 quarter + 4` in block `b`.
INLINE block_factors factors_of(uint32_t type, const uint8_t *tile, size_t b, const int quarter) {
    block_factors f;
    const size_t numbers = number_bytes(type);
    if (!is_super(type)) {
        const uint8_t *at = block_at(type, tile, b) + numbers + 8 * quarter;
        f.scale = load_f16x4(at);
        if (has_minimum(type)) f.minimum = load_f16x4(at + 32);
        return f;
    }
    const uint8_t *own = tile + (b / 8) * rd_block_bytes(type) + 8 * numbers, *shared = own + 256 + 8 * quarter;
    own += (b % 8) * 32 + 4 * (size_t)quarter;
    f.scale = load_f16x4(shared);
    if (type == RD_Q6_K) {
        for (int part = 0; part < 2; part++) f.part_scale[part] = load_i8x4(own + 16 * part);
    } else {
        f.scale = vmulq_f32(f.scale, load_u8x4(own));
        f.minimum = vmulq_f32(load_f16x4(shared + 32), load_u8x4(own + 16));
    }
    return f;
}

/// Lanes 0, 1 or 2, 3, twice.
INLINE float32x4_t twice(float32x4_t v, const int high) {
    const float32x2_t two = high ? vget_high_f32(v) : vget_low_f32(v);
    return vcombine_f32(two, two);
}

/// The factors of outputs 0, 1 or 2, 3 of these, twice.
INLINE block_factors couple_factors(uint32_t type, const block_factors *f, const int high) {
    block_factors c;
    c.scale = twice(f->scale, high);
    if (has_minimum(type)) c.minimum = twice(f->minimum, high);
    for (int part = 0; type == RD_Q6_K && part < 2; part++)
        c.part_scale[part] = vreinterpretq_s32_f32(twice(vreinterpretq_f32_s32(f->part_scale[part]), high));
    return c;
}

#endif
