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

static void swiglu(float *gate, const float *up, size_t count) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) store16(gate + i, silu16(load16(gate + i)) * load16(up + i));
    if (i < count) {
        const size_t rest = count - i;
        store_partial(gate + i, silu16(load_partial(gate + i, rest)) * load_partial(up + i, rest), rest);
    }
}

static void rotate(float *head, const float *cosines, const float *sines, size_t rotated, int halves) {
    const size_t half = rotated / 2;
    for (size_t i = 0; i < half; i++) {
        float *a = halves ? head + i : head + 2 * i;
        float *b = halves ? head + i + half : head + 2 * i + 1;
        const float x = *a, y = *b, c = cosines[i], s = sines[i];
        *a = __builtin_fmaf(x, c, -(y * s));
        *b = __builtin_fmaf(x, s, y * c);
    }
}

static void store_f16(const float *input, size_t count, uint16_t *output) {
    for (size_t i = 0; i < count; i++) {
        float x = input[i];
        x = x > 65504.0f ? 65504.0f : x;
        x = x < -65504.0f ? -65504.0f : x;
        x = x != x ? 0.0f : x;
        output[i] = f16_from_f32(x);
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

#endif
