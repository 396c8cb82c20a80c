// Dequantising matrix product: each weight is read and turned into a float once for ROWS rows.
//
// A group has WIDTH / 8 strips of 32 outputs side by side and SPLITS threads over the columns, which take blocks in turn. A
// thread holds 4 outputs × ROWS rows. Sums over the columns run in their order, one product after the other, then over the
// splits in theirs: the same for every number of rows.
//
// A quantised number q becomes the float 1 + q / 2^BITS by way of its significand. Products of these with the inputs of a block
// are summed up first; scale and minimum are applied to the sum, which takes the sum of the inputs too.
//
// Up to three matrices of one type over the same inputs are one dispatch, with a layer of groups for each. With GATED a group
// takes two of them one after the other, and the output is activation(first) · second.
//
// With SHARES_INPUTS a lane reads its own 4 of the 32 inputs of a block and the others take them from there; else every lane
// reads them all.

layout(constant_id = 1) const int ROWS = 1;
layout(constant_id = 2) const int SPLITS = 1;
layout(constant_id = 3) const int WIDTH = 8;
layout(constant_id = 4) const int GATED = 0;
// Bits: 1 adds a bias, 2 adds what the output holds; −1 for what `push.adds` says.
layout(constant_id = 5) const int ADDS = 0;
// Of the gate; see `activated`.
layout(constant_id = 6) const int ACTIVATION = 0;
layout(local_size_x_id = 3, local_size_y_id = 2) in;

layout(binding = 0) uniform usamplerBuffer weights;
layout(binding = 1) uniform samplerBuffer inputs;  // [rows, input_stride] in units of four
layout(binding = 2) buffer Output { float outputs[]; };  // of each matrix [rows, output_stride]
layout(binding = 3) readonly buffer Bias { float bias[]; };  // [outputs], of the only matrix

struct Matrix {
    int first_texel;
    int output_count;
    // Where its first output lies.
    int output_start;
    int output_stride;
};

layout(push_constant) uniform Push {
    Matrix matrices[3];
    int blocks;
    int strip_slots;
    int input_stride;
    int rows;
    int bias_start;
    int adds;
} push;

DEFINE_SCALES(weights)

shared vec4 partial[SPLITS > 1 ? SPLITS * WIDTH * ROWS : 1];

const int BITS = TYPE == Q8_0 ? 8 : TYPE == Q6_K ? 6 : HAS_FIFTH_BIT ? 5 : 4;
// How much larger the stored number is than the one that it stands for.
const float EXCESS = TYPE == Q8_0 ? 128.0 : TYPE == Q6_K ? 32.0 : 0.0;

uvec4 shifted(uvec4 words, int left) { return left >= 0 ? words << uint(left) : words >> uint(-left); }

// Column `column` of a block, of four outputs: a float weight, or 1 + q / 2^BITS.
vec4 number(uvec4 words[NUMBERS], int column) {
    if (TYPE == F32) return uintBitsToFloat(words[column]);
    if (TYPE == F16) return column % 2 == 0 ? low_halves(words[column / 2]) : high_halves(words[column / 2]);
    if (TYPE == BF16)
        return uintBitsToFloat(column % 2 == 0 ? words[column / 2] << 16 : words[column / 2] & 0xffff0000u);
    const int place = 23 - BITS;
    uvec4 bits;
    if (TYPE == Q8_0)  // signed bytes, whose highest bit is turned over
        bits = shifted(words[column / 4] ^ 0x80808080u, place - 8 * (column % 4)) & (255u << uint(place));
    else
        bits = shifted(words[column / 8], place - 4 * (column % 8)) & (15u << uint(place));
    if (HAS_FIFTH_BIT) bits |= shifted(words[NUMBERS - 1], 22 - column) & (1u << 22);
    if (TYPE == Q6_K) bits |= shifted(words[NUMBERS - 2 + column / 16], 21 - 2 * (column % 16)) & (3u << 21);
    return uintBitsToFloat(bits | 0x3f800000u);
}

void main() {
    const int lane = int(gl_LocalInvocationID.x) & 7;
    const int wanted = int(gl_WorkGroupID.x) * (WIDTH / 8) + (int(gl_LocalInvocationID.x) >> 3);
    const int split = int(gl_LocalInvocationID.y);
    const int first_row = int(gl_WorkGroupID.y) * ROWS;
    int row_start[ROWS];
    [[unroll]] for (int r = 0; r < ROWS; r++) row_start[r] = min(first_row + r, push.rows - 1) * push.input_stride;
#ifdef SHARES_INPUTS
    const uint base = gl_SubgroupInvocationID & ~7u;
#endif
    Matrix matrix;
    int strips;
    precise vec4 sums[ROWS], gate[ROWS];
    [[unroll]] for (int r = 0; r < ROWS; r++) sums[r] = vec4(0);

    for (int pass = 0; pass <= GATED; pass++) {
        matrix = push.matrices[GATED == 1 ? pass : int(gl_WorkGroupID.z)];
        strips = (matrix.output_count + 31) / 32;
        if (int(gl_WorkGroupID.x) * (WIDTH / 8) >= strips) return;
        const int strip = min(wanted, strips - 1);
        if (GATED == 1)
            [[unroll]] for (int r = 0; r < ROWS; r++) {
                gate[r] = sums[r];
                sums[r] = vec4(0);
            }

        for (int block = split; block < push.blocks; block += SPLITS) {
            const int group =
                matrix.first_texel + (strip * push.strip_slots + block / GROUP_BLOCKS * GROUP) * 8 + lane;
            const int start = group + (HEAD + block % GROUP_BLOCKS * NUMBERS) * 8;
            // Reads first: on devices where a read is a call, sums stay in registers over the rest.
            uvec4 words[NUMBERS];
            [[unroll]] for (int i = 0; i < NUMBERS; i++) words[i] = texelFetch(weights, start + 8 * i);
            const Scales scales = scales_of(group, block % GROUP_BLOCKS);
            // Sums of the inputs of the first and second 16 columns, always in this order: pairs, fours, pairs of fours, …
            precise float input_sums[2][ROWS];
#ifdef SHARES_INPUTS
            vec4 own[ROWS];
            [[unroll]] for (int r = 0; r < ROWS; r++) own[r] = texelFetch(inputs, row_start[r] + block * 8 + lane);
            if (!IS_FLOAT)
                [[unroll]] for (int r = 0; r < ROWS; r++) {
                    precise float sum = (own[r].x + own[r].y) + (own[r].z + own[r].w);
                    sum += subgroupShuffle(sum, gl_SubgroupInvocationID ^ 1u);
                    sum += subgroupShuffle(sum, gl_SubgroupInvocationID ^ 2u);
                    input_sums[0][r] = subgroupShuffle(sum, base);
                    input_sums[1][r] = subgroupShuffle(sum, base + 4u);
                }
#else
            precise float fours[2][ROWS];
#endif
            precise vec4 products[ROWS];
            [[unroll]] for (int r = 0; r < ROWS; r++) products[r] = IS_FLOAT ? sums[r] : vec4(0);
            [[unroll]] for (int quad = 0; quad < 8; quad++) {
#ifndef SHARES_INPUTS
                vec4 all[ROWS];
                [[unroll]] for (int r = 0; r < ROWS; r++) {
                    all[r] = texelFetch(inputs, row_start[r] + block * 8 + quad);
                    precise float sum = (all[r].x + all[r].y) + (all[r].z + all[r].w);
                    if (quad % 2 == 0) fours[quad / 2 % 2][r] = sum;
                    else fours[quad / 2 % 2][r] += sum;
                    if (quad % 4 == 3) input_sums[quad / 4][r] = fours[0][r] + fours[1][r];
                }
#endif
                [[unroll]] for (int i = 0; i < 4; i++) {
                    const vec4 weight = number(words, 4 * quad + i);
                    [[unroll]] for (int r = 0; r < ROWS; r++) {
#ifdef SHARES_INPUTS
                        const float x = subgroupShuffle(own[r][i], base + uint(quad));
#else
                        const float x = all[r][i];
#endif
                        products[r] = fma(weight, vec4(x), products[r]);
                    }
                }
                if (IS_FLOAT || (quad != 7 && !(TYPE == Q6_K && quad == 3))) continue;
                const float power = float(1 << BITS);
                const vec4 scale = quad == 3 ? scales.first : scales.second;
                precise vec4 offset = fma(vec4(-power - EXCESS), scale, scales.minimum);
                [[unroll]] for (int r = 0; r < ROWS; r++) {
                    precise float inputs_of =
                        TYPE == Q6_K ? input_sums[quad / 4][r] : input_sums[0][r] + input_sums[1][r];
                    sums[r] = fma(products[r], scale * power, fma(offset, vec4(inputs_of), sums[r]));
                    products[r] = vec4(0);
                }
            }
            if (IS_FLOAT) [[unroll]] for (int r = 0; r < ROWS; r++) sums[r] = products[r];
        }

        if (SPLITS > 1) {
            const int place = int(gl_LocalInvocationID.x);
            [[unroll]] for (int r = 0; r < ROWS; r++) partial[(split * ROWS + r) * WIDTH + place] = sums[r];
            barrier();
            if (split == 0)
                for (int other = 1; other < SPLITS; other++)
                    [[unroll]] for (int r = 0; r < ROWS; r++)
                        sums[r] += partial[(other * ROWS + r) * WIDTH + place];
            barrier();
        }
    }
    if (split > 0 || wanted >= strips) return;
    const int adds = ADDS < 0 ? push.adds : ADDS;
    [[unroll]] for (int r = 0; r < ROWS; r++) {
        [[unroll]] for (int i = 0; i < 4; i++) {
            const int output_index = wanted * 32 + lane * 4 + i;
            precise float value = GATED == 1 ? activated(gate[r][i], ACTIVATION) * sums[r][i] : sums[r][i];
            if (first_row + r < push.rows && output_index < matrix.output_count) {
                const int at = matrix.output_start + (first_row + r) * matrix.output_stride + output_index;
                if ((adds & 1) != 0) value += bias[push.bias_start + output_index];
                if ((adds & 2) != 0) value += outputs[at];
                outputs[at] = value;
            }
        }
    }
}
