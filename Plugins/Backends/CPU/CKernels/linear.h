// Linear layers over packed tiles. Each kernel set multiplies in its own way (linear_avx2.h, linear_vnni_256.h, linear_neon.h,
// linear_quantised.h), and all keep this definition:
//
// The result of an output element is acc, started at 0 and updated block by block in order of columns:
//   quantised   acc = fma(float(integer dot), scale_w * scale_x, acc), then for types with a minimum
//               acc = fma(minimum_w, scale_x * sum_x, acc)
//   float       acc = fma(w, x, acc) column by column
// which does not depend on how many rows or tiles are computed together.
#ifndef LINEAR_H
#define LINEAR_H

#include "CKernels.h"
#include "linear_float.h"
#if defined(RD_VNNI_256)
#include "linear_vnni_256.h"
#elif defined(RD_ISA_AVX2)
#include "linear_avx2.h"
#elif defined(RD_ISA_NEON)
#include "linear_neon.h"
#else
#include "linear_quantised.h"
#endif
#include "vectors.h"

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
    const rd_linear *gate, const rd_linear *up, uint32_t activation, size_t tile_begin, size_t tile_end,
    size_t panel_begin, size_t panel_end
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
                    f32x16 value = activate16(load16(a + i), activation) * load16(b + i);
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
