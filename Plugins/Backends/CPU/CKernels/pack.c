// Repacking of weights from file order into tiles of 16 outputs, and back. The layouts are drawn in CKernels.h.
#include "CKernels.h"
#include "blocks.h"
#include "vectors.h"

size_t rd_tile_bytes(uint32_t type, size_t columns) {
    const size_t block = rd_block_bytes(type);
    switch (type) {
    case RD_F32:
    case RD_F16:
    case RD_BF16: return 16 * columns * block;
    case RD_Q4_K:
    case RD_Q5_K:
    case RD_Q6_K: return columns / 256 * block;
    default: return columns / 32 * block;
    }
}

size_t rd_panel_bytes(uint32_t type, size_t columns) {
    switch (type) {
    case RD_F32:
    case RD_F16:
    case RD_BF16: return RD_PANEL * columns * sizeof(float);
    default: return RD_PANEL * (columns / 32) * (32 + 2 * sizeof(float) + 34 * sizeof(int16_t));
    }
}

size_t rd_partial_floats(size_t head_dimension) { return 16 + head_dimension; }

size_t rd_attention_scratch(size_t fresh, size_t head_dimension) {
    return RD_QUERIES * (fresh + 32 + head_dimension);
}

/// The 32 numbers of a block of a simple type go to output `lane`. Columns 4 j + c and 16 + 4 j + c share a byte in the
/// file as they do in the tile, so numbers move in words of four columns.
static void pack_block(uint32_t type, const uint8_t *block, size_t lane, uint8_t *packed) {
    const uint8_t *p = block + (has_minimum(type) ? 4 : 2);
    if (type == RD_Q8_0) {
        for (size_t group = 0; group < 8; group++) {
            uint32_t word;
            memcpy(&word, p + 4 * group, 4);
            word ^= 0x80808080u;  // signed to unsigned with a zero offset of 128
            memcpy(packed + 64 * group + 4 * lane, &word, 4);
        }
        return;
    }
    if (has_fifth_bit(type)) {
        uint32_t high;
        memcpy(&high, p, 4);
        p += 4;
        for (size_t i = 0; i < 32; i++)
            packed[256 + 4 * lane + i % 4] |= (uint8_t)(((high >> i) & 1) << (i / 4));
    }
    for (size_t j = 0; j < 4; j++) memcpy(packed + 64 * j + 4 * lane, p + 4 * j, 4);
}

/// Columns `32 b ..< 32 b + 32` of a super-block of 256.
static void file_super_block(uint32_t type, const uint8_t *super, int b, uint8_t w[32]) {
    if (type == RD_Q6_K) {  // ql [128], qh [64], scales [16], d
        const uint8_t *ql = super + 64 * (b / 4) + 32 * (b % 2), *qh = super + 128 + 32 * (b / 4);
        for (int i = 0; i < 32; i++) {
            const uint8_t low = b % 4 < 2 ? ql[i] & 15 : ql[i] >> 4;
            w[i] = (uint8_t)(low | ((qh[i] >> (2 * (b % 4))) & 3) << 4);
        }
        return;
    }
    // d, dmin, scales [12], then for q5_K qh [32], then nibbles [128]
    const uint8_t *qh = super + 16, *q = super + (type == RD_Q5_K ? 48 : 16) + 32 * (b / 2);
    for (int i = 0; i < 32; i++) {
        w[i] = b % 2 ? q[i] >> 4 : q[i] & 15;
        if (type == RD_Q5_K) w[i] |= (uint8_t)(((qh[i] >> b) & 1) << 4);
    }
}

/// The 6-bit scale and minimum of block `b` of a q4_K or q5_K super-block.
static void file_scales(const uint8_t *scales, int b, uint8_t *scale, uint8_t *minimum) {
    if (b < 4) {
        *scale = scales[b] & 63;
        *minimum = scales[b + 4] & 63;
    } else {
        *scale = (uint8_t)((scales[b + 4] & 15) | (scales[b - 4] >> 6) << 4);
        *minimum = (uint8_t)((scales[b + 4] >> 4) | (scales[b] >> 6) << 4);
    }
}

/// Puts 32 numbers of a K-quant into a packed block of output `lane`; the block has been zeroed.
static void pack_numbers(uint32_t type, const uint8_t w[32], size_t lane, uint8_t *block) {
    for (size_t i = 0; i < 32; i++) {
        const size_t group = i / 4, at = lane * 4 + i % 4;
        block[(group % 4) * 64 + at] |= (uint8_t)((w[i] & 15) << (group < 4 ? 0 : 4));
        if (type == RD_Q6_K)
            block[256 + 64 * (group / 4) + at] |= (uint8_t)((w[i] >> 4) << (2 * (group % 4)));
        else if (w[i] >> 4)
            block[256 + at] |= (uint8_t)(1 << group);
    }
}

static uint8_t unpack_number(uint32_t type, const uint8_t *block, size_t lane, size_t i) {
    const size_t group = i / 4, at = lane * 4 + i % 4;
    if (type == RD_Q8_0) return block[group * 64 + at];
    uint8_t w = (block[(group % 4) * 64 + at] >> (group < 4 ? 0 : 4)) & 15;
    if (type == RD_Q6_K) w |= (uint8_t)(((block[256 + 64 * (group / 4) + at] >> (2 * (group % 4))) & 3) << 4);
    if (has_fifth_bit(type))
        w |= (uint8_t)(((block[256 + at] >> group) & 1) << 4);
    return w;
}

static void pack_super_row(uint32_t type, const uint8_t *row, size_t supers, size_t lane, uint8_t *tile) {
    const size_t file_bytes = type == RD_Q4_K ? 144 : type == RD_Q5_K ? 176 : 210, part = number_bytes(type);
    for (size_t s = 0; s < supers; s++, row += file_bytes, tile += rd_block_bytes(type)) {
        uint8_t *scales = tile + 8 * part, *shared = scales + 256;
        for (int b = 0; b < 8; b++) {
            uint8_t w[32];
            file_super_block(type, row, b, w);
            pack_numbers(type, w, lane, tile + (size_t)b * part);
            if (type == RD_Q6_K) {
                scales[32 * b + (int)lane] = row[192 + 2 * b];
                scales[32 * b + 16 + (int)lane] = row[192 + 2 * b + 1];
            } else {
                file_scales(row + 4, b, scales + 32 * b + lane, scales + 32 * b + 16 + lane);
            }
        }
        memcpy(shared + 2 * lane, type == RD_Q6_K ? row + 208 : row, 2);
        if (type != RD_Q6_K) memcpy(shared + 32 + 2 * lane, row + 2, 2);
    }
}

void rd_pack_tile(uint32_t type, const uint8_t *rows, size_t count, size_t row_bytes, size_t columns, uint8_t *tile) {
    memset(tile, 0, rd_tile_bytes(type, columns));
    for (size_t lane = 0; lane < count; lane++) {
        const uint8_t *row = rows + lane * row_bytes;
        switch (type) {
        case RD_F32:
        case RD_F16:
        case RD_BF16: {
            const size_t size = rd_block_bytes(type);
            for (size_t k = 0; k < columns; k++) memcpy(tile + (k * 16 + lane) * size, row + k * size, size);
            break;
        }
        case RD_Q4_K:
        case RD_Q5_K:
        case RD_Q6_K: pack_super_row(type, row, columns / 256, lane, tile); break;
        default: {
            const size_t blocks = columns / 32, file_bytes = row_bytes / blocks, numbers = number_bytes(type);
            for (size_t b = 0; b < blocks; b++, row += file_bytes) {
                uint8_t *block = tile + b * rd_block_bytes(type);
                pack_block(type, row, lane, block);
                memcpy(block + numbers + 2 * lane, row, 2);
                if (has_minimum(type)) memcpy(block + numbers + 32 + 2 * lane, row + 2, 2);
            }
        }
        }
    }
}

static float lane_f16(const uint8_t *p, size_t lane) {
    uint16_t copy[16];
    memcpy(copy, p, sizeof copy);
    return load_f16(copy)[lane];
}

static void unpack_super_row(uint32_t type, const uint8_t *tile, size_t row, size_t columns, float *output) {
    const size_t part = number_bytes(type);
    for (size_t k = 0; k < columns; k += 32) {
        const uint8_t *super = tile + (k / 256) * rd_block_bytes(type), *block = super + (k / 32 % 8) * part;
        const uint8_t *scales = super + 8 * part + (k / 32 % 8) * 32, *shared = super + 8 * part + 256;
        const float d = lane_f16(shared, row);
        const float minimum = type == RD_Q6_K ? 0 : lane_f16(shared + 32, row) * (float)scales[16 + row];
        for (size_t i = 0; i < 32; i++) {
            const int w = unpack_number(type, block, row, i);
            if (type == RD_Q6_K) {
                const int8_t scale = (int8_t)scales[(i / 16) * 16 + row];
                output[k + i] = d * (float)scale * (float)(w - 32);
            } else {
                output[k + i] = d * (float)scales[row] * (float)w - minimum;
            }
        }
    }
}

void rd_unpack_row(uint32_t type, const uint8_t *tile, size_t row, size_t columns, float *output) {
    switch (type) {
    case RD_F32:
        for (size_t k = 0; k < columns; k++) memcpy(output + k, tile + (k * 16 + row) * 4, 4);
        return;
    case RD_F16:
        for (size_t k = 0; k < columns; k++) output[k] = lane_f16(tile + k * 32, row);
        return;
    case RD_BF16:
        for (size_t k = 0; k < columns; k++) {
            uint16_t bits;
            memcpy(&bits, tile + (k * 16 + row) * 2, 2);
            output[k] = __builtin_bit_cast(float, (uint32_t)bits << 16);
        }
        return;
    case RD_Q4_K:
    case RD_Q5_K:
    case RD_Q6_K: unpack_super_row(type, tile, row, columns, output); return;
    default: break;
    }
    for (size_t k = 0; k < columns; k += 32) {
        const uint8_t *block = tile + (k / 32) * rd_block_bytes(type), *scales = block + number_bytes(type);
        const float d = lane_f16(scales, row), minimum = has_minimum(type) ? lane_f16(scales + 32, row) : 0;
        for (size_t i = 0; i < 32; i++) {
            const int w = unpack_number(type, block, row, i) - rd_zero_offset(type);
            output[k + i] = d * (float)w + minimum;
        }
    }
}
