#version 450
// What the host needs to choose among the logits of a row: each thread takes every WIDTH-th of WIDTH · DEPTH neighbours and
// tells their largest, its id, the sum of exponentials relative to it, and whether there is NaN or +infinity among them.
#extension GL_GOOGLE_include_directive : require
#include "functions.glsl"

layout(constant_id = 0) const int WIDTH = 64;
layout(constant_id = 1) const int DEPTH = 64;
layout(constant_id = 2) const int HAS_SUM = 0;
layout(local_size_x_id = 0) in;

layout(binding = 2) readonly buffer Input { float logits[]; };  // [rows, columns]
layout(binding = 3) writeonly buffer Output { uvec4 results[]; };  // [rows, sets]

layout(push_constant) uniform Push {
    int columns;
    int vocabulary;
    int sets;
} push;

void main() {
    const int row = int(gl_WorkGroupID.y);
    const int first = int(gl_WorkGroupID.x) * WIDTH * DEPTH + int(gl_LocalInvocationID.x);
    const int start = row * push.columns;
    const uint minus_infinity = 0xff800000u;
    float largest = uintBitsToFloat(minus_infinity);
    int best = -1;
    uint damage = 0;
    for (int i = 0; i < DEPTH; i++) {
        const int token = first + i * WIDTH;
        if (token >= push.vocabulary) break;
        const float logit = logits[start + token];
        const uint bits = floatBitsToUint(logit);
        // NaN of either sign, or +infinity: by its bits, as compilers may reckon without them.
        if ((bits & 0x7fffffffu) > 0x7f800000u || bits == 0x7f800000u) damage = 1;
        if (logit > largest || (best < 0 && bits != minus_infinity)) {
            largest = logit;
            best = token;
        }
    }
    precise float sum = 0;
    if (HAS_SUM == 1 && best >= 0 && damage == 0) {
        for (int i = 0; i < DEPTH; i++) {
            const int token = first + i * WIDTH;
            if (token >= push.vocabulary) break;
            const float logit = logits[start + token];
            if (floatBitsToUint(logit) != minus_infinity) sum += exponential(logit - largest);
        }
    }
    results[row * push.sets + int(gl_GlobalInvocationID.x)] =
        uvec4(floatBitsToUint(largest), uint(best), floatBitsToUint(sum), damage);
}
