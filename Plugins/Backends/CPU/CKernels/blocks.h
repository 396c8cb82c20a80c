// What a block of 32 columns of a packed tile holds, and where it lies. The layouts are drawn in CKernels.h.
#ifndef BLOCKS_H
#define BLOCKS_H

#include "types.h"
#include "vectors.h"

INLINE int has_fifth_bit(uint32_t type) { return type == RD_Q5_0 || type == RD_Q5_1 || type == RD_Q5_K; }
INLINE int is_super(uint32_t type) { return type == RD_Q4_K || type == RD_Q5_K || type == RD_Q6_K; }
INLINE int has_minimum(uint32_t type) {
    return type == RD_Q4_1 || type == RD_Q5_1 || type == RD_Q4_K || type == RD_Q5_K;
}

/// The function of each quantised type's tiles, and the type.
#define EACH_QUANTISED(define)                                                                                   \
    define(tile_q4_0, RD_Q4_0)                                                                                   \
    define(tile_q4_1, RD_Q4_1)                                                                                   \
    define(tile_q5_0, RD_Q5_0)                                                                                   \
    define(tile_q5_1, RD_Q5_1)                                                                                   \
    define(tile_q8_0, RD_Q8_0)                                                                                   \
    define(tile_q4_K, RD_Q4_K)                                                                                   \
    define(tile_q5_K, RD_Q5_K)                                                                                   \
    define(tile_q6_K, RD_Q6_K)

/// Bytes of the numbers of a block, without its factors.
INLINE size_t number_bytes(uint32_t type) {
    if (type == RD_Q8_0) return 512;
    return type == RD_Q6_K ? 384 : has_fifth_bit(type) ? 320 : 256;
}

/// Block `b` of a tile.
INLINE const uint8_t *block_at(uint32_t type, const uint8_t *tile, size_t b) {
    if (!is_super(type)) return tile + b * rd_block_bytes(type);
    return tile + (b / 8) * rd_block_bytes(type) + (b % 8) * number_bytes(type);
}

// Bytes of weights that kernels ask for ahead.
#define BLOCKS_AHEAD 6144

/// Asks for as many bytes, well behind block `b`, as a block takes with its share of the factors.
INLINE void prefetch_ahead(uint32_t type, const uint8_t *tile, size_t b) {
    const size_t bytes = rd_block_bytes(type) / (is_super(type) ? 8 : 1);
#pragma clang loop unroll(full)
    for (size_t at = 0; at < bytes; at += 64) ask_ahead(tile + b * bytes + BLOCKS_AHEAD + at);
}

/// Says that factors may change, so that they stay in memory and leave the registers to the weights. The compiler would
/// rather have it the other way round, and then moves weights to and fro.
#define STAY_IN_MEMORY(factors) __asm__ volatile("" : "+m"(factors))

#endif
