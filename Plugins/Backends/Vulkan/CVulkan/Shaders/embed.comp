#version 450
// Rows of an embedding table: one element a thread.
#extension GL_GOOGLE_include_directive : require
#include "layout.glsl"

layout(constant_id = 1) const int WIDTH = 64;
layout(local_size_x_id = 1) in;

layout(binding = 0) uniform usamplerBuffer weights;
layout(binding = 2) writeonly buffer Output { float outputs[]; };  // [rows, columns]
layout(binding = 3) readonly buffer Tokens { int tokens[]; };  // [rows], less than 0 where another part has the row

layout(push_constant) uniform Push {
    int columns;
    int strip_slots;
} push;

DEFINE_SCALES(weights)

uint word(int start, int slot, uint component) { return texelFetch(weights, start + 8 * slot)[component]; }

float number(int start, int column, uint component) {
    if (TYPE == F32) return uintBitsToFloat(word(start, column, component));
    if (TYPE == F16) return unpackHalf2x16(word(start, column / 2, component) >> (16 * (column % 2))).x;
    if (TYPE == BF16) {
        const uint both = word(start, column / 2, component);
        return uintBitsToFloat(column % 2 == 0 ? both << 16 : both & 0xffff0000u);
    }
    if (TYPE == Q8_0) return bitfieldExtract(int(word(start, column / 4, component)), 8 * (column % 4), 8);
    int value = int(word(start, column / 8, component) >> (4 * (column % 8))) & 15;
    if (HAS_FIFTH_BIT) value |= int((word(start, NUMBERS - 1, component) >> column) & 1u) << 4;
    if (TYPE == Q6_K) {
        value |= int((word(start, NUMBERS - 2 + column / 16, component) >> (2 * (column % 16))) & 3u) << 4;
        value -= 32;
    }
    return value;
}

void main() {
    const int column = int(gl_GlobalInvocationID.x);
    const int row = int(gl_WorkGroupID.y);
    const int token = tokens[row];
    if (token < 0 || column >= push.columns) return;
    const int lane = (token % 32) / 4;
    const uint component = uint(token % 4);
    const int block = column / 32;
    const int group = (token / 32 * push.strip_slots + block / GROUP_BLOCKS * GROUP) * 8 + lane;
    const int start = group + (HEAD + block % GROUP_BLOCKS * NUMBERS) * 8;
    precise float value = number(start, column % 32, component);
    if (!IS_FLOAT) {
        const Scales scales = scales_of(group, block % GROUP_BLOCKS);
        const vec4 scale = column % 32 < 16 ? scales.first : scales.second;
        value = fma(value, scale[component], scales.minimum[component]);
    }
    outputs[row * push.columns + column] = value;
}
