#version 450
// A bound that at least `count` logits of a row reach: the `count`-th largest of what `reduce.comp` says of its sets, found bit by
// bit; minus infinity where there are fewer sets. A group for each row.
layout(constant_id = 0) const int WIDTH = 64;
layout(local_size_x_id = 0) in;

layout(binding = 2) readonly buffer Input { uvec4 results[]; };  // [rows, sets]
layout(binding = 3) writeonly buffer Output { uint thresholds[]; };  // [rows], bits of floats

layout(push_constant) uniform Push {
    int sets;
    int count;
} push;

shared uint reached[32];

// Bits of floats as numbers of the same order; 0 for a set without a logit.
uint key(uvec4 result) {
    if (int(result.y) < 0) return 0u;
    return result.x ^ ((result.x & 0x80000000u) != 0u ? 0xffffffffu : 0x80000000u);
}

void main() {
    const int row = int(gl_WorkGroupID.x), lane = int(gl_LocalInvocationID.x);
    if (lane < 32) reached[lane] = 0u;
    barrier();
    uint bound = 0u;
    for (int bit = 31; bit >= 0; bit--) {
        const uint candidate = bound | (1u << bit);
        uint own = 0u;
        for (int set = lane; set < push.sets; set += WIDTH)
            if (key(results[row * push.sets + set]) >= candidate) own++;
        atomicAdd(reached[bit], own);
        barrier();
        if (reached[bit] >= uint(push.count)) bound = candidate;
    }
    if (lane != 0) return;
    const uint bits = (bound & 0x80000000u) != 0u ? bound ^ 0x80000000u : ~bound;
    thresholds[row] = bound == 0u ? 0xff800000u : bits;
}
