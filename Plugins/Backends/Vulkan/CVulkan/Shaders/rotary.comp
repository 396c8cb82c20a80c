#version 450
// Rotary embedding of queries in place, and of keys on their way into the cache; values go there as they are.
// Threads of a row: pairs of query elements, then words of keys, then words of values.
#extension GL_GOOGLE_include_directive : require
#include "functions.glsl"
#include "cache.glsl"

layout(constant_id = 0) const int WIDTH = 64;
layout(constant_id = 1) const int HEAD_DIMENSION = 64;
layout(constant_id = 2) const int ROTATED = 64;
// 0: neighbours turn together, 1: halves.
layout(constant_id = 3) const int PAIRING = 0;
layout(local_size_x_id = 0) in;

layout(binding = 2) buffer Queries { float queries[]; };  // [rows, heads · d]
layout(binding = 3) readonly buffer Keys { float keys[]; };  // [rows, keyValueHeads · d]
layout(binding = 4) readonly buffer Values { float values[]; };  // [rows, keyValueHeads · d]
layout(binding = 5) writeonly buffer Cache { uint cache[]; };
layout(binding = 6) readonly buffer Entries { int entries[]; };  // [rows, (sequence, position, slot, 0)], then the table

layout(binding = 0) uniform samplerBuffer table;  // [positions, 2, ROTATED / 2] in units of four

layout(push_constant) uniform Push {
    int heads;
    int key_heads;
    int capacity;
    int first_word;
} push;

const int HALF = ROTATED / 2;

float angle(int position, int index) {
    const int at = position * ROTATED + index;
    return texelFetch(table, at / 4)[at % 4];
}

float turned(float x, float y, float cosine, float sine) {
    precise float result = fma(x, cosine, -(y * sine));
    return result;
}

float turned_up(float x, float y, float cosine, float sine) {
    precise float result = fma(x, sine, y * cosine);
    return result;
}

// Element of a head of keys that starts at `start`, turned.
float key(int start, int element, int position) {
    const float own = keys[start + element];
    if (element >= ROTATED) return own;
    const int pair = PAIRING == 0 ? element / 2 : element % HALF;
    const bool is_first = PAIRING == 0 ? element % 2 == 0 : element < HALF;
    const int distance = PAIRING == 0 ? 1 : HALF;
    const float other = keys[start + (is_first ? element + distance : element - distance)];
    const float cosine = angle(position, pair), sine = angle(position, HALF + pair);
    return is_first ? turned(own, other, cosine, sine) : turned_up(other, own, cosine, sine);
}

void main() {
    const int row = int(gl_WorkGroupID.y);
    const int sequence = entries[4 * row], position = entries[4 * row + 1], slot = entries[4 * row + 2];
    int index = int(gl_GlobalInvocationID.x);
    if (index < push.heads * HALF) {
        const int start = (row * push.heads + index / HALF) * HEAD_DIMENSION, pair = index % HALF;
        const int first = start + (PAIRING == 0 ? 2 * pair : pair);
        const int second = first + (PAIRING == 0 ? 1 : HALF);
        const float x = queries[first], y = queries[second];
        const float cosine = angle(position, pair), sine = angle(position, HALF + pair);
        queries[first] = turned(x, y, cosine, sine);
        queries[second] = turned_up(x, y, cosine, sine);
        return;
    }
    index -= push.heads * HALF;
    const int words = HEAD_DIMENSION / 2;
    if (index >= 2 * push.key_heads * words) return;
    const bool is_value = index >= push.key_heads * words;
    if (is_value) index -= push.key_heads * words;
    const int head = index / words, word = index % words;
    const int start = (row * push.key_heads + head) * HEAD_DIMENSION;
    const float low = is_value ? values[start + 2 * word] : key(start, 2 * word, position);
    const float high = is_value ? values[start + 2 * word + 1] : key(start, 2 * word + 1, position);
    const int plane = (sequence * push.key_heads + head) * 2 + (is_value ? 1 : 0);
    cache[push.first_word + (plane * push.capacity + slot) * words + word] = half_bits(low) | half_bits(high) << 16;
}
