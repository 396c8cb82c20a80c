#version 450
// Logits that are at least their row's threshold, in any order, with their ids.
layout(constant_id = 0) const int WIDTH = 64;
layout(local_size_x_id = 0) in;

layout(binding = 2) readonly buffer Input { float logits[]; };  // [rows, columns]
layout(binding = 3) readonly buffer Thresholds { float thresholds[]; };  // [rows], from `select.comp`
layout(binding = 4) buffer Counts { uint counts[]; };  // [rows], zero before
layout(binding = 5) writeonly buffer Found { uvec2 found[]; };  // [rows, room]: id, bits

layout(push_constant) uniform Push {
    int columns;
    int vocabulary;
    int room;
} push;

void main() {
    const int token = int(gl_GlobalInvocationID.x);
    if (token >= push.vocabulary) return;
    const int row = int(gl_WorkGroupID.y);
    const float logit = logits[row * push.columns + token];
    if (!(logit >= thresholds[row])) return;
    const uint place = atomicAdd(counts[row], 1u);
    if (place < uint(push.room)) found[row * push.room + int(place)] = uvec2(uint(token), floatBitsToUint(logit));
}
