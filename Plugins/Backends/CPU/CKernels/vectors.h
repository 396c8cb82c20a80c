// Sixteen virtual lanes. The operations are IEEE-exact, so every instruction set gives the same bits:
// AVX-512 holds the lanes in one register, AVX2 in two, NEON and others in four.
//
// Included once per kernel set, after RD_ISA_AVX512, RD_ISA_AVX2, RD_ISA_NEON or nothing has been defined. RD_ISA_AVX2 can
// be combined with RD_VNNI_256: 1 for AVX-VNNI, 512 for the same instructions in the encoding of AVX-512. RD_ISA_NEON has
// dot products of bytes; it can be combined with RD_I8MM, products of small matrices of bytes.
#ifndef VECTORS_H
#define VECTORS_H

#include <stdint.h>
#include <string.h>

#include "CKernels.h"
#if defined(RD_ISA_AVX512) || defined(RD_ISA_AVX2)
#include <immintrin.h>
#elif defined(RD_ISA_NEON)
#include <arm_neon.h>
#endif

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef uint16_t u16x16 __attribute__((ext_vector_type(16)));
typedef int16_t i16x16 __attribute__((ext_vector_type(16)));
typedef int8_t i8x16 __attribute__((ext_vector_type(16)));
typedef int8_t i8x32 __attribute__((ext_vector_type(32)));
typedef uint8_t u8x16 __attribute__((ext_vector_type(16)));
typedef uint8_t u8x64 __attribute__((ext_vector_type(64)));
typedef _Float16 f16x16 __attribute__((ext_vector_type(16)));

// The same types at any address.
typedef float f32x16_u __attribute__((ext_vector_type(16), aligned(4)));
typedef uint16_t u16x16_u __attribute__((ext_vector_type(16), aligned(2)));
typedef int8_t i8x16_u __attribute__((ext_vector_type(16), aligned(1)));
typedef int8_t i8x32_u __attribute__((ext_vector_type(32), aligned(1)));
typedef uint8_t u8x16_u __attribute__((ext_vector_type(16), aligned(1)));
typedef uint8_t u8x64_u __attribute__((ext_vector_type(64), aligned(1)));

// Every function that passes vectors is inlined, so their calling convention does not matter.
#pragma clang diagnostic ignored "-Wpsabi"
// A product and a sum stay two roundings unless a kernel says fma.
#pragma STDC FP_CONTRACT OFF

#if defined(RD_ISA_AVX512)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#elif defined(RD_ISA_AVX2) && !defined(RD_VNNI_256)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#elif defined(RD_ISA_AVX2) && RD_VNNI_256 == 512
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512vl,avx512vnni"))), apply_to = function)
#elif defined(RD_ISA_AVX2)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)
#elif defined(RD_ISA_NEON) && !defined(RD_I8MM)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#elif defined(RD_ISA_NEON)
#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)
#endif

#define INLINE static inline __attribute__((always_inline))

/// Asks for the 64 bytes at `p`, which come to use much later, into the second-level cache. In the first level they would take
/// the place of activations and sums.
INLINE void ask_ahead(const void *p) { __builtin_prefetch(p, 0, 2); }

INLINE f32x16 load16(const float *p) { return *(const f32x16_u *)p; }
INLINE void store16(float *p, f32x16 v) { *(f32x16_u *)p = v; }
INLINE f32x16 fma16(f32x16 a, f32x16 b, f32x16 c) { return __builtin_elementwise_fma(a, b, c); }

/// The first `count` (< 16) floats, zeros behind them.
INLINE f32x16 load_partial(const float *p, size_t count) {
    float lanes[16] = {0};
    memcpy(lanes, p, count * sizeof(float));
    return load16(lanes);
}

INLINE void store_partial(float *p, f32x16 v, size_t count) {
    float lanes[16];
    store16(lanes, v);
    memcpy(p, lanes, count * sizeof(float));
}

/// ((0+8)+(4+12)) + ((2+10)+(6+14)) + odd lanes likewise: halves folded onto each other.
INLINE float sum16(f32x16 v) {
    float x[16];
    store16(x, v);
    for (int width = 8; width > 0; width /= 2)
        for (int i = 0; i < width; i++) x[i] = x[i] + x[i + width];
    return x[0];
}

INLINE float max16(f32x16 v) {
    float x[16];
    store16(x, v);
    for (int width = 8; width > 0; width /= 2)
        for (int i = 0; i < width; i++) x[i] = x[i] > x[i + width] ? x[i] : x[i + width];
    return x[0];
}

/// Sixteen f16 numbers as f32.
INLINE f32x16 load_f16(const void *p) {
#if defined(RD_ISA_AVX512) || defined(RD_ISA_AVX2) || defined(__aarch64__)
    f16x16 h;
    memcpy(&h, p, sizeof h);
    return __builtin_convertvector(h, f32x16);
#else
    u32x16 h = __builtin_convertvector(*(const u16x16_u *)p, u32x16);
    u32x16 magnitude = (h & 0x7fffu) << 13;
    // Exact for normal and subnormal numbers; exponent 31 (infinity, NaN) is put right below.
    f32x16 scaled = __builtin_bit_cast(f32x16, magnitude) * 0x1p112f;
    u32x16 bits = __builtin_bit_cast(u32x16, scaled);
    u32x16 special = magnitude >= (0x7c00u << 13) ? (u32x16)(0x7f800000u) : (u32x16)(0u);
    return __builtin_bit_cast(f32x16, bits | special | ((h & 0x8000u) << 16));
#endif
}

/// Sixteen bf16 numbers as f32.
INLINE f32x16 load_bf16(const void *p) {
    u32x16 h = __builtin_convertvector(*(const u16x16_u *)p, u32x16);
    return __builtin_bit_cast(f32x16, h << 16);
}

/// Sixteen finite numbers of at most 65504, rounded to f16, nearest even.
INLINE void store16_f16(uint16_t *p, f32x16 v) {
#if defined(RD_ISA_AVX512) || defined(RD_ISA_AVX2) || defined(__aarch64__)
    f16x16 halves = __builtin_convertvector(v, f16x16);
    memcpy(p, &halves, sizeof halves);
#else
    float lanes[16];
    store16(lanes, v);
    for (int i = 0; i < 16; i++) {
        const uint32_t bits = __builtin_bit_cast(uint32_t, lanes[i]);
        const uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
        if (magnitude < 0x38800000u) {  // below the smallest normal: let the float adder round
            const float shifted = __builtin_bit_cast(float, magnitude) + 0.5f;
            p[i] = (uint16_t)(sign | (__builtin_bit_cast(uint32_t, shifted) - 0x3f000000u));
        } else {
            const uint32_t odd = (magnitude >> 13) & 1u;
            p[i] = (uint16_t)(sign | ((magnitude + 0xc8000fffu + odd) >> 13));
        }
    }
#endif
}

/// e^x on every lane, to about 1 ulp for x in [-87, 88]; 0 below, a huge finite number above, NaN for NaN.
INLINE f32x16 exp16(f32x16 x) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
    f32x16 clamped = x > 88.0f ? (f32x16)(88.0f) : x;
    f32x16 shifted = fma16(clamped, (f32x16)(1.44269504f), (f32x16)(magic));
    f32x16 n = shifted - magic;
    f32x16 r = fma16(n, (f32x16)(-0.693145752f), clamped);
    r = fma16(n, (f32x16)(-1.42860677e-6f), r);
    f32x16 p = (f32x16)(1.38794571e-3f);
    p = fma16(p, r, (f32x16)(8.33336823e-3f));
    p = fma16(p, r, (f32x16)(4.16666493e-2f));
    p = fma16(p, r, (f32x16)(1.66666657e-1f));
    p = fma16(p, r, (f32x16)(0.5f));
    p = fma16(p, r, (f32x16)(1.0f));
    p = fma16(p, r, (f32x16)(1.0f));
    u32x16 exponent = (__builtin_bit_cast(u32x16, shifted) - __builtin_bit_cast(uint32_t, magic)) << 23;
    f32x16 result = __builtin_bit_cast(f32x16, __builtin_bit_cast(u32x16, p) + exponent);
    result = x < -87.0f ? (f32x16)(0.0f) : result;
    return x != x ? x : result;
}

/// x * sigmoid(x)
INLINE f32x16 silu16(f32x16 x) { return x / (1.0f + exp16(-x)); }

/// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), which is x * sigmoid of twice what the tangent takes.
INLINE f32x16 gelu16(f32x16 x) {
    f32x16 twice = x * fma16(x * x, (f32x16)(0.0713548163f), (f32x16)(1.59576912f));
    return x / (1.0f + exp16(-twice));
}

/// An `rd_activation` of every lane.
INLINE f32x16 activate16(f32x16 x, uint32_t activation) { return activation == RD_GELU_TANH ? gelu16(x) : silu16(x); }

/// limit * tanh(x / limit), to about 1e-7 of the limit. NaN and infinities give NaN.
INLINE f32x16 softcap16(f32x16 x, float limit) {
    return limit - (2.0f * limit) / (1.0f + exp16(x * (2.0f / limit))) + (x - x);
}

/// acc + sum over the 4 columns of a group, per lane: unsigned weights (64 bytes) times the 4 signed bytes at `x`.
INLINE i32x16 dot4(i32x16 acc, u8x64 w, const int8_t *x) {
#if defined(RD_ISA_AVX512)
    int32_t packed;
    memcpy(&packed, x, 4);
    return (i32x16)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)w, _mm512_set1_epi32(packed));
#else
    int32_t lanes[16];
    uint8_t bytes[64];
    memcpy(bytes, &w, 64);
    for (int i = 0; i < 16; i++)
        lanes[i] = bytes[4 * i] * x[0] + bytes[4 * i + 1] * x[1] + bytes[4 * i + 2] * x[2] + bytes[4 * i + 3] * x[3];
    i32x16 products;
    memcpy(&products, lanes, sizeof products);
    return acc + products;
#endif
}

#endif
