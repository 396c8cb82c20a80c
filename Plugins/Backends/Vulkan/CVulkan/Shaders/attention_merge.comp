#version 450
// Joins the splits of `attention.comp` in their order: one element of a head a thread.
#extension GL_GOOGLE_include_directive : require
#include "functions.glsl"
#include "cache.glsl"

layout(constant_id = 0) const int WIDTH = 64;
layout(constant_id = 1) const int HEAD_DIMENSION = 64;
layout(constant_id = 2) const int SPLIT = 128;
layout(local_size_x_id = 0) in;

layout(binding = 2) readonly buffer Partials { float partials[]; };  // [rows, heads, splits, 8 + d]
layout(binding = 3) readonly buffer Entries { RowEntry entries[]; };
layout(binding = 4) writeonly buffer Output { float outputs[]; };  // [rows, heads · d]

layout(push_constant) uniform Push {
    int heads;
    int splits;
    int first_row;
    // As in `attention.glsl`.
    int window;
    int first_split;
} push;

void main() {
    const int column = int(gl_GlobalInvocationID.x);
    if (column >= push.heads * HEAD_DIMENSION) return;
    const int row = int(gl_WorkGroupID.y);
    const int head = column / HEAD_DIMENSION, element = column % HEAD_DIMENSION;
    const int stride = 8 + HEAD_DIMENSION;
    const int start = (row * push.heads + head) * push.splits * stride;
    // Splits in which the row sees keys.
    const int position = entries[push.first_row + row].position;
    const int begin = (push.window > 0 ? max(position + 1 - push.window, 0) : 0) / SPLIT - push.first_split;
    const int count = (position + SPLIT) / SPLIT - push.first_split;
    precise float largest = partials[start + begin * stride];
    for (int split = begin + 1; split < count; split++) largest = max(largest, partials[start + split * stride]);
    precise float total = 0, sum = 0;
    for (int split = begin; split < count; split++) {
        const int at = start + split * stride;
        const float weight = exponential(partials[at] - largest);
        total = fma(weight, partials[at + 1], total);
        sum = fma(weight, partials[at + 8 + element], sum);
    }
    precise float value = sum / total;
    outputs[(push.first_row + row) * push.heads * HEAD_DIMENSION + column] = value;
}
