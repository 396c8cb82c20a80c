// Functions of several shaders. Their order of operations is fixed, so that they give the same bits whoever calls them.

// e^x within 2 units in the last place; 0 below −87.3. NaN and infinities give NaN.
float exponential(float x) {
    precise float n = floor(fma(clamp(x, -88.0, 88.0), 1.44269504, 0.5));
    precise float r = fma(n, 2.12194440e-4, fma(n, -0.693359375, clamp(x, -88.0, 88.0)));
    precise float p = 1.9875691500e-4;
    p = fma(p, r, 1.3981999507e-3);
    p = fma(p, r, 8.3334519073e-3);
    p = fma(p, r, 4.1665795894e-2);
    p = fma(p, r, 1.6666665459e-1);
    p = fma(p, r, 5.0000001201e-1);
    p = fma(p, r * r, r) + 1.0;
    precise float difference = x - x;
    const float power = uintBitsToFloat(uint(int(n) + 127) << 23);
    precise float result = (x < -87.3 ? 0.0 : p * power) + difference;
    return result;
}

float silu(float x) {
    precise float result = x / (1.0 + exponential(-x));
    return result;
}

// x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), which is x · σ of twice what the tangent takes.
float gelu_tanh(float x) {
    precise float square = x * x;
    precise float twice = x * fma(square, 0.0713548163, 1.59576912);
    precise float result = x / (1.0 + exponential(clamp(-twice, -88.0, 88.0)));
    return result;
}

// 0: SiLU, 1: GELU by its tangent.
float activated(float x, int activation) { return activation == 1 ? gelu_tanh(x) : silu(x); }

// limit · tanh(x / limit). NaN and infinities give NaN.
float softcap(float x, float limit) {
    precise float twice = clamp(x * (2.0 / limit), -88.0, 88.0);
    precise float result = limit - (2.0 * limit) / (1.0 + exponential(twice)) + (x - x);
    return result;
}

// The bits of the nearest half, ties to even; subnormals and overflow to infinity as IEEE 754 has them.
uint half_bits(float value) {
    const uint bits = floatBitsToUint(value);
    const uint magnitude = bits & 0x7fffffffu;
    uint rounded;
    if (magnitude > 0x7f800000u) {
        rounded = 0x7e00u;
    } else if (magnitude >= 0x47800000u) {
        rounded = 0x7c00u;
    } else if (magnitude >= 0x38800000u) {
        const uint rebased = magnitude - 0x38000000u;
        rounded = (rebased + 0xfffu + ((rebased >> 13) & 1u)) >> 13;
    } else {
        // Subnormal: the significand in units of 2⁻²⁴.
        const uint exponent = magnitude >> 23;
        const uint shift = 126u - exponent;
        if (shift > 24u) {
            rounded = 0u;
        } else {
            const uint significand = (magnitude & 0x7fffffu) | 0x800000u;
            rounded = (significand + ((1u << (shift - 1u)) - 1u) + ((significand >> shift) & 1u)) >> shift;
        }
    }
    return rounded | ((bits >> 16) & 0x8000u);
}
