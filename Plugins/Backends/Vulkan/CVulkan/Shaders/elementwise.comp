#version 450
// Operations on elements of the same place.
#extension GL_GOOGLE_include_directive : require
#include "functions.glsl"

layout(constant_id = 0) const int WIDTH = 64;
// 0: SiLU(first) · second, 1: SiLU(first), 2: SiLU(first) + second, 3: first + second, 4: GELU(first) · second,
// 5: first · factor, 6: first, capped by factor.
layout(constant_id = 1) const int OPERATION = 0;
layout(local_size_x_id = 0) in;

layout(binding = 2) readonly buffer First { float first[]; };
layout(binding = 3) readonly buffer Second { float second[]; };
layout(binding = 4) writeonly buffer Output { float outputs[]; };  // may be one of the inputs

layout(push_constant) uniform Push {
    int columns;
    float factor;
} push;

void main() {
    const int column = int(gl_GlobalInvocationID.x);
    if (column >= push.columns) return;
    const int at = int(gl_WorkGroupID.y) * push.columns + column;
    precise float value;
    if (OPERATION == 0) value = silu(first[at]) * second[at];
    if (OPERATION == 1) value = silu(first[at]);
    if (OPERATION == 2) value = second[at] + silu(first[at]);
    if (OPERATION == 3) value = first[at] + second[at];
    if (OPERATION == 4) value = gelu_tanh(first[at]) * second[at];
    if (OPERATION == 5) value = first[at] * push.factor;
    if (OPERATION == 6) value = softcap(first[at], push.factor);
    outputs[at] = value;
}
