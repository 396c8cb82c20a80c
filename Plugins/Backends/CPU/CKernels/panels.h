// Activations as linear layers read them: panels of up to RD_PANEL rows, in 8 bits or as floats.
#ifndef PANELS_H
#define PANELS_H

#include "CKernels.h"
#include "vectors.h"

/// Panel of quantised activations of `rows` rows: see quantize_panel.
typedef struct {
    const int8_t *q;       // [blocks][rows][32]. I8MM: two rows take turns, 8 columns each
    const float *scale;    // [blocks][rows]
    const float *scaled_sum;  // [blocks][rows], scale * sum of q
    const int16_t *sum;    // [blocks][rows][2], sums of q over halves of the block
    const int16_t *wide;   // [blocks][rows][32], q in 16 bits: columns 0, 2, 1, 3 of each four. AVX2 only
    size_t rows;
} panel_view;

INLINE panel_view view_panel(const uint8_t *panel, size_t blocks, size_t rows) {
    panel_view v;
    v.rows = rows;
    v.q = (const int8_t *)panel;
    v.scale = (const float *)(panel + blocks * rows * 32);
    v.scaled_sum = v.scale + blocks * rows;
    v.sum = (const int16_t *)(v.scaled_sum + blocks * rows);
    v.wide = v.sum + 2 * blocks * rows;
    return v;
}

/// Sums of 32 signed bytes: the first 16, then the last 16.
INLINE void half_sums(i8x32 q, int16_t sums[2]) {
#if defined(RD_ISA_AVX512) || defined(RD_ISA_AVX2)
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), (__m256i)q);
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    fours = _mm256_hadd_epi32(fours, fours);
    fours = _mm256_hadd_epi32(fours, fours);
    sums[0] = (int16_t)_mm256_extract_epi32(fours, 0);
    sums[1] = (int16_t)_mm256_extract_epi32(fours, 4);
#elif defined(RD_ISA_NEON)
    const int8x16x2_t halves = __builtin_bit_cast(int8x16x2_t, q);
    sums[0] = vaddlvq_s8(halves.val[0]);
    sums[1] = vaddlvq_s8(halves.val[1]);
#else
    sums[0] = sums[1] = 0;
    for (int i = 0; i < 16; i++) {
        sums[0] += q[i];
        sums[1] += q[i + 16];
    }
#endif
}

#if defined(RD_ISA_AVX2) && !defined(RD_VNNI_256)
/// Widens 32 bytes as `panel_view.wide` wants them.
INLINE void store_wide(i8x32 q, int16_t *wide) {
    const __m256i bytes = (__m256i)q;
    const __m256i pairs = _mm256_shuffle_epi8(bytes, _mm256_setr_epi8(
        0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15, 0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15));
    _mm256_storeu_si256((__m256i *)wide, _mm256_cvtepi8_epi16(_mm256_castsi256_si128(pairs)));
    _mm256_storeu_si256((__m256i *)(wide + 16), _mm256_cvtepi8_epi16(_mm256_extracti128_si256(pairs, 1)));
}
#endif

#if defined(RD_I8MM)
/// Puts a block of row `row` where `panel_view.q` has it. `q [rows][32]`
INLINE void store_in_turns(i8x32 bytes, int8_t *q, size_t row, size_t rows) {
    if (row % 2 == 0 && row + 1 == rows) {
        *(i8x32_u *)(q + row * 32) = bytes;
        return;
    }
    int8_t *to = q + row / 2 * 64 + row % 2 * 8;
    for (int i = 0; i < 4; i++) memcpy(to + 16 * i, (const int8_t *)&bytes + 8 * i, 8);
}
#endif

/// One row of a panel, 16 blocks at a time so that the divisions run side by side.
static void quantize_row(const float *x, size_t blocks, size_t row, size_t rows, uint8_t *panel) {
    const float magic = 12582912.0f;
    int8_t *q = (int8_t *)panel;
    float *scale = (float *)(panel + blocks * rows * 32);
    float *scaled_sum = scale + blocks * rows;
    int16_t *sum = (int16_t *)(scaled_sum + blocks * rows);
#if defined(RD_ISA_AVX2) && !defined(RD_VNNI_256)
    int16_t *wide = sum + 2 * blocks * rows;
#endif
    for (size_t first = 0; first < blocks; first += 16) {
        const size_t count = blocks - first < 16 ? blocks - first : 16;
        i32x16 largest = (i32x16)(0);
        int32_t maxima[16] = {0};
        for (size_t b = 0; b < count; b++) {
            // Magnitudes compare like their bits, and NaN is above everything.
            const float *at = x + (first + b) * 32;
            i32x16 low = __builtin_bit_cast(i32x16, load16(at)) & 0x7fffffff;
            i32x16 high = __builtin_bit_cast(i32x16, load16(at + 16)) & 0x7fffffff;
            maxima[b] = __builtin_reduce_max(low > high ? low : high);
        }
        memcpy(&largest, maxima, sizeof largest);
        const f32x16 maximum = __builtin_bit_cast(f32x16, largest);
        // A block with NaN or infinity gets a NaN scale, which makes its row's results NaN; the sampler reports that.
        // The reciprocal of a very small maximum overflows: such a block is zero.
        const i32x16 finite = largest < 0x7f800000;
        const f32x16 d = finite ? maximum / 127.0f : (f32x16)(__builtin_nanf(""));
        const f32x16 inverse = (finite & (maximum > 1e-35f)) ? 127.0f / maximum : (f32x16)(0.0f);
        float scales[16], inverses[16];
        store16(scales, d);
        store16(inverses, inverse);
        for (size_t b = 0; b < count; b++) {
            const float *from = x + (first + b) * 32;
            const size_t at = (first + b) * rows + row;
            // NaN and infinity times zero would give any number: they count as zero.
            f32x16 low = maxima[b] < 0x7f800000 ? load16(from) : (f32x16)(0.0f);
            f32x16 high = maxima[b] < 0x7f800000 ? load16(from + 16) : (f32x16)(0.0f);
            const f32x16 factor = (f32x16)(inverses[b]);
            i32x16 ql = __builtin_bit_cast(i32x16, fma16(low, factor, (f32x16)(magic)));
            i32x16 qh = __builtin_bit_cast(i32x16, fma16(high, factor, (f32x16)(magic)));
            // The integer is in the low bits of the mantissa.
            const i8x32 rounded = __builtin_shufflevector(
                __builtin_convertvector(ql, i8x16), __builtin_convertvector(qh, i8x16), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
                10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
#if defined(RD_I8MM)
            store_in_turns(rounded, q + (first + b) * rows * 32, row, rows);
#else
            *(i8x32_u *)(q + at * 32) = rounded;
#endif
            half_sums(rounded, sum + 2 * at);
#if defined(RD_ISA_AVX2) && !defined(RD_VNNI_256)
            store_wide(rounded, wide + 32 * at);
#endif
            scale[at] = scales[b];
            scaled_sum[at] = scales[b] * (float)(sum[2 * at] + sum[2 * at + 1]);
        }
    }
}

static void quantize_panel(const float *input, size_t stride, size_t count, size_t columns, uint8_t *panel) {
    for (size_t r = 0; r < count; r++) quantize_row(input + r * stride, columns / 32, r, count, panel);
}

static void float_panel(const float *input, size_t stride, size_t count, size_t columns, uint8_t *panel) {
    float *x = (float *)panel;
    for (size_t r = 0; r < count; r++)
        for (size_t k = 0; k < columns; k++) x[k * count + r] = input[r * stride + k];
}

#endif
