// Random weights as they lie in a GGUF file, for programs that call the kernels directly.
#ifndef RANDOM_WEIGHTS_H
#define RANDOM_WEIGHTS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "types.h"

// The same numbers on every architecture.
#pragma STDC FP_CONTRACT OFF

typedef struct {
    uint32_t type;
    const char *name;
    size_t block;        // columns of a block
    size_t block_bytes;  // as stored in a file
} weight_type;

static const weight_type weight_types[] = {
    {RD_Q4_0, "q4_0", 32, 18},    {RD_Q4_1, "q4_1", 32, 20},    {RD_Q5_0, "q5_0", 32, 22},
    {RD_Q5_1, "q5_1", 32, 24},    {RD_Q8_0, "q8_0", 32, 34},    {RD_Q4_K, "q4_K", 256, 144},
    {RD_Q5_K, "q5_K", 256, 176},  {RD_Q6_K, "q6_K", 256, 210},  {RD_F16, "f16", 1, 2},
    {RD_BF16, "bf16", 1, 2},      {RD_F32, "f32", 1, 4},
};
enum { WEIGHT_TYPES = sizeof weight_types / sizeof weight_types[0] };

static inline uint64_t random_bits(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545f4914f6cdd1dull;
}

/// Between -1 and 1.
static inline float random_float(uint64_t *state) {
    return (float)(int32_t)(random_bits(state) >> 32) * 0x1p-31f;
}

/// Cut off; below the normal numbers, zero.
static inline uint16_t half_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if ((bits & 0x7fffffff) < (113u << 23)) return 0;
    return (uint16_t)((bits >> 16 & 0x8000) | (((bits & 0x7fffffff) - (112u << 23)) >> 13));
}

static inline void put_half(uint8_t *at, float value) {
    const uint16_t bits = half_bits(value);
    memcpy(at, &bits, 2);
}

/// `rows` rows of `columns` weights. Every eighth block has its largest numbers everywhere, every other eighth its
/// smallest: sums that are too wide for a kernel's lanes show there.
static inline void random_weights(const weight_type *type, size_t rows, size_t columns, uint64_t seed, uint8_t *to) {
    uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
    for (size_t b = 0; b < rows * columns / type->block; b++, to += type->block_bytes) {
        const int extreme = type->block > 1 && b % 4 == 1;
        for (size_t i = 0; i < type->block_bytes; i++) to[i] = (uint8_t)(random_bits(&state) >> 32);
        if (extreme) memset(to, b % 8 == 1 ? 0xff : 0, type->block_bytes);
        // The widest integers of q6_K: its scales are signed.
        if (extreme && type->type == RD_Q6_K) memset(to + 192, random_bits(&state) % 2 ? 0x80 : 0x7f, 16);
        if (extreme && type->type == RD_Q8_0) memset(to, b % 8 == 1 ? 0x7f : 0x80, type->block_bytes);
        const float scale = 0.07f + 0.05f * random_float(&state), minimum = 0.07f + 0.05f * random_float(&state);
        switch (type->type) {
        case RD_F32: {
            const float value = random_float(&state);
            memcpy(to, &value, 4);
            break;
        }
        case RD_BF16: {
            const float value = random_float(&state);
            memcpy(to, (const uint8_t *)&value + 2, 2);
            break;
        }
        case RD_F16: put_half(to, 0.5f + 0.4f * random_float(&state)); break;
        case RD_Q4_1:
        case RD_Q5_1:
            put_half(to, scale);
            put_half(to + 2, -minimum);
            break;
        case RD_Q4_K:
        case RD_Q5_K:
            put_half(to, scale / 16);
            put_half(to + 2, minimum / 16);
            break;
        case RD_Q6_K: put_half(to + 208, scale / 16); break;
        default: put_half(to, scale);
        }
    }
}

#endif
