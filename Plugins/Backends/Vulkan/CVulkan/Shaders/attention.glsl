// Attention of up to TILE query heads of ROWS neighbouring rows that share a key/value head, over one split of the keys that
// the rows see, in order of position. Keys and values that lie at the same place for all these rows are read and widened once.
// The result is the largest score, the sum of weights relative to it, and the weighted sum of values; `attention_merge.comp`
// joins splits. Where there is only one, the quotient is the result.
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
layout(constant_id = 4) const int ROWS = 1;
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
    // Of the scores; 0: none.
    float softcap;
    // Keys that a row sees, itself included; 0: all.
    int window;
    // The first split that any row needs.
    int first_split;
} push;

const int CHUNKS = HEAD_DIMENSION / 8;
const int OWN_CHUNKS = (CHUNKS + 7) / 8;
// Query `r * TILE + h` is head `h` of row `r`.
const int QUERIES = ROWS * TILE;

#ifndef SHARES_INPUTS
shared float exchange[2][TEAMS][QUERIES][8];
#endif

// Position of the first key that a row sees.
int first_key(RowEntry entry) { return push.window > 0 ? max(entry.position + 1 - push.window, 0) : 0; }

int slot_of(RowEntry entry, int position) {
    return entry.branch < 0 || position < entry.committed ? position
                                                          : branches[entry.branch + position - entry.committed];
}

// Keys from the first that lie in the slot of their position.
int keys_in_order(RowEntry entry) {
    return entry.branch < 0 ? entry.position + 1 : min(entry.committed, entry.position + 1);
}

vec4 low_elements(uvec4 words) { return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y)); }

vec4 high_elements(uvec4 words) { return vec4(unpackHalf2x16(words.z), unpackHalf2x16(words.w)); }

void main() {
    const int lane = int(gl_LocalInvocationID.x), team = int(gl_LocalInvocationID.y);
    const int ratio = push.heads / push.key_heads, tiles = (ratio + TILE - 1) / TILE;
    const int wanted = int(gl_WorkGroupID.x) * TEAMS + team, split = push.first_split + int(gl_WorkGroupID.y);
    const int row_tiles = (push.row_count + ROWS - 1) / ROWS;
    const int item = min(wanted, row_tiles * push.key_heads * tiles - 1);
    const int tile = item % tiles, key_head = item / tiles % push.key_heads;
    const int first_row = push.first_row + item / tiles / push.key_heads * ROWS;
    const int last_row = push.first_row + push.row_count - 1;
    const int start = split * push.split_keys;
    RowEntry row_entries[ROWS];
    // Keys of this split that a row sees lie from `starts` to before `counts`.
    int starts[ROWS], counts[ROWS], planes[ROWS];
    // Keys of this split that lie at the same place for all rows; where those that any row sees begin and end.
    int alike = push.split_keys, begin = push.split_keys, count = 0;
    [[unroll]] for (int r = 0; r < ROWS; r++) {
        row_entries[r] = entries[min(first_row + r, last_row)];
        counts[r] = min(row_entries[r].position + 1 - start, push.split_keys);
        planes[r] = push.first_texel
            + (row_entries[r].sequence * push.key_heads + key_head) * 2 * push.capacity * CHUNKS;
        starts[r] = max(first_key(row_entries[r]) - start, 0);
        begin = min(begin, starts[r]);
        count = max(count, counts[r]);
        alike = planes[r] == planes[0] ? min(alike, keys_in_order(row_entries[r]) - start) : 0;
    }
    const bool has_work = wanted == item && count > begin;
#ifdef SHARES_INPUTS
    if (!has_work) return;
    const uint base = gl_SubgroupInvocationID & ~7u;
#endif
    int heads[TILE];
    vec4 query[QUERIES][2 * CHUNKS];
    precise float largest[QUERIES], weight_sum[QUERIES];
    precise vec4 low[QUERIES][OWN_CHUNKS], high[QUERIES][OWN_CHUNKS];
    const float minus_infinity = uintBitsToFloat(0xff800000u);
    [[unroll]] for (int h = 0; h < TILE; h++) heads[h] = key_head * ratio + min(tile * TILE + h, ratio - 1);
    [[unroll]] for (int r = 0; r < ROWS; r++)
        [[unroll]] for (int h = 0; h < TILE; h++) {
            const int q = r * TILE + h;
            const int from = (min(first_row + r, last_row) * push.heads + heads[h]) * (HEAD_DIMENSION / 4);
            [[unroll]] for (int i = 0; i < 2 * CHUNKS; i++) query[q][i] = texelFetch(queries, from + i);
            largest[q] = minus_infinity;
            weight_sum[q] = 0;
            [[unroll]] for (int c = 0; c < OWN_CHUNKS; c++) low[q][c] = high[q][c] = vec4(0);
        }

#ifdef SHARES_INPUTS
    for (int first = begin / 8 * 8; first < count; first += 8) {
#else
    for (int first = 0; first < push.most_keys; first += 8) {
#endif
        const bool is_alike = first + 8 <= alike;
        precise float scores[QUERIES];
        int own_slots[ROWS];
        uvec4 words[CHUNKS];
        [[unroll]] for (int r = 0; r < ROWS; r++) {
            // A lane without a key takes the row's last one with a weight of 0.
            own_slots[r] = slot_of(row_entries[r], min(start + first + lane, row_entries[r].position));
            if (r == 0 || !is_alike)
                [[unroll]] for (int i = 0; i < CHUNKS; i++)
                    words[i] = texelFetch(cache, planes[r] + own_slots[r] * CHUNKS + i);
            precise vec4 sums[TILE];
            [[unroll]] for (int h = 0; h < TILE; h++) sums[h] = vec4(0);
            [[unroll]] for (int i = 0; i < CHUNKS; i++) {
                const vec4 first_four = low_elements(words[i]), last_four = high_elements(words[i]);
                [[unroll]] for (int h = 0; h < TILE; h++) {
                    const int q = r * TILE + h;
                    sums[h] = fma(query[q][2 * i + 1], last_four, fma(query[q][2 * i], first_four, sums[h]));
                }
            }
            [[unroll]] for (int h = 0; h < TILE; h++) {
                precise float score = ((sums[h].x + sums[h].y) + (sums[h].z + sums[h].w)) * push.scale;
                if (push.softcap > 0) score = softcap(score, push.softcap);
                scores[r * TILE + h] =
                    first + lane >= starts[r] && first + lane < counts[r] ? score : minus_infinity;
            }
        }
#ifndef SHARES_INPUTS
        const int parity = first / 8 % 2;
        [[unroll]] for (int q = 0; q < QUERIES; q++) exchange[parity][team][q][lane] = scores[q];
        barrier();
#endif
        precise float own[QUERIES];
        [[unroll]] for (int q = 0; q < QUERIES; q++) {
            float reference = max(scores[q], largest[q]);
#ifdef SHARES_INPUTS
            [[unroll]] for (int bit = 0; bit < 3; bit++)
                reference = max(reference, subgroupShuffle(reference, gl_SubgroupInvocationID ^ (1u << bit)));
#else
            [[unroll]] for (int l = 0; l < 8; l++) reference = max(reference, exchange[parity][team][q][l]);
#endif
            const bool is_first = floatBitsToUint(largest[q]) == 0xff800000u;
            precise float correction = is_first ? 0.0 : exponential(largest[q] - reference);
            own[q] = floatBitsToUint(scores[q]) == 0xff800000u ? 0.0 : exponential(scores[q] - reference);
            largest[q] = reference;
            weight_sum[q] = fma(weight_sum[q], correction, own[q]);
            [[unroll]] for (int c = 0; c < OWN_CHUNKS; c++) {
                low[q][c] *= correction;
                high[q][c] *= correction;
            }
        }
        [[unroll]] for (int c = 0; c < OWN_CHUNKS; c++) {
            const int chunk = min(lane + 8 * c, CHUNKS - 1);
            uvec4 values_of[8];
            [[unroll]] for (int r = 0; r < ROWS; r++) {
                if (r == 0 || !is_alike) {
                    [[unroll]] for (int l = 0; l < 8; l++) {
#ifdef SHARES_INPUTS
                        const int slot = subgroupShuffle(own_slots[r], base + uint(l));
#else
                        const int slot = slot_of(row_entries[r], min(start + first + l, row_entries[r].position));
#endif
                        values_of[l] =
                            texelFetch(cache, planes[r] + (push.capacity + slot) * CHUNKS + chunk);
                    }
                }
                [[unroll]] for (int l = 0; l < 8; l++) {
                    const vec4 first_four = low_elements(values_of[l]), last_four = high_elements(values_of[l]);
                    [[unroll]] for (int h = 0; h < TILE; h++) {
                        const int q = r * TILE + h;
#ifdef SHARES_INPUTS
                        const float weight = subgroupShuffle(own[q], base + uint(l));
#else
                        const float weight = floatBitsToUint(exchange[parity][team][q][l]) == 0xff800000u
                            ? 0.0 : exponential(exchange[parity][team][q][l] - largest[q]);
#endif
                        low[q][c] = fma(vec4(weight), first_four, low[q][c]);
                        high[q][c] = fma(vec4(weight), last_four, high[q][c]);
                    }
                }
            }
        }
    }

    precise float totals[QUERIES];
#ifdef SHARES_INPUTS
    [[unroll]] for (int q = 0; q < QUERIES; q++) {
        totals[q] = weight_sum[q];
        [[unroll]] for (int bit = 0; bit < 3; bit++)
            totals[q] += subgroupShuffle(totals[q], gl_SubgroupInvocationID ^ (1u << bit));
    }
#else
    barrier();
    [[unroll]] for (int q = 0; q < QUERIES; q++) exchange[0][team][q][lane] = weight_sum[q];
    barrier();
    [[unroll]] for (int q = 0; q < QUERIES; q++) {
        precise float pairs[4];
        [[unroll]] for (int p = 0; p < 4; p++)
            pairs[p] = exchange[0][team][q][2 * p] + exchange[0][team][q][2 * p + 1];
        totals[q] = (pairs[0] + pairs[1]) + (pairs[2] + pairs[3]);
    }
    if (!has_work) return;
#endif
    // Loops over registers have no way out and count by 1: some compilers do not unroll others, and would put all registers that
    // are indexed there into memory.
    [[unroll]] for (int q = 0; q < QUERIES; q++) {
        const int r = q / TILE, h = q % TILE, row = first_row + r;
        const bool is_wanted = tile * TILE + h < ratio && row <= last_row && counts[r] > 0;
        const int at =
            (((row - push.first_row) * push.heads + heads[h]) * push.splits + split - push.first_split)
            * (8 + HEAD_DIMENSION);
        if (HAS_SPLITS == 1 && is_wanted && lane == 0) {
            partials[at] = largest[q];
            partials[at + 1] = totals[q];
        }
        [[unroll]] for (int c = 0; c < OWN_CHUNKS; c++) {
            const int chunk = lane + 8 * c;
            // Zeros are positive, as they are after joining.
            precise vec4 first_four = mix(low[q][c], vec4(0), equal(low[q][c], vec4(0))) / totals[q];
            precise vec4 last_four = mix(high[q][c], vec4(0), equal(high[q][c], vec4(0))) / totals[q];
            if (is_wanted && chunk < CHUNKS) {
                if (HAS_SPLITS == 1) {
                    [[unroll]] for (int i = 0; i < 4; i++) partials[at + 8 + 8 * chunk + i] = low[q][c][i];
                    [[unroll]] for (int i = 0; i < 4; i++) partials[at + 12 + 8 * chunk + i] = high[q][c][i];
                } else {
                    const int to = (row * push.heads + heads[h]) * HEAD_DIMENSION + 8 * chunk;
                    [[unroll]] for (int i = 0; i < 4; i++) outputs[to + i] = first_four[i];
                    [[unroll]] for (int i = 0; i < 4; i++) outputs[to + 4 + i] = last_four[i];
                }
            }
        }
    }
}
