// Tiles of float weights times panels of floats; see linear.h for the order of sums.
#ifndef LINEAR_FLOAT_H
#define LINEAR_FLOAT_H

#include "CKernels.h"
#include "counts.h"
#include "types.h"
#include "vectors.h"

// Rows whose sums stay in registers, and up to how many of them two tiles go together: at least 8 registers of sums hide
// the latency of fused multiply-add. A single row takes four tiles. More rows go in equal parts.
#if defined(RD_ISA_AVX512)
#define FLOAT_ROWS 8
#define FLOAT_PAIR_ROWS 8
#define EACH_FLOAT_COUNT EACH_COUNT_8
#define EACH_PAIR_COUNT EACH_COUNT_8
#elif defined(RD_ISA_AVX2) || defined(__aarch64__)
#define FLOAT_ROWS 6
#define FLOAT_PAIR_ROWS 2
#define EACH_FLOAT_COUNT EACH_COUNT_6
#define EACH_PAIR_COUNT EACH_COUNT_2
#else
#define FLOAT_ROWS 2
#define FLOAT_PAIR_ROWS 0
#define EACH_FLOAT_COUNT EACH_COUNT_2
#define EACH_PAIR_COUNT EACH_COUNT_2
#endif

// Bytes of weights that kernels ask for ahead in each tile.
#define FLOAT_AHEAD 4096

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

/// `tiles` neighbouring tiles times `count` rows from `first`. `acc [tiles][panel rows][16]`
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
            ask_ahead(at + FLOAT_AHEAD);
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

/// All rows of a panel, as many tiles at a time as the registers hold. A tile is read by all rows before the next.
INLINE void float_panels(
    uint32_t type, const uint8_t *tile, size_t tile_bytes, size_t tiles, size_t columns, const float *x, size_t rows,
    float *acc
) {
    const size_t parts = (rows + FLOAT_ROWS - 1) / FLOAT_ROWS, most = (rows + parts - 1) / parts;
    size_t t = 0;
#define TILES(n, first, r)                                                                                       \
    float_tiles(type, tile + t * tile_bytes, tile_bytes, n, columns, x, rows, first, r, acc + t * rows * 16)
#define ONE(r) TILES(1, first, r)
#define PAIR(r) TILES(2, 0, r)
    if (rows == 1)
        for (; t + 4 <= tiles; t += 4) TILES(4, 0, 1);
    if (rows <= FLOAT_PAIR_ROWS)
        for (; t + 2 <= tiles; t += 2) EACH_PAIR_COUNT(rows, PAIR)
    for (; t < tiles; t++)
        for (size_t first = 0; first < rows; first += most) {
            const size_t count = rows - first < most ? rows - first : most;
            EACH_FLOAT_COUNT(count, ONE)
        }
#undef TILES
#undef ONE
#undef PAIR
}

#define DEFINE_FLOAT(name, type)                                                                                 \
    static void name(                                                                                            \
        const uint8_t *tile, size_t tile_bytes, size_t tiles, size_t columns, const uint8_t *panel, size_t rows, \
        float *acc                                                                                               \
    ) {                                                                                                          \
        float_panels(type, tile, tile_bytes, tiles, columns, (const float *)panel, rows, acc);                   \
    }

DEFINE_FLOAT(tiles_f32, RD_F32)
DEFINE_FLOAT(tiles_f16, RD_F16)
DEFINE_FLOAT(tiles_bf16, RD_BF16)

#endif
