// Attention of up to TILE query heads of one row that share a key/value head, over one split of the keys that the row sees, in
// order of position. The result is the largest score, the sum of weights relative to it, and the weighted sum of values;
// `attention_merge.comp` joins splits. Where there is only one, the quotient is the result.
//
// Eight lanes work together: eight keys at a time, one each for the scores; then the values of these keys one after the other,
// 8 elements of a head a lane. The largest score so far is the reference of the weights, and sums are scaled when it changes. A
// group has TEAMS such teams.
//
// With SHARES_INPUTS lanes take each other's weights by subgroup operations; else through shared memory.

layout(constant_id = 0) const int TEAMS = 1;
layout(constant_id = 1) const int HEAD_DIMENSION = 64;
layout(constant_id = 2) const int TILE = 1;
layout(constant_id = 3) const int HAS_SPLITS = 0;
layout(local_size_x = 8, local_size_y_id = 0) in;

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
    int row_count;
    // Keys of a split.
    int split_keys;
    // Keys of the longest split.
    int most_keys;
    float scale;
} push;

const int CHUNKS = HEAD_DIMENSION / 8;
const int OWN_CHUNKS = (CHUNKS + 7) / 8;

#ifndef SHARES_INPUTS
shared float exchange[2][TEAMS][TILE][8];
#endif

int slot_of(RowEntry entry, int position) {
    return entry.branch < 0 || position < entry.committed ? position
                                                          : branches[entry.branch + position - entry.committed];
}

vec4 low_elements(uvec4 words) { return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y)); }

vec4 high_elements(uvec4 words) { return vec4(unpackHalf2x16(words.z), unpackHalf2x16(words.w)); }

void main() {
    const int lane = int(gl_LocalInvocationID.x), team = int(gl_LocalInvocationID.y);
    const int ratio = push.heads / push.key_heads, tiles = (ratio + TILE - 1) / TILE;
    const int wanted = int(gl_WorkGroupID.x) * TEAMS + team, split = int(gl_WorkGroupID.y);
    const int item = min(wanted, push.row_count * push.key_heads * tiles - 1);
    const int tile = item % tiles, key_head = item / tiles % push.key_heads;
    const int row = push.first_row + item / tiles / push.key_heads;
    const RowEntry entry = entries[row];
    const int start = split * push.split_keys;
    const int count = min(entry.position + 1 - start, push.split_keys);
    const bool has_work = wanted == item && count > 0;
#ifdef SHARES_INPUTS
    if (!has_work) return;
    const uint base = gl_SubgroupInvocationID & ~7u;
#endif
    const int plane = (entry.sequence * push.key_heads + key_head) * 2;
    const int keys = push.first_texel + plane * push.capacity * CHUNKS;
    const int values = keys + push.capacity * CHUNKS;
    int heads[TILE];
    vec4 query[TILE][2 * CHUNKS];
    precise float largest[TILE], weight_sum[TILE];
    precise vec4 low[TILE][OWN_CHUNKS], high[TILE][OWN_CHUNKS];
    const float minus_infinity = uintBitsToFloat(0xff800000u);
    [[unroll]] for (int h = 0; h < TILE; h++) {
        heads[h] = key_head * ratio + min(tile * TILE + h, ratio - 1);
        const int from = (row * push.heads + heads[h]) * (HEAD_DIMENSION / 4);
        [[unroll]] for (int i = 0; i < 2 * CHUNKS; i++) query[h][i] = texelFetch(queries, from + i);
        largest[h] = minus_infinity;
        weight_sum[h] = 0;
        [[unroll]] for (int c = 0; c < OWN_CHUNKS; c++) low[h][c] = high[h][c] = vec4(0);
    }

    for (int first = 0; first < push.most_keys; first += 8) {
#ifdef SHARES_INPUTS
        if (first >= count) break;
#endif
        const bool is_seen = first + lane < count;
        // A lane without a key takes the row's last one with a weight of 0.
        const int slot = slot_of(entry, min(start + first + lane, entry.position));
        uvec4 words[CHUNKS];
        [[unroll]] for (int i = 0; i < CHUNKS; i++) words[i] = texelFetch(cache, keys + slot * CHUNKS + i);
        precise vec4 sums[TILE];
        [[unroll]] for (int h = 0; h < TILE; h++) sums[h] = vec4(0);
        [[unroll]] for (int i = 0; i < CHUNKS; i++) {
            const vec4 first_four = low_elements(words[i]), last_four = high_elements(words[i]);
            [[unroll]] for (int h = 0; h < TILE; h++)
                sums[h] = fma(query[h][2 * i + 1], last_four, fma(query[h][2 * i], first_four, sums[h]));
        }
        precise float scores[TILE];
        [[unroll]] for (int h = 0; h < TILE; h++) {
            scores[h] = ((sums[h].x + sums[h].y) + (sums[h].z + sums[h].w)) * push.scale;
            if (!is_seen) scores[h] = minus_infinity;
        }
        int slots[8];
#ifdef SHARES_INPUTS
        [[unroll]] for (int l = 0; l < 8; l++) slots[l] = subgroupShuffle(slot, base + uint(l));
#else
        const int parity = first / 8 % 2;
        [[unroll]] for (int h = 0; h < TILE; h++) exchange[parity][team][h][lane] = scores[h];
        barrier();
        [[unroll]] for (int l = 0; l < 8; l++) slots[l] = slot_of(entry, min(start + first + l, entry.position));
#endif
        precise float own[TILE];
        [[unroll]] for (int h = 0; h < TILE; h++) {
            float reference = max(scores[h], largest[h]);
#ifdef SHARES_INPUTS
            [[unroll]] for (int bit = 0; bit < 3; bit++)
                reference = max(reference, subgroupShuffle(reference, gl_SubgroupInvocationID ^ (1u << bit)));
#else
            [[unroll]] for (int l = 0; l < 8; l++) reference = max(reference, exchange[parity][team][h][l]);
#endif
            const bool is_first = floatBitsToUint(largest[h]) == 0xff800000u;
            precise float correction = is_first ? 0.0 : exponential(largest[h] - reference);
            own[h] = is_seen ? exponential(scores[h] - reference) : 0.0;
            largest[h] = reference;
            weight_sum[h] = fma(weight_sum[h], correction, own[h]);
            [[unroll]] for (int c = 0; c < OWN_CHUNKS; c++) {
                low[h][c] *= correction;
                high[h][c] *= correction;
            }
        }
        [[unroll]] for (int c = 0; c < OWN_CHUNKS; c++) {
            const int chunk = min(lane + 8 * c, CHUNKS - 1);
            uvec4 values_of[8];
            [[unroll]] for (int l = 0; l < 8; l++)
                values_of[l] = texelFetch(cache, values + slots[l] * CHUNKS + chunk);
            [[unroll]] for (int l = 0; l < 8; l++) {
                const vec4 first_four = low_elements(values_of[l]), last_four = high_elements(values_of[l]);
                [[unroll]] for (int h = 0; h < TILE; h++) {
#ifdef SHARES_INPUTS
                    const float weight = subgroupShuffle(own[h], base + uint(l));
#else
                    const float weight =
                        first + l < count ? exponential(exchange[parity][team][h][l] - largest[h]) : 0.0;
#endif
                    low[h][c] = fma(vec4(weight), first_four, low[h][c]);
                    high[h][c] = fma(vec4(weight), last_four, high[h][c]);
                }
            }
        }
    }

    precise float totals[TILE];
#ifdef SHARES_INPUTS
    [[unroll]] for (int h = 0; h < TILE; h++) {
        totals[h] = weight_sum[h];
        [[unroll]] for (int bit = 0; bit < 3; bit++)
            totals[h] += subgroupShuffle(totals[h], gl_SubgroupInvocationID ^ (1u << bit));
    }
#else
    barrier();
    [[unroll]] for (int h = 0; h < TILE; h++) exchange[0][team][h][lane] = weight_sum[h];
    barrier();
    [[unroll]] for (int h = 0; h < TILE; h++) {
        precise float pairs[4];
        [[unroll]] for (int p = 0; p < 4; p++)
            pairs[p] = exchange[0][team][h][2 * p] + exchange[0][team][h][2 * p + 1];
        totals[h] = (pairs[0] + pairs[1]) + (pairs[2] + pairs[3]);
    }
    if (!has_work) return;
#endif
    // Loops over registers have no way out and count by 1: some compilers do not unroll others, and would put all registers that
    // are indexed there into memory.
    [[unroll]] for (int h = 0; h < TILE; h++) {
        const bool is_wanted = tile * TILE + h < ratio;
        const int at =
            (((row - push.first_row) * push.heads + heads[h]) * push.splits + split) * (8 + HEAD_DIMENSION);
        if (HAS_SPLITS == 1 && is_wanted && lane == 0) {
            partials[at] = largest[h];
            partials[at + 1] = totals[h];
        }
        [[unroll]] for (int c = 0; c < OWN_CHUNKS; c++) {
            const int chunk = lane + 8 * c;
            // Zeros are positive, as they are after joining.
            precise vec4 first_four = mix(low[h][c], vec4(0), equal(low[h][c], vec4(0))) / totals[h];
            precise vec4 last_four = mix(high[h][c], vec4(0), equal(high[h][c], vec4(0))) / totals[h];
            if (is_wanted && chunk < CHUNKS) {
                if (HAS_SPLITS == 1) {
                    [[unroll]] for (int i = 0; i < 4; i++) partials[at + 8 + 8 * chunk + i] = low[h][c][i];
                    [[unroll]] for (int i = 0; i < 4; i++) partials[at + 12 + 8 * chunk + i] = high[h][c][i];
                } else {
                    const int to = (row * push.heads + heads[h]) * HEAD_DIMENSION + 8 * chunk;
                    [[unroll]] for (int i = 0; i < 4; i++) outputs[to + i] = first_four[i];
                    [[unroll]] for (int i = 0; i < 4; i++) outputs[to + 4 + i] = last_four[i];
                }
            }
        }
    }
}
