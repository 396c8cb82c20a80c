// Weight types (GGUF ids) and the geometry of their packed blocks.
#ifndef TYPES_H
#define TYPES_H

#include <stddef.h>
#include <stdint.h>

enum {
    RD_F32 = 0,
    RD_F16 = 1,
    RD_Q4_0 = 2,
    RD_Q4_1 = 3,
    RD_Q5_0 = 6,
    RD_Q5_1 = 7,
    RD_Q8_0 = 8,
    RD_Q4_K = 12,
    RD_Q5_K = 13,
    RD_Q6_K = 14,
    RD_BF16 = 30,
};

/// Bytes of one packed block (32 columns; 256 for K-quants) of a tile, or of one element of a float type.
static inline __attribute__((always_inline, const)) size_t rd_block_bytes(uint32_t type) {
    switch (type) {
    case RD_F32: return 4;
    case RD_F16: return 2;
    case RD_BF16: return 2;
    case RD_Q4_0: return 288;
    case RD_Q4_1: return 320;
    case RD_Q5_0: return 352;
    case RD_Q5_1: return 384;
    case RD_Q8_0: return 544;
    case RD_Q4_K: return 2368;
    case RD_Q5_K: return 2880;
    case RD_Q6_K: return 3360;
    default: return 0;
    }
}

/// What is taken off the unsigned number a packed weight is stored as.
static inline __attribute__((always_inline, const)) int rd_zero_offset(uint32_t type) {
    switch (type) {
    case RD_Q4_0: return 8;
    case RD_Q5_0: return 16;
    case RD_Q6_K: return 32;
    case RD_Q8_0: return 128;
    default: return 0;
    }
}

#endif
