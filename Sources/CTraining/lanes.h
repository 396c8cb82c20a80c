// Sixteen lanes of floats: one register of AVX-512, two of AVX2, four of others.
//
// Included once for each form, after RD_ISA_AVX512, RD_ISA_AVX2 or nothing has been defined.
#ifndef LANES_H
#define LANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef double f64x16 __attribute__((ext_vector_type(16)));
/// The same at any address.
typedef float f32x16_u __attribute__((ext_vector_type(16), aligned(4)));

// Every function that passes vectors is inlined, so their calling convention does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

#if defined(RD_ISA_AVX512)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#elif defined(RD_ISA_AVX2)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#endif

#define INLINE static inline __attribute__((always_inline))

INLINE f32x16 load16(const float *p) { return *(const f32x16_u *)p; }
INLINE void store16(float *p, f32x16 v) { *(f32x16_u *)p = v; }

/// Lanes in use of those at `i`: 16, fewer at the end of an array.
INLINE size_t lanes_at(size_t i, size_t count) { return count - i < 16 ? count - i : 16; }

/// The first `count` floats, `fill` behind them.
INLINE f32x16 load(const float *p, size_t count, float fill) {
    if (__builtin_expect(count == 16, 1)) return load16(p);
    float lanes[16];
    store16(lanes, (f32x16)(fill));
    memcpy(lanes, p, count * sizeof(float));
    return load16(lanes);
}

INLINE void store(float *p, f32x16 v, size_t count) {
    if (__builtin_expect(count == 16, 1)) {
        store16(p, v);
        return;
    }
    float lanes[16];
    store16(lanes, v);
    memcpy(p, lanes, count * sizeof(float));
}

INLINE float sum16(f32x16 v) {
    float x[16];
    store16(x, v);
    for (int width = 8; width > 0; width /= 2)
        for (int i = 0; i < width; i++) x[i] += x[i + width];
    return x[0];
}

INLINE float max16(f32x16 v) {
    float x[16];
    store16(x, v);
    for (int width = 8; width > 0; width /= 2)
        for (int i = 0; i < width; i++) x[i] = x[i] > x[i + width] ? x[i] : x[i + width];
    return x[0];
}

/// e^x on every lane, to about 1 ulp for x in [-87, 88]; 0 below, a huge finite number above, NaN for NaN.
INLINE f32x16 exp16(f32x16 x) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
    f32x16 clamped = x > 88.0f ? (f32x16)(88.0f) : x;
    f32x16 shifted = clamped * 1.44269504f + magic;
    f32x16 n = shifted - magic;
    f32x16 r = clamped - n * 0.693145752f;
    r = r - n * 1.42860677e-6f;
    f32x16 p = r * 1.38794571e-3f + 8.33336823e-3f;
    p = p * r + 4.16666493e-2f;
    p = p * r + 1.66666657e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    u32x16 exponent = (__builtin_bit_cast(u32x16, shifted) - __builtin_bit_cast(uint32_t, magic)) << 23;
    f32x16 result = __builtin_bit_cast(f32x16, __builtin_bit_cast(u32x16, p) + exponent);
    result = x < -87.0f ? (f32x16)(0.0f) : result;
    return x != x ? x : result;
}

INLINE f32x16 sigmoid16(f32x16 x) { return 1.0f / (1.0f + exp16(-x)); }

#endif
