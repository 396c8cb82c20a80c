#version 450
// Entries of one sequence of the cache into scratch, then from there to other slots: all reads come before all writes.
layout(constant_id = 0) const int WIDTH = 64;
// 0: from the cache, 1: into it.
layout(constant_id = 1) const int IS_WRITING = 0;
layout(local_size_x_id = 0) in;

layout(binding = 2) buffer Cache { uint cache[]; };
layout(binding = 3) buffer Scratch { uint scratch[]; };  // [layers, keyValueHeads · 2, moves, words]
layout(binding = 4) readonly buffer Slots { int slots[]; };  // [moves]

layout(push_constant) uniform Push {
    int words;
    int moves;
    int capacity;
    int planes;
    int layer_words;
    int sequence;
} push;

void main() {
    const int index = int(gl_GlobalInvocationID.x);
    if (index >= push.moves * push.words) return;
    const int move = index / push.words, word = index % push.words;
    const int plane = int(gl_WorkGroupID.y), layer = int(gl_WorkGroupID.z);
    const int at = layer * push.layer_words
        + ((push.sequence * push.planes + plane) * push.capacity + slots[move]) * push.words + word;
    const int held = (layer * push.planes + plane) * push.moves * push.words + index;
    if (IS_WRITING == 1)
        cache[at] = scratch[held];
    else
        scratch[held] = cache[at];
}
