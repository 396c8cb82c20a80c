// Repacking of weights from file order into strips of 32 outputs; `Shaders/layout.glsl` draws the layout.
#include <string.h>

#include "CVulkan.h"

// Type ids of GGUF.
enum { F32 = 0, F16 = 1, Q4_0 = 2, Q4_1 = 3, Q5_0 = 6, Q5_1 = 7, Q8_0 = 8, Q4_K = 12, Q5_K = 13, Q6_K = 14, BF16 = 30 };

/// Blocks in a group, slots in its head, and slots of each block.
typedef struct {
    size_t blocks, head, numbers;
} layout;

static layout layout_of(uint32_t type) {
    switch (type) {
    case F32: return (layout){1, 0, 32};
    case F16:
    case BF16: return (layout){1, 0, 16};
    case Q4_0: return (layout){2, 1, 4};
    case Q4_1: return (layout){1, 1, 4};
    case Q5_0: return (layout){2, 1, 5};
    case Q5_1: return (layout){1, 1, 5};
    case Q8_0: return (layout){2, 1, 8};
    case Q4_K: return (layout){8, 5, 4};
    case Q5_K: return (layout){8, 5, 5};
    case Q6_K: return (layout){8, 5, 6};
    default: return (layout){1, 0, 0};
    }
}

size_t rdv_strip_slots(uint32_t type, size_t columns) {
    const layout of = layout_of(type);
    const size_t blocks = (columns + 31) / 32;
    return (blocks + of.blocks - 1) / of.blocks * (of.head + of.blocks * of.numbers);
}

static uint16_t half_at(const uint8_t *bytes) {
    uint16_t value;
    memcpy(&value, bytes, 2);
    return value;
}

static uint32_t word_at(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, 4);
    return value;
}

/// 32 numbers of up to 6 bits into nibbles, then bits above them: one each (5 bits) or two (6 bits).
static void store_numbers(const uint8_t numbers[32], int bits, uint32_t *slots) {
    for (int g = 0; g < 4; g++) {
        uint32_t word = 0;
        for (int i = 0; i < 8; i++) word |= (uint32_t)(numbers[8 * g + i] & 15) << (4 * i);
        slots[32 * g] = word;
    }
    if (bits == 5) {
        uint32_t word = 0;
        for (int i = 0; i < 32; i++) word |= (uint32_t)(numbers[i] >> 4) << i;
        slots[32 * 4] = word;
    } else if (bits == 6) {
        for (int h = 0; h < 2; h++) {
            uint32_t word = 0;
            for (int i = 0; i < 16; i++) word |= (uint32_t)(numbers[16 * h + i] >> 4) << (2 * i);
            slots[32 * (4 + h)] = word;
        }
    }
}

/// A block of a simple type: scales into the head of its group, numbers into its slots.
static void pack_block(uint32_t type, const uint8_t *block, size_t index, uint32_t *head, uint32_t *slots) {
    if (type == Q4_1 || type == Q5_1)
        head[0] = word_at(block);
    else
        head[0] |= (uint32_t)half_at(block) << (16 * (index % 2));
    const uint8_t *p = block + (type == Q4_1 || type == Q5_1 ? 4 : 2);
    if (type == Q8_0) {
        for (int g = 0; g < 8; g++) slots[32 * g] = word_at(p + 4 * g);
        return;
    }
    const int bits = type == Q5_0 || type == Q5_1 ? 5 : 4;
    const uint32_t high = bits == 5 ? word_at(p) : 0;
    if (bits == 5) p += 4;
    uint8_t numbers[32];
    for (int i = 0; i < 16; i++) {
        numbers[i] = (uint8_t)((p[i] & 15) | ((high >> i) & 1) << 4);
        numbers[i + 16] = (uint8_t)(p[i] >> 4 | ((high >> (i + 16)) & 1) << 4);
    }
    store_numbers(numbers, bits, slots);
}

/// The 6-bit scale and minimum of a block of q4_K and q5_K.
static uint32_t scale_and_minimum(const uint8_t *scales, int block) {
    if (block < 4) return (uint32_t)((scales[block] & 63) | (scales[block + 4] & 63) << 8);
    const int scale = (scales[block + 4] & 15) | (scales[block - 4] >> 6) << 4;
    const int minimum = (scales[block + 4] >> 4) | (scales[block] >> 6) << 4;
    return (uint32_t)(scale | minimum << 8);
}

/// Numbers of block `b` of a super-block.
static void super_numbers(uint32_t type, const uint8_t *super, int b, uint8_t numbers[32]) {
    for (int i = 0; i < 32; i++) {
        if (type == Q6_K) {  // low [128], high [64], scales [16], d
            const uint8_t low = super[64 * (b / 4) + 32 * (b % 2) + i];
            const uint8_t high = super[128 + 32 * (b / 4) + i];
            numbers[i] = (uint8_t)((b % 4 < 2 ? low & 15 : low >> 4) | ((high >> (2 * (b % 4))) & 3) << 4);
        } else {  // d, minimum, scales [12], then for q5_K high [32], then nibbles [128]
            const uint8_t low = super[(type == Q5_K ? 48 : 16) + 32 * (b / 2) + i];
            numbers[i] = b % 2 ? low >> 4 : low & 15;
            if (type == Q5_K) numbers[i] |= (uint8_t)(((super[16 + i] >> b) & 1) << 4);
        }
    }
}

static void pack_super_block(uint32_t type, const uint8_t *super, const layout *of, uint32_t *group) {
    group[0] = type == Q6_K ? half_at(super + 208) : word_at(super);
    for (int b = 0; b < 8; b++) {
        const uint32_t scales =
            type == Q6_K ? half_at(super + 192 + 2 * b) : scale_and_minimum(super + 4, b);
        group[32 * (1 + b / 2)] |= scales << (16 * (b % 2));
        uint8_t numbers[32];
        super_numbers(type, super, b, numbers);
        store_numbers(
            numbers, type == Q4_K ? 4 : type == Q5_K ? 5 : 6, group + 32 * (of->head + (size_t)b * of->numbers));
    }
}

void rdv_pack_strip(
    uint32_t type, const uint8_t *rows, size_t count, size_t row_bytes, size_t columns, uint8_t *strip) {
    const layout of = layout_of(type);
    const size_t group_words = 32 * (of.head + of.blocks * of.numbers);
    memset(strip, 0, 128 * rdv_strip_slots(type, columns));
    for (size_t output = 0; output < count; output++, rows += row_bytes) {
        uint32_t *words = (uint32_t *)(void *)strip + output;
        const uint8_t *p = rows;
        switch (type) {
        case F32:
            for (size_t k = 0; k < columns; k++) words[32 * k] = word_at(rows + 4 * k);
            break;
        case F16:
        case BF16:
            for (size_t k = 0; k < columns; k++)
                words[32 * (k / 2)] |= (uint32_t)half_at(rows + 2 * k) << (16 * (k % 2));
            break;
        case Q4_K:
        case Q5_K:
        case Q6_K:
            for (size_t super = 0; super < columns / 256; super++) {
                pack_super_block(type, p, &of, words + super * group_words);
                p += type == Q4_K ? 144 : type == Q5_K ? 176 : 210;
            }
            break;
        default:
            for (size_t block = 0; block < columns / 32; block++) {
                uint32_t *group = words + block / of.blocks * group_words;
                pack_block(
                    type, p, block, group, group + 32 * (of.head + block % of.blocks * of.numbers));
                p += row_bytes / (columns / 32);
            }
        }
    }
}
