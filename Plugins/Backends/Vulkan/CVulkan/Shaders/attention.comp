#version 450
// Attention of one row and head over one split of the keys that the row sees, in order of position. The result is the
// largest score, the sum of weights relative to it, and the weighted sum of values; `attention_merge.comp` joins splits. Where
// there is only one, the quotient is the result.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "functions.glsl"
#include "cache.glsl"

layout(constant_id = 0) const int WIDTH = 8;
layout(constant_id = 1) const int HEAD_DIMENSION = 64;
layout(constant_id = 2) const int SPLIT = 128;
layout(local_size_x_id = 0) in;

layout(binding = 0) uniform usamplerBuffer cache;
layout(binding = 1) uniform samplerBuffer queries;  // [rows, heads · d] in units of four
layout(binding = 2) writeonly buffer Partials { float partials[]; };  // [rows, heads, splits, 8 + d]
layout(binding = 3) readonly buffer Entries { RowEntry entries[]; };
layout(binding = 4) readonly buffer Branches { int branches[]; };
layout(binding = 5) writeonly buffer Output { float outputs[]; };  // [rows, heads · d]

layout(push_constant) uniform Push {
    int heads;
    int key_heads;
    int capacity;
    // The layer's first texel.
    int first_texel;
    int splits;
    int first_row;
    float scale;
} push;

const int CHUNKS = HEAD_DIMENSION / 8;

shared float scores[SPLIT];
shared float lanes[WIDTH];

int slot_of(RowEntry entry, int position) {
    return entry.branch < 0 || position < entry.committed ? position
                                                          : branches[entry.branch + position - entry.committed];
}

void main() {
    const int lane = int(gl_LocalInvocationID.x);
    const int split = int(gl_WorkGroupID.x), head = int(gl_WorkGroupID.y);
    const int row = int(gl_WorkGroupID.z) + push.first_row;
    const RowEntry entry = entries[row];
    const int start = split * SPLIT;
    const int count = min(entry.position + 1 - start, SPLIT);
    if (count <= 0) return;
    const int key_head = head / (push.heads / push.key_heads);
    const int plane = (entry.sequence * push.key_heads + key_head) * 2;
    const int keys = push.first_texel + plane * push.capacity * CHUNKS;
    const int values = keys + push.capacity * CHUNKS;

    vec4 query[2 * CHUNKS];
    const int query_start = (row * push.heads + head) * 2 * CHUNKS;
    [[unroll]] for (int i = 0; i < 2 * CHUNKS; i++) query[i] = texelFetch(queries, query_start + i);

    precise float largest = uintBitsToFloat(0xff800000u);
    for (int key = lane; key < count; key += WIDTH) {
        const int at = keys + slot_of(entry, start + key) * CHUNKS;
        precise vec4 sum = vec4(0);
        [[unroll]] for (int i = 0; i < CHUNKS; i++) {
            const uvec4 words = texelFetch(cache, at + i);
            const vec4 low = vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y));
            const vec4 high = vec4(unpackHalf2x16(words.z), unpackHalf2x16(words.w));
            sum = fma(query[2 * i], low, sum);
            sum = fma(query[2 * i + 1], high, sum);
        }
        precise float score = ((sum.x + sum.y) + (sum.z + sum.w)) * push.scale;
        scores[key] = score;
        largest = max(largest, score);
    }
    lanes[lane] = largest;
    barrier();
    for (int other = 0; other < WIDTH; other++) largest = max(largest, lanes[other]);
    barrier();
    precise float weight_sum = 0;
    for (int key = lane; key < count; key += WIDTH) {
        const float weight = exponential(scores[key] - largest);
        scores[key] = weight;
        weight_sum += weight;
    }
    lanes[lane] = weight_sum;
    barrier();
    const int output_start =
        (((row - push.first_row) * push.heads + head) * push.splits + split) * (8 + HEAD_DIMENSION);
    precise float total = 0;
    for (int other = 0; other < WIDTH; other++) total += lanes[other];
    if (push.splits > 1 && lane == 0) {
        partials[output_start] = largest;
        partials[output_start + 1] = total;
    }
    for (int chunk = lane; chunk < CHUNKS; chunk += WIDTH) {
        precise vec4 low = vec4(0), high = vec4(0);
        for (int key = 0; key < count; key++) {
            const uvec4 words = texelFetch(cache, values + slot_of(entry, start + key) * CHUNKS + chunk);
            const vec4 weight = vec4(scores[key]);
            low = fma(weight, vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y)), low);
            high = fma(weight, vec4(unpackHalf2x16(words.z), unpackHalf2x16(words.w)), high);
        }
        if (push.splits == 1) {
            // Zeros are positive, as they are after joining.
            low = mix(low, vec4(0), equal(low, vec4(0))) / total;
            high = mix(high, vec4(0), equal(high, vec4(0))) / total;
            const int at = (row * push.heads + head) * HEAD_DIMENSION + 8 * chunk;
            [[unroll]] for (int i = 0; i < 4; i++) outputs[at + i] = low[i];
            [[unroll]] for (int i = 0; i < 4; i++) outputs[at + 4 + i] = high[i];
            continue;
        }
        const int at = output_start + 8 + 8 * chunk;
        [[unroll]] for (int i = 0; i < 4; i++) partials[at + i] = low[i];
        [[unroll]] for (int i = 0; i < 4; i++) partials[at + 4 + i] = high[i];
    }
}
