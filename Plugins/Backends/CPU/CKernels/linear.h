// Linear layers over packed tiles. One source for every kernel set; see vectors.h.
//
// The result of an output element is acc, started at 0 and updated block by block in order of columns:
//   quantised   acc = fma(float(integer dot), scale_w * scale_x, acc), then for types with a minimum
//               acc = fma(minimum_w, scale_x * sum_x, acc)
//   float       acc = fma(w, x, acc) column by column
// which does not depend on how many rows or tiles are computed together.
#ifndef LINEAR_H
#define LINEAR_H

#include "CKernels.h"
#include "types.h"
#include "vectors.h"

// Rows and tiles that a kernel keeps in registers. Float kernels need at least 8 sums in vector registers to hide the
// latency of fused multiply-add.
#if defined(RD_ISA_AVX512)
#define REGISTER_ROWS 8
#define FLOAT_ROWS 8
#define FLOAT_TILES 2
#elif defined(RD_ISA_AVX2)
#define REGISTER_ROWS 2
#define FLOAT_ROWS 4
#define FLOAT_TILES 1
#else
#define REGISTER_ROWS 2
#define FLOAT_ROWS 2
#define FLOAT_TILES 1
#endif

// Bytes of weights that kernels ask for ahead: of blocks, and of float weights in each tile.
#define BLOCKS_AHEAD 8192
#define FLOAT_AHEAD 4096

/// Panel of quantised activations of `rows` rows: see quantize_panel.
typedef struct {
    const int8_t *q;       // [blocks][rows][32]
    const float *scale;    // [blocks][rows]
    const float *scaled_sum;  // [blocks][rows], scale * sum of q
    const int32_t *sum;    // [blocks][rows][2], sums of q over halves of the block
    size_t rows;
} panel_view;

INLINE panel_view view_panel(const uint8_t *panel, size_t blocks, size_t rows) {
    panel_view v;
    v.rows = rows;
    v.q = (const int8_t *)panel;
    v.scale = (const float *)(panel + blocks * rows * 32);
    v.scaled_sum = v.scale + blocks * rows;
    v.sum = (const int32_t *)(v.scaled_sum + blocks * rows);
    return v;
}

/// Sums of 32 signed bytes: the first 16, then the last 16.
INLINE void half_sums(i8x32 q, int32_t sums[2]) {
#if defined(RD_ISA_AVX512) || defined(RD_ISA_AVX2)
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), (__m256i)q);
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    fours = _mm256_hadd_epi32(fours, fours);
    fours = _mm256_hadd_epi32(fours, fours);
    sums[0] = _mm256_extract_epi32(fours, 0);
    sums[1] = _mm256_extract_epi32(fours, 4);
#else
    sums[0] = sums[1] = 0;
    for (int i = 0; i < 16; i++) {
        sums[0] += q[i];
        sums[1] += q[i + 16];
    }
#endif
}

/// One row of a panel, 16 blocks at a time so that the divisions run side by side.
static void quantize_row(const float *x, size_t blocks, size_t row, size_t rows, uint8_t *panel) {
    const float magic = 12582912.0f;
    int8_t *q = (int8_t *)panel;
    float *scale = (float *)(panel + blocks * rows * 32);
    float *scaled_sum = scale + blocks * rows;
    int32_t *sum = (int32_t *)(scaled_sum + blocks * rows);
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
            *(i8x32_u *)(q + at * 32) = rounded;
            half_sums(rounded, sum + 2 * at);
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
    const u8x64 w[8], const int8_t *x, int first, int last, int32_t start, int wide, int chains
) {
    if (chains == 1) {
        i32x16 sum = (i32x16)(start);
#pragma clang loop unroll(full)
        for (int g = first; g < last; g++) sum = dot4(sum, w[g], x + 4 * g, wide);
        return sum;
    }
    i32x16 even = (i32x16)(start), odd = (i32x16)(0);
#pragma clang loop unroll(full)
    for (int g = first; g < last; g += 2) {
        even = dot4(even, w[g], x + 4 * g, wide);
        odd = dot4(odd, w[g + 1], x + 4 * g + 4, wide);
    }
    return even + odd;
}

INLINE f32x16 to_float(i32x16 v) { return __builtin_convertvector(v, f32x16); }
INLINE f32x16 bytes_to_float(const uint8_t *p) { return __builtin_convertvector(*(const u8x16_u *)p, f32x16); }

/// One block of a simple type: unpacks its weights and points at its scales.
INLINE const uint8_t *unpack_block(uint32_t type, const uint8_t *block, u8x64 w[8]) {
    if (type == RD_Q8_0) {
        for (int g = 0; g < 8; g++) w[g] = load_bytes(block + 64 * g);
        return block + 512;
    }
    unpack_nibbles(block, w);
    if (type == RD_Q5_0 || type == RD_Q5_1) {
        unpack_fifth(block + 256, w);
        return block + 320;
    }
    return block + 256;
}

/// `count` rows from `first` of the panel, types with one scale per block of 32. `acc [panel rows][16]`
INLINE void simple_tile(
    uint32_t type, const uint8_t *tile, size_t blocks, panel_view p, size_t first, const int count, float *acc
) {
    const size_t block_bytes = rd_block_bytes(type);
    const int zero = rd_zero_offset(type);
    const int has_minimum = type == RD_Q4_1 || type == RD_Q5_1;
    f32x16 sums[REGISTER_ROWS];
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) sums[r] = (f32x16)(0.0f);
    for (size_t b = 0; b < blocks; b++, tile += block_bytes) {
        u8x64 w[8];
        const uint8_t *scales = unpack_block(type, tile, w);
#pragma clang loop unroll(full)
        for (size_t at = 0; at < block_bytes; at += 64) __builtin_prefetch(tile + BLOCKS_AHEAD + at, 0, 3);
        f32x16 scale = load_f16(scales);
        f32x16 minimum = has_minimum ? load_f16(scales + 32) : (f32x16)(0.0f);
#pragma clang loop unroll(full)
        for (int r = 0; r < count; r++) {
            const size_t at = b * p.rows + first + (size_t)r;
            int32_t start = zero ? -zero * (p.sum[2 * at] + p.sum[2 * at + 1]) : 0;
            i32x16 dot = dot_groups(w, p.q + at * 32, 0, 8, start, type == RD_Q8_0, count >= 4 ? 1 : 2);
            sums[r] = fma16(to_float(dot), scale * p.scale[at], sums[r]);
            if (has_minimum) sums[r] = fma16(minimum, (f32x16)(p.scaled_sum[at]), sums[r]);
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
    const size_t part = type == RD_Q4_K ? 256 : type == RD_Q5_K ? 320 : 384;
    f32x16 sums[REGISTER_ROWS];
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) sums[r] = (f32x16)(0.0f);
    for (size_t b = 0; b < blocks; b++) {
        const uint8_t *super = tile + (b / 8) * super_bytes, *block = super + (b % 8) * part;
        const uint8_t *scales = super + 8 * part + (b % 8) * 32, *shared = super + 8 * part + 256;
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
                dot = s0 * dot_groups(w, x, 0, 4, -32 * p.sum[2 * at], 0, 1)
                    + s1 * dot_groups(w, x, 4, 8, -32 * p.sum[2 * at + 1], 0, 1);
            } else {
                dot = dot_groups(w, x, 0, 8, 0, 0, count >= 4 ? 1 : 2);
            }
            sums[r] = fma16(to_float(dot), scale * p.scale[at], sums[r]);
            if (type != RD_Q6_K) sums[r] = fma16(negative_minimum, (f32x16)(p.scaled_sum[at]), sums[r]);
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) store16(acc + (first + (size_t)r) * 16, sums[r]);
}

INLINE f32x16 load_weights(uint32_t type, const uint8_t *p) {
    if (type == RD_F32) return load16((const float *)p);
    return type == RD_F16 ? load_f16(p) : load_bf16(p);
}

static void expand(const rd_linear *job, size_t tile_begin, size_t tile_end, float *output) {
    const size_t step = 16 * rd_block_bytes(job->type), width = 16 * (tile_end - tile_begin);
    for (size_t t = tile_begin; t < tile_end; t++, output += 16) {
        const uint8_t *tile = job->weights + t * job->tile_bytes;
        float *to = output;
        switch (job->type) {
        case RD_F32:
            for (size_t k = 0; k < job->columns; k++, to += width) store16(to, load_weights(RD_F32, tile + k * step));
            break;
        case RD_F16:
            for (size_t k = 0; k < job->columns; k++, to += width) store16(to, load_weights(RD_F16, tile + k * step));
            break;
        default:
            for (size_t k = 0; k < job->columns; k++, to += width) store16(to, load_weights(RD_BF16, tile + k * step));
        }
    }
}

/// Float weights: `tiles` neighbouring tiles at once hide the latency of the single chain each element has.
INLINE void float_tiles(
    uint32_t type, const uint8_t *tile, size_t tile_bytes, const int tiles, size_t columns, const float *panel,
    size_t panel_rows, size_t first, const int count, float *acc
) {
    const size_t step = 16 * rd_block_bytes(type);
    f32x16 sums[4 * FLOAT_ROWS];
#pragma clang loop unroll(full)
    for (int i = 0; i < tiles * count; i++) sums[i] = (f32x16)(0.0f);
    for (size_t k = 0; k < columns; k++) {
        const float *x = panel + k * panel_rows + first;
        f32x16 w[4];
#pragma clang loop unroll(full)
        for (int t = 0; t < tiles; t++) {
            const uint8_t *at = tile + (size_t)t * tile_bytes + k * step;
            w[t] = load_weights(type, at);
            __builtin_prefetch(at + FLOAT_AHEAD, 0, 3);
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < count; r++) {
            f32x16 value = (f32x16)(x[r]);
#pragma clang loop unroll(full)
            for (int t = 0; t < tiles; t++)
                sums[t * count + r] = fma16(w[t], value, sums[t * count + r]);
        }
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < tiles; t++)
#pragma clang loop unroll(full)
        for (int r = 0; r < count; r++)
            store16(acc + ((size_t)t * panel_rows + first + (size_t)r) * 16, sums[t * count + r]);
}

// Calls `body` with the row count as a constant, so that sums stay in registers.
#if REGISTER_ROWS == 8
#define EACH_COUNT(n, body)                                                     \
    switch (n) {                                                                \
    case 1: body(1); break;                                                     \
    case 2: body(2); break;                                                     \
    case 3: body(3); break;                                                     \
    case 4: body(4); break;                                                     \
    case 5: body(5); break;                                                     \
    case 6: body(6); break;                                                     \
    case 7: body(7); break;                                                     \
    default: body(8); break;                                                    \
    }
#else
#define EACH_COUNT(n, body)                                                     \
    switch (n) {                                                                \
    case 1: body(1); break;                                                     \
    default: body(2); break;                                                    \
    }
#endif

#define DEFINE_QUANTISED(name, type, kernel)                                                                     \
    static void name(const uint8_t *tile, size_t blocks, const uint8_t *panel, size_t rows, float *acc) {        \
        panel_view p = view_panel(panel, blocks, rows);                                                          \
        for (size_t first = 0; first < rows; first += REGISTER_ROWS) {                                           \
            size_t count = rows - first < REGISTER_ROWS ? rows - first : REGISTER_ROWS;                          \
            EACH_COUNT(count, CALL_##kernel(type))                                                               \
        }                                                                                                        \
    }
#define CALL_simple_tile(type) BODY_simple_##type
#define CALL_super_tile(type) BODY_super_##type
#define BODY_simple_RD_Q4_0(n) simple_tile(RD_Q4_0, tile, blocks, p, first, n, acc)
#define BODY_simple_RD_Q4_1(n) simple_tile(RD_Q4_1, tile, blocks, p, first, n, acc)
#define BODY_simple_RD_Q5_0(n) simple_tile(RD_Q5_0, tile, blocks, p, first, n, acc)
#define BODY_simple_RD_Q5_1(n) simple_tile(RD_Q5_1, tile, blocks, p, first, n, acc)
#define BODY_simple_RD_Q8_0(n) simple_tile(RD_Q8_0, tile, blocks, p, first, n, acc)
#define BODY_super_RD_Q4_K(n) super_tile(RD_Q4_K, tile, blocks, p, first, n, acc)
#define BODY_super_RD_Q5_K(n) super_tile(RD_Q5_K, tile, blocks, p, first, n, acc)
#define BODY_super_RD_Q6_K(n) super_tile(RD_Q6_K, tile, blocks, p, first, n, acc)

DEFINE_QUANTISED(tile_q4_0, RD_Q4_0, simple_tile)
DEFINE_QUANTISED(tile_q4_1, RD_Q4_1, simple_tile)
DEFINE_QUANTISED(tile_q5_0, RD_Q5_0, simple_tile)
DEFINE_QUANTISED(tile_q5_1, RD_Q5_1, simple_tile)
DEFINE_QUANTISED(tile_q8_0, RD_Q8_0, simple_tile)
DEFINE_QUANTISED(tile_q4_K, RD_Q4_K, super_tile)
DEFINE_QUANTISED(tile_q5_K, RD_Q5_K, super_tile)
DEFINE_QUANTISED(tile_q6_K, RD_Q6_K, super_tile)

#if FLOAT_ROWS == REGISTER_ROWS
#define EACH_FLOAT_COUNT EACH_COUNT
#else
#define EACH_FLOAT_COUNT(n, body)                                               \
    switch (n) {                                                                \
    case 1: body(1); break;                                                     \
    case 2: body(2); break;                                                     \
    case 3: body(3); break;                                                     \
    default: body(4); break;                                                    \
    }
#endif

#define DEFINE_FLOAT(name, type)                                                                                 \
    static void name(                                                                                            \
        const uint8_t *tile, size_t tile_bytes, size_t tiles, size_t columns, const uint8_t *panel, size_t rows, \
        float *acc                                                                                               \
    ) {                                                                                                          \
        const float *x = (const float *)panel;                                                                   \
        size_t t = 0;                                                                                            \
        if (rows == 1)                                                                                           \
            for (; t + 4 <= tiles; t += 4)                                                                       \
                float_tiles(type, tile + t * tile_bytes, tile_bytes, 4, columns, x, 1, 0, 1, acc + t * 16);      \
        for (; t < tiles; t += FLOAT_TILES) {                                                                    \
            const uint8_t *from = tile + t * tile_bytes;                                                         \
            float *to = acc + t * rows * 16;                                                                     \
            for (size_t first = 0; first < rows; first += FLOAT_ROWS) {                                          \
                size_t count = rows - first < FLOAT_ROWS ? rows - first : FLOAT_ROWS;                            \
                if (FLOAT_TILES == 2 && t + 2 <= tiles) {                                                        \
                    EACH_FLOAT_COUNT(count, BODY_pair_##type)                                                    \
                } else {                                                                                         \
                    EACH_FLOAT_COUNT(count, BODY_one_##type)                                                     \
                }                                                                                                \
            }                                                                                                    \
        }                                                                                                        \
    }
#define BODY_pair_RD_F32(n) float_tiles(RD_F32, from, tile_bytes, FLOAT_TILES, columns, x, rows, first, n, to)
#define BODY_pair_RD_F16(n) float_tiles(RD_F16, from, tile_bytes, FLOAT_TILES, columns, x, rows, first, n, to)
#define BODY_pair_RD_BF16(n) float_tiles(RD_BF16, from, tile_bytes, FLOAT_TILES, columns, x, rows, first, n, to)
#define BODY_one_RD_F32(n) float_tiles(RD_F32, from, tile_bytes, 1, columns, x, rows, first, n, to)
#define BODY_one_RD_F16(n) float_tiles(RD_F16, from, tile_bytes, 1, columns, x, rows, first, n, to)
#define BODY_one_RD_BF16(n) float_tiles(RD_BF16, from, tile_bytes, 1, columns, x, rows, first, n, to)

DEFINE_FLOAT(tiles_f32, RD_F32)
DEFINE_FLOAT(tiles_f16, RD_F16)
DEFINE_FLOAT(tiles_bf16, RD_BF16)

/// Results of up to 4 tiles for one panel. `acc [tiles][rows][16]`
static void compute_tiles(const rd_linear *job, size_t tile, size_t tiles, size_t panel, float *acc) {
    const uint8_t *weights = job->weights + tile * job->tile_bytes;
    const uint8_t *x = job->panels + panel * job->panel_bytes;
    const size_t left = job->rows - panel * RD_PANEL, rows = left < RD_PANEL ? left : RD_PANEL;
    switch (job->type) {
    case RD_F32: tiles_f32(weights, job->tile_bytes, tiles, job->columns, x, rows, acc); return;
    case RD_F16: tiles_f16(weights, job->tile_bytes, tiles, job->columns, x, rows, acc); return;
    case RD_BF16: tiles_bf16(weights, job->tile_bytes, tiles, job->columns, x, rows, acc); return;
    default: break;
    }
    const size_t blocks = job->columns / 32;
    for (size_t t = 0; t < tiles; t++, weights += job->tile_bytes, acc += rows * 16) {
        switch (job->type) {
        case RD_Q4_0: tile_q4_0(weights, blocks, x, rows, acc); break;
        case RD_Q4_1: tile_q4_1(weights, blocks, x, rows, acc); break;
        case RD_Q5_0: tile_q5_0(weights, blocks, x, rows, acc); break;
        case RD_Q5_1: tile_q5_1(weights, blocks, x, rows, acc); break;
        case RD_Q8_0: tile_q8_0(weights, blocks, x, rows, acc); break;
        case RD_Q4_K: tile_q4_K(weights, blocks, x, rows, acc); break;
        case RD_Q5_K: tile_q5_K(weights, blocks, x, rows, acc); break;
        case RD_Q6_K: tile_q6_K(weights, blocks, x, rows, acc); break;
        default: break;
        }
    }
}

#define TILES_AT_ONCE 4

static void linear(
    const rd_linear *job, size_t tile_begin, size_t tile_end, size_t panel_begin, size_t panel_end
) {
    float acc[TILES_AT_ONCE * RD_PANEL * 16] __attribute__((aligned(64)));
    for (size_t tile = tile_begin; tile < tile_end; tile += TILES_AT_ONCE) {
        const size_t tiles = tile_end - tile < TILES_AT_ONCE ? tile_end - tile : TILES_AT_ONCE;
        for (size_t panel = panel_begin; panel < panel_end; panel++) {
            compute_tiles(job, tile, tiles, panel, acc);
            const size_t left = job->rows - panel * RD_PANEL, rows = left < RD_PANEL ? left : RD_PANEL;
            for (size_t t = 0; t < tiles; t++) {
                const size_t at = (tile + t) * RD_TILE, rest = job->outputs - at;
                for (size_t r = 0; r < rows; r++) {
                    float *out = job->output + (panel * RD_PANEL + r) * job->output_stride + at;
                    f32x16 value = load16(acc + (t * rows + r) * 16);
                    if (rest >= RD_TILE) {
                        if (job->bias) value += load16(job->bias + at);
                        if (job->accumulate) value += load16(out);
                        store16(out, value);
                    } else {
                        if (job->bias) value += load_partial(job->bias + at, rest);
                        if (job->accumulate) value += load_partial(out, rest);
                        store_partial(out, value, rest);
                    }
                }
            }
        }
    }
}

static void gated(
    const rd_linear *gate, const rd_linear *up, size_t tile_begin, size_t tile_end, size_t panel_begin,
    size_t panel_end
) {
    float a[TILES_AT_ONCE * RD_PANEL * 16] __attribute__((aligned(64)));
    float b[TILES_AT_ONCE * RD_PANEL * 16] __attribute__((aligned(64)));
    for (size_t tile = tile_begin; tile < tile_end; tile += TILES_AT_ONCE) {
        const size_t tiles = tile_end - tile < TILES_AT_ONCE ? tile_end - tile : TILES_AT_ONCE;
        for (size_t panel = panel_begin; panel < panel_end; panel++) {
            compute_tiles(gate, tile, tiles, panel, a);
            compute_tiles(up, tile, tiles, panel, b);
            const size_t left = gate->rows - panel * RD_PANEL, rows = left < RD_PANEL ? left : RD_PANEL;
            for (size_t t = 0; t < tiles; t++) {
                const size_t at = (tile + t) * RD_TILE, rest = gate->outputs - at;
                for (size_t r = 0; r < rows; r++) {
                    float *out = gate->output + (panel * RD_PANEL + r) * gate->output_stride + at;
                    const size_t i = (t * rows + r) * 16;
                    f32x16 value = silu16(load16(a + i)) * load16(b + i);
                    if (rest >= RD_TILE)
                        store16(out, value);
                    else
                        store_partial(out, value, rest);
                }
            }
        }
    }
}

#endif
