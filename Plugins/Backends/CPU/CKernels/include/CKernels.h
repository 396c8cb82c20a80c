// The inner loops of the CPU backend.
//
// Every kernel exists in several sets (AVX-512 with VNNI, AVX-VNNI and AVX2; NEON with I8MM and NEON with dot products;
// portable) that keep the same definitions and give the same bits: float reductions run in one order on 16 virtual lanes
// with fused multiply-add, integer dot products are exact. A set is a table of functions, chosen at run time.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Pointers are never NULL but where they are marked.
#pragma clang assume_nonnull begin

// ---- Packed weights ------------------------------------------------------------------------------------------
//
// A matrix [outputs, columns] is stored in tiles of 16 outputs; the last tile is padded with zeros. Inside a tile the
// blocks of 32 columns follow each other. For quantised types a block holds, for its 8 groups of 4 columns,
// 64 bytes each: lane o (of 16) x column c (of 4), as unsigned numbers; the zero offset is taken off in the kernel.
//
//   q4_0   nibbles 256 B | scale f16 x 16                                        288 B
//   q4_1   nibbles 256 B | scale f16 x 16 | minimum f16 x 16                     320 B
//   q5_0   nibbles 256 B | bit planes 64 B | scale f16 x 16                      352 B
//   q5_1   nibbles 256 B | bit planes 64 B | scale f16 x 16 | minimum f16 x 16   384 B
//   q8_0   bytes 512 B | scale f16 x 16                                          544 B
//   q4_K   8 x nibbles 256 B | 8 x (scale u8 x 16, minimum u8 x 16) | d f16 x 16 | dmin f16 x 16       2368 B
//   q5_K   8 x (nibbles 256 B, bit planes 64 B) | 8 x (scale, minimum) | d | dmin                     2880 B
//   q6_K   8 x (nibbles 256 B, 2-bit planes 128 B) | 16 x scale i8 x 16 | d f16 x 16                  3360 B
//   f16, bf16, f32: [columns][16] elements as stored
//
// Nibbles: byte i of vector j holds group j in the low and group j + 4 in the high half.
// Bit planes: bit g of byte i belongs to group g. 2-bit planes: vector g / 4, bits 2 (g mod 4).

/// Outputs in one tile.
#define RD_TILE 16
/// Rows of activations that share one panel.
#define RD_PANEL 8
/// Keys of one split of attention: boundaries are constants in absolute position.
#define RD_SPLIT 128
/// Queries one call of attention takes at most.
#define RD_QUERIES 12

/// Bytes of one packed tile for `columns` inputs; 0 for an unknown type. `type` is a GGUF type id.
size_t rd_tile_bytes(uint32_t type, size_t columns);

/// Packs up to 16 rows of a matrix as stored in a file into one tile; missing rows become zeros.
/// `rows` points at the first of `count` rows of `row_bytes` bytes, unaligned.
void rd_pack_tile(uint32_t type, const uint8_t *rows, size_t count, size_t row_bytes, size_t columns, uint8_t *tile);

/// Writes row `row` (0..15) of a packed tile as floats. `output [columns]`
void rd_unpack_row(uint32_t type, const uint8_t *tile, size_t row, size_t columns, float *output);

// ---- Linear layers -------------------------------------------------------------------------------------------

/// One weight matrix times all rows of a batch.
typedef struct rd_linear {
    const uint8_t *weights;  // packed tiles
    size_t tile_bytes;
    uint32_t type;
    uint32_t columns;
    uint32_t outputs;
    uint32_t rows;
    const uint8_t *panels;  // activations in panels of RD_PANEL rows, as quantize_panel or float_panel wrote them
    size_t panel_bytes;     // from one full panel to the next
    const float *_Nullable bias;  // [outputs]
    float *output;          // [rows][output_stride]
    size_t output_stride;
    uint32_t accumulate;    // 1: output += result
} rd_linear;

/// Bytes of a panel of RD_PANEL rows: int8 activations per block of 32 with scales and sums, or floats.
size_t rd_panel_bytes(uint32_t type, size_t columns);

/// What a gate goes through: x sigmoid(x), or GELU by its tangent.
typedef enum rd_activation { RD_SILU = 0, RD_GELU_TANH = 1 } rd_activation;

// ---- Attention -----------------------------------------------------------------------------------------------

/// Up to RD_QUERIES queries of one sequence against one key/value head of one layer.
///
/// Keys lie in tiles of 16 slots, [slots/16][d][16] f16; values in [slots][d] f16. A query sees the slots
/// 0..<committed, then `branch` (its ancestors and itself, by position); a contiguous query has no branch
/// and sees the slots 0..<visible.
typedef struct rd_attention {
    const uint16_t *keys;
    const uint16_t *values;
    uint32_t head_dimension;  // a multiple of 16
    uint32_t queries;
    uint32_t committed;
    uint32_t used_slots;      // committed plus all rows of this pass in the sequence
    float scale;
    float softcap;            // scores x become softcap * tanh(x / softcap); 0: as they are
    const float *_Nullable query[RD_QUERIES];     // [d]; NULL from `queries` on
    uint32_t first[RD_QUERIES];                   // position of the first key seen
    uint32_t visible[RD_QUERIES];                 // behind the last key seen, itself; above `first`
    const int32_t *_Nullable branch[RD_QUERIES];  // [visible - committed] slots
} rd_attention;

/// A job over these keys and values that has no queries yet.
static inline rd_attention rd_attention_over(const uint16_t *keys, const uint16_t *values) {
    return (rd_attention){.keys = keys, .values = values};
}

/// Query `index` of a job, which sees the keys `first..<visible`; the others as in `rd_attention`.
static inline void rd_attention_set_query(
    rd_attention *job, size_t index, const float *query, uint32_t first, uint32_t visible, const int32_t *_Nullable branch
) {
    job->query[index] = query;
    job->first[index] = first;
    job->visible[index] = visible;
    job->branch[index] = branch;
}

/// Floats of one partial result: maximum, sum of exponentials, 14 unused, then d weighted values.
size_t rd_partial_floats(size_t head_dimension);

/// Floats of scratch that `attention_split` needs for a sequence with `fresh` rows in this pass that have branches.
size_t rd_attention_scratch(size_t fresh, size_t head_dimension);

// ---- The table -----------------------------------------------------------------------------------------------

typedef struct rd_kernels {
    const char *name;

    /// Quantises up to RD_PANEL rows to int8 in blocks of 32. `input [count][stride]`, columns a multiple of 32.
    void (*quantize_panel)(const float *input, size_t stride, size_t count, size_t columns, uint8_t *panel);
    /// The same rows as floats. `[columns][count]`
    void (*float_panel)(const float *input, size_t stride, size_t count, size_t columns, uint8_t *panel);

    /// Tiles `tile_begin..<tile_end` for panels `panel_begin..<panel_end`.
    void (*linear)(
        const rd_linear *job, size_t tile_begin, size_t tile_end, size_t panel_begin, size_t panel_end);
    /// output = activation(gate) * up, both over the same panels; bias and accumulate are not used.
    void (*gated)(
        const rd_linear *gate, const rd_linear *up, uint32_t activation, size_t tile_begin, size_t tile_end,
        size_t panel_begin, size_t panel_end);

    /// Float weights of the tiles as floats, for a plain matrix product. `output [columns][16 * tiles]`
    void (*expand)(const rd_linear *job, size_t tile_begin, size_t tile_end, float *output);

    /// One row. `output = input / sqrt(mean(input^2) + epsilon) * weight`
    void (*rms_norm)(const float *input, const float *weight, float epsilon, size_t columns, float *output);
    /// values = activation(values) * up, where the two were not computed together.
    void (*gate)(float *values, const float *up, size_t count, uint32_t activation);
    /// values = limit * tanh(values / limit)
    void (*softcap)(float *values, size_t count, float limit);
    /// output = SiLU(input), plus `residual` where it is not NULL.
    void (*silu)(const float *input, const float *_Nullable residual, size_t count, float *output);
    /// Sum of e^(value - largest).
    float (*exp_sum)(const float *values, size_t count, float largest);
    /// Rotates one head in place. `cosines`, `sines` [rotated/2]; halves: pairs (i, i + rotated/2), else (2i, 2i + 1).
    void (*rotate)(float *head, const float *cosines, const float *sines, size_t rotated, int halves);
    /// Rounds to f16, nearest even, saturated to the largest finite number; NaN becomes 0.
    void (*store_f16)(const float *input, size_t count, uint16_t *output);

    /// Partial results of keys [split * RD_SPLIT, (split + 1) * RD_SPLIT) for every query. `partials [queries]`
    void (*attention_split)(const rd_attention *job, size_t split, float *scratch, float *partials);
    /// Adds a partial result to a running one. The order of splits is the caller's.
    void (*attention_merge)(float *state, const float *partial, size_t head_dimension);
    /// output = weighted values / sum of exponentials. `[d]`
    void (*attention_finish)(const float *state, size_t head_dimension, float *output);

    /// Index of the largest of `count` numbers, the lowest index among equals; -1 if any is NaN or +infinity, or none is finite.
    int64_t (*argmax)(const float *values, size_t count);
    /// Reads `count` bytes and does nothing with them: the limit of a kernel that has to read its weights once.
    void (*read)(const uint8_t *bytes, size_t count);
} rd_kernels;

/// The kernel set of this name ("avx512-vnni", "avx-vnni", "avx2", "neon-i8mm", "neon-dotprod", "portable"); NULL where the
/// processor cannot run it.
const rd_kernels *_Nullable rd_kernels_named(const char *name);

/// The sets that this processor runs, best first; NULL behind the last.
const rd_kernels *_Nullable rd_kernels_at(size_t index);

/// The names of all sets that were compiled, best first, whether this processor runs them or not; NULL behind the last.
const char *_Nullable rd_kernels_name_at(size_t index);

/// Processors this process may run on, at least 1.
int rd_usable_processors(void);

/// Tells the processor that the caller is spinning.
static inline void rd_spin_hint(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif
#endif
