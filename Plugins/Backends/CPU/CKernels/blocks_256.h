// What the kernels of quantised weights in registers of 256 bits share: the factors of a block of 16 outputs, and the float sums.
#ifndef BLOCKS_256_H
#define BLOCKS_256_H

#include "blocks.h"
#include "vectors.h"

/// Sixteen lanes of 32 bits, or 16 pairs of 16 bits.
typedef struct {
    __m256i half[2];
} lanes256;

/// A block's factors of 16 outputs.
typedef struct {
    __m256 scale[2];
    __m256 minimum[2];       // added times the sum of activations
    lanes256 part_scale[2];  // q6_K: integer factor of each half of the block, twice in 16 bits each
    lanes256 part_zero;      // q6_K: -32 times both factors, a pair of 16 bits for each output
} block_factors;

INLINE __m256i load256(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE __m256 load_f16x8(const uint8_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }

/// Four activations for 8 outputs.
INLINE __m256i broadcast4(const void *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm256_set1_epi32(four);
}

/// Bits `from` and up moved to `to`; what comes from neighbouring bytes has to be masked.
INLINE __m256i move_bits(__m256i v, int from, int to) {
    return from > to ? _mm256_srli_epi16(v, from - to) : _mm256_slli_epi16(v, to - from);
}

/// Unsigned weights of group `4 part + g` of a block: four columns of outputs 8h ..< 8h + 8.
INLINE __m256i unpack_group(uint32_t type, const uint8_t *block, const int part, const int g, const int h) {
    if (type == RD_Q8_0) return load256(block + 64 * (4 * part + g) + 32 * h);
    const __m256i nibbles = load256(block + 64 * g + 32 * h);
    __m256i w = _mm256_and_si256(part ? _mm256_srli_epi16(nibbles, 4) : nibbles, _mm256_set1_epi8(15));
    if (has_fifth_bit(type)) {
        const __m256i plane = load256(block + 256 + 32 * h);
        w = _mm256_or_si256(w, _mm256_and_si256(move_bits(plane, 4 * part + g, 4), _mm256_set1_epi8(16)));
    }
    if (type == RD_Q6_K) {
        const __m256i plane = load256(block + 256 + 64 * part + 32 * h);
        w = _mm256_or_si256(w, _mm256_and_si256(move_bits(plane, 2 * g, 4), _mm256_set1_epi8(48)));
    }
    return w;
}

INLINE block_factors factors_of(uint32_t type, const uint8_t *tile, size_t b) {
    block_factors f;
    const size_t numbers = number_bytes(type);
    if (!is_super(type)) {
        const uint8_t *at = block_at(type, tile, b) + numbers;
        for (size_t h = 0; h < 2; h++) {
            f.scale[h] = load_f16x8(at + 16 * h);
            if (has_minimum(type)) f.minimum[h] = load_f16x8(at + 32 + 16 * h);
        }
        return f;
    }
    const uint8_t *own = tile + (b / 8) * rd_block_bytes(type) + 8 * numbers;
    const uint8_t *shared = own + 256;
    own += (b % 8) * 32;
    for (size_t h = 0; h < 2; h++) {
        f.scale[h] = load_f16x8(shared + 16 * h);
        if (type == RD_Q6_K) {
            const __m256i word = _mm256_set1_epi32(0xffff);
            __m256i s[2];
            for (int part = 0; part < 2; part++) {
                s[part] = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(own + 16 * part + 8 * h)));
                f.part_scale[part].half[h] =
                    _mm256_or_si256(_mm256_and_si256(s[part], word), _mm256_slli_epi32(s[part], 16));
            }
            const __m256i both = _mm256_or_si256(_mm256_and_si256(s[0], word), _mm256_slli_epi32(s[1], 16));
            f.part_zero.half[h] = _mm256_mullo_epi16(both, _mm256_set1_epi16(-rd_zero_offset(type)));
        } else {
            const __m256i scale = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(own + 8 * h)));
            const __m256i minimum = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(own + 16 + 8 * h)));
            f.scale[h] = _mm256_mul_ps(f.scale[h], _mm256_cvtepi32_ps(scale));
            f.minimum[h] = _mm256_mul_ps(load_f16x8(shared + 32 + 16 * h), _mm256_cvtepi32_ps(minimum));
        }
    }
    return f;
}

/// What the zero offset of the weights takes off: the same for all outputs but in q6_K. `sums` are those of the halves.
INLINE lanes256 zero_part(uint32_t type, const block_factors *f, const int16_t *sums) {
    const __m256i both = broadcast4(sums);
    lanes256 zero;
    if (type == RD_Q6_K) {
        for (int h = 0; h < 2; h++) zero.half[h] = _mm256_madd_epi16(f->part_zero.half[h], both);
    } else {
        zero.half[0] = _mm256_madd_epi16(both, _mm256_set1_epi16((short)-rd_zero_offset(type)));
        zero.half[1] = zero.half[0];
    }
    return zero;
}

INLINE void clear_sums(float *sums) {
    for (int h = 0; h < 2; h++) _mm256_storeu_ps(sums + 8 * h, _mm256_setzero_ps());
}

/// Adds the integer dot products of a block and one row to the float sums of outputs 8h ..< 8h + 8. `sums [16]`
INLINE void add_half_block(
    uint32_t type, float *sums, __m256i dot, const block_factors *f, const int h, float scale, float scaled_sum
) {
    __m256 sum = _mm256_loadu_ps(sums + 8 * h);
    sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), _mm256_mul_ps(f->scale[h], _mm256_set1_ps(scale)), sum);
    if (has_minimum(type)) {
        const __m256 x = _mm256_set1_ps(scaled_sum);
        // K-quants take their minimum off.
        sum = is_super(type) ? _mm256_fnmadd_ps(f->minimum[h], x, sum) : _mm256_fmadd_ps(f->minimum[h], x, sum);
    }
    _mm256_storeu_ps(sums + 8 * h, sum);
}

INLINE void add_block(
    uint32_t type, float *sums, lanes256 dot, const block_factors *f, float scale, float scaled_sum
) {
    for (int h = 0; h < 2; h++) add_half_block(type, sums, dot.half[h], f, h, scale, scaled_sum);
}

/// The function of a type's tiles. The file that uses it has `any_rows`, which takes all rows of a panel.
#define DEFINE_QUANTISED(name, type)                                                                             \
    static __attribute__((noinline)) void name(                                                                  \
        const uint8_t *tile, size_t blocks, const uint8_t *panel, size_t rows, float *acc) {                     \
        any_rows(type, tile, blocks, view_panel(panel, blocks, rows), acc);                                      \
    }

#endif
