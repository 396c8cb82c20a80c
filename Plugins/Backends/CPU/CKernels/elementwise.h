// Norms, activations, rotation and arg-max. One source for every kernel set; see vectors.h.
#ifndef ELEMENTWISE_H
#define ELEMENTWISE_H

#include "CKernels.h"
#include "vectors.h"

/// The sum of squares runs on lane k mod 16, then lanes fold (sum16).
static void rms_norm(const float *input, const float *weight, float epsilon, size_t columns, float *output) {
    f32x16 squares = (f32x16)(0.0f);
    size_t k = 0;
    for (; k + 16 <= columns; k += 16) {
        f32x16 x = load16(input + k);
        squares = fma16(x, x, squares);
    }
    if (k < columns) {
        f32x16 x = load_partial(input + k, columns - k);
        squares = fma16(x, x, squares);
    }
    const float mean = sum16(squares) / (float)columns;
    const float scale = 1.0f / __builtin_sqrtf(mean + epsilon);
    for (k = 0; k + 16 <= columns; k += 16) store16(output + k, load16(input + k) * scale * load16(weight + k));
    if (k < columns) {
        const size_t rest = columns - k;
        store_partial(output + k, load_partial(input + k, rest) * scale * load_partial(weight + k, rest), rest);
    }
}

static void gate(float *values, const float *up, size_t count, uint32_t activation) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        store16(values + i, activate16(load16(values + i), activation) * load16(up + i));
    if (i < count) {
        const size_t rest = count - i;
        f32x16 value = activate16(load_partial(values + i, rest), activation) * load_partial(up + i, rest);
        store_partial(values + i, value, rest);
    }
}

static void softcap(float *values, size_t count, float limit) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) store16(values + i, softcap16(load16(values + i), limit));
    if (i < count) store_partial(values + i, softcap16(load_partial(values + i, count - i), limit), count - i);
}

static void silu(const float *input, const float *residual, size_t count, float *output) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        f32x16 y = silu16(load16(input + i));
        store16(output + i, residual ? load16(residual + i) + y : y);
    }
    if (i < count) {
        const size_t rest = count - i;
        f32x16 y = silu16(load_partial(input + i, rest));
        store_partial(output + i, residual ? load_partial(residual + i, rest) + y : y, rest);
    }
}

/// The sum runs on lane k mod 16, then lanes fold (sum16).
static float exp_sum(const float *values, size_t count, float largest) {
    f32x16 sums = (f32x16)(0.0f);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) sums += exp16(load16(values + i) - largest);
    if (i < count) {
        float lanes[16];
        for (int k = 0; k < 16; k++) lanes[k] = -__builtin_inff();
        memcpy(lanes, values + i, (count - i) * sizeof(float));
        sums += exp16(load16(lanes) - largest);
    }
    return sum16(sums);
}

/// Each pair (a, b) becomes fma(a, cos, -(b sin)), fma(b, cos, a sin).
static void rotate(float *head, const float *cosines, const float *sines, size_t rotated, int halves) {
    const size_t half = rotated / 2;
    size_t i = 0;
    if (halves) {
        for (; i + 16 <= half; i += 16) {
            f32x16 a = load16(head + i), b = load16(head + half + i), c = load16(cosines + i), s = load16(sines + i);
            store16(head + i, fma16(a, c, -(b * s)));
            store16(head + half + i, fma16(b, c, a * s));
        }
    } else {
        for (; i + 16 <= half; i += 16) {
            f32x16 low = load16(head + 2 * i), high = load16(head + 2 * i + 16);
            f32x16 c = load16(cosines + i), s = load16(sines + i);
            f32x16 a = __builtin_shufflevector(
                low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            f32x16 b = __builtin_shufflevector(
                low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
            f32x16 x = fma16(a, c, -(b * s)), y = fma16(b, c, a * s);
            store16(
                head + 2 * i,
                __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
            store16(
                head + 2 * i + 16,
                __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
        }
    }
    for (; i < half; i++) {
        float *a = halves ? head + i : head + 2 * i;
        float *b = halves ? head + i + half : head + 2 * i + 1;
        const float x = *a, y = *b, c = cosines[i], s = sines[i];
        *a = __builtin_fmaf(x, c, -(y * s));
        *b = __builtin_fmaf(y, c, x * s);
    }
}

static void store_f16(const float *input, size_t count, uint16_t *output) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        f32x16 x = load16(input + i);
        x = x > 65504.0f ? (f32x16)(65504.0f) : x;
        x = x < -65504.0f ? (f32x16)(-65504.0f) : x;
        store16_f16(output + i, x != x ? (f32x16)(0.0f) : x);
    }
    if (i < count) {
        uint16_t last[16];
        float lanes[16] = {0};
        memcpy(lanes, input + i, (count - i) * sizeof(float));
        store_f16(lanes, 16, last);
        memcpy(output + i, last, (count - i) * sizeof(uint16_t));
    }
}

static int64_t argmax(const float *values, size_t count) {
    f32x16 best = (f32x16)(-__builtin_inff());
    i32x16 invalid = (i32x16)(0);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        f32x16 v = load16(values + i);
        best = v > best ? v : best;
        invalid |= !(v < __builtin_inff());
    }
    float largest = max16(best);
    int bad = __builtin_reduce_or(invalid) != 0;
    for (; i < count; i++) {
        bad |= !(values[i] < __builtin_inff());
        largest = values[i] > largest ? values[i] : largest;
    }
    if (bad || largest == -__builtin_inff()) return -1;
    for (i = 0; i + 16 <= count; i += 16)
        if (__builtin_reduce_or(load16(values + i) == largest)) break;
    while (values[i] != largest) i++;
    return (int64_t)i;
}

static void read_bytes(const uint8_t *bytes, size_t count) {
    u8x64 a = (u8x64)((uint8_t)0), b = a, c = a, d = a;
    for (size_t at = 0; at + 256 <= count; at += 256) {
        for (size_t line = 0; line < 256; line += 64) ask_ahead(bytes + at + 2048 + line);
        a |= *(const u8x64_u *)(bytes + at);
        b |= *(const u8x64_u *)(bytes + at + 64);
        c |= *(const u8x64_u *)(bytes + at + 128);
        d |= *(const u8x64_u *)(bytes + at + 192);
    }
    a |= b | c | d;
    __asm__ volatile("" : : "m"(a));  // the reads have a use
}

#endif
