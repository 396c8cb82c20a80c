// Dequantising matrix product: each weight is read and turned into a float once for ROWS rows.
//
// A group has WIDTH / 8 strips of 32 outputs side by side and SPLITS threads over the columns, which take blocks in turn. A
// thread holds 4 outputs × ROWS rows. Sums over the columns run in their order, one product after the other, then over the
// splits in theirs: the same for every number of rows.
//
// Up to three matrices of one type over the same inputs are one dispatch, with a layer of groups for each.
//
// With SHARES_INPUTS a lane reads its own 4 of the 32 inputs of a block and the others take them from there; else every lane
// reads them all.

layout(constant_id = 1) const int ROWS = 1;
layout(constant_id = 2) const int SPLITS = 1;
layout(constant_id = 3) const int WIDTH = 8;
layout(local_size_x_id = 3, local_size_y_id = 2) in;

layout(binding = 0) uniform usamplerBuffer weights;
layout(binding = 1) uniform samplerBuffer inputs;  // [rows, input_stride] in units of four
layout(binding = 2) buffer Output { float outputs[]; };  // [rows, output_stride]
layout(binding = 3) readonly buffer Bias { float bias[]; };  // [outputs], of the only matrix
layout(binding = 4) writeonly buffer Second { float second[]; };
layout(binding = 5) writeonly buffer Third { float third[]; };

struct Matrix {
    int first_texel;
    int output_count;
    int first_output;
    int output_stride;
};

layout(push_constant) uniform Push {
    Matrix matrices[3];
    int blocks;
    int strip_slots;
    int input_stride;
    int rows;
    int has_bias;
    int accumulates;
} push;

DEFINE_SCALES(weights)

shared vec4 partial[SPLITS > 1 ? SPLITS * WIDTH * ROWS : 1];

// Column `column` of a block, of four outputs, before it is scaled.
vec4 number(uvec4 words[NUMBERS], int column) {
    if (TYPE == F32) return uintBitsToFloat(words[column]);
    if (TYPE == F16) return column % 2 == 0 ? low_halves(words[column / 2]) : high_halves(words[column / 2]);
    if (TYPE == BF16)
        return uintBitsToFloat(column % 2 == 0 ? words[column / 2] << 16 : words[column / 2] & 0xffff0000u);
    if (TYPE == Q8_0) return vec4(bitfieldExtract(ivec4(words[column / 4]), 8 * (column % 4), 8));
    uvec4 value = (words[column / 8] >> uint(4 * (column % 8))) & 15u;
    if (HAS_FIFTH_BIT) value |= ((words[NUMBERS - 1] >> uint(column)) & 1u) << 4;
    if (TYPE == Q6_K) value |= ((words[NUMBERS - 2 + column / 16] >> uint(2 * (column % 16))) & 3u) << 4;
    if (TYPE == Q6_K) return vec4(ivec4(value) - 32);
    return vec4(value);
}

void main() {
    const Matrix matrix = push.matrices[gl_WorkGroupID.z];
    const int strips = (matrix.output_count + 31) / 32;
    if (int(gl_WorkGroupID.x) * (WIDTH / 8) >= strips) return;
    const int lane = int(gl_LocalInvocationID.x) & 7;
    const int wanted = int(gl_WorkGroupID.x) * (WIDTH / 8) + (int(gl_LocalInvocationID.x) >> 3);
    const int strip = min(wanted, strips - 1);
    const int split = int(gl_LocalInvocationID.y);
    const int first_row = int(gl_WorkGroupID.y) * ROWS;
    precise vec4 sums[ROWS];
    [[unroll]] for (int r = 0; r < ROWS; r++) sums[r] = vec4(0);
    int row_start[ROWS];
    [[unroll]] for (int r = 0; r < ROWS; r++) row_start[r] = min(first_row + r, push.rows - 1) * push.input_stride;

    for (int block = split; block < push.blocks; block += SPLITS) {
        const int group =
            matrix.first_texel + (strip * push.strip_slots + block / GROUP_BLOCKS * GROUP) * 8 + lane;
        const int start = group + (HEAD + block % GROUP_BLOCKS * NUMBERS) * 8;
        // Reads first: on devices where a read is a call, sums stay in registers over the rest.
        uvec4 words[NUMBERS];
        [[unroll]] for (int i = 0; i < NUMBERS; i++) words[i] = texelFetch(weights, start + 8 * i);
        const Scales scales = scales_of(group, block % GROUP_BLOCKS);
#ifdef SHARES_INPUTS
        vec4 own[ROWS];
        [[unroll]] for (int r = 0; r < ROWS; r++) own[r] = texelFetch(inputs, row_start[r] + block * 8 + lane);
        const uint base = gl_SubgroupInvocationID & ~7u;
#endif
        [[unroll]] for (int quad = 0; quad < 8; quad++) {
#ifndef SHARES_INPUTS
            vec4 all[ROWS];
            [[unroll]] for (int r = 0; r < ROWS; r++) all[r] = texelFetch(inputs, row_start[r] + block * 8 + quad);
#endif
            [[unroll]] for (int i = 0; i < 4; i++) {
                const vec4 scale = quad < 4 ? scales.first : scales.second;
                precise vec4 weight = number(words, 4 * quad + i);
                if (!IS_FLOAT) weight = fma(weight, scale, scales.minimum);
                [[unroll]] for (int r = 0; r < ROWS; r++) {
#ifdef SHARES_INPUTS
                    const float x = subgroupShuffle(own[r][i], base + uint(quad));
#else
                    const float x = all[r][i];
#endif
                    sums[r] = fma(weight, vec4(x), sums[r]);
                }
            }
        }
    }

    if (SPLITS > 1) {
        const int place = int(gl_LocalInvocationID.x);
        [[unroll]] for (int r = 0; r < ROWS; r++) partial[(split * ROWS + r) * WIDTH + place] = sums[r];
        barrier();
        if (split > 0) return;
        for (int other = 1; other < SPLITS; other++)
            [[unroll]] for (int r = 0; r < ROWS; r++) sums[r] += partial[(other * ROWS + r) * WIDTH + place];
    }
    if (wanted >= strips) return;
    [[unroll]] for (int r = 0; r < ROWS; r++) {
        if (first_row + r >= push.rows) break;
        [[unroll]] for (int i = 0; i < 4; i++) {
            const int output_index = strip * 32 + lane * 4 + i;
            if (output_index >= matrix.output_count) break;
            const int column = matrix.first_output + output_index;
            const int at = (first_row + r) * matrix.output_stride + column;
            precise float value = sums[r][i];
            if (push.has_bias == 1) value += bias[column];
            if (push.accumulates == 1) value += outputs[at];
            if (gl_WorkGroupID.z == 0)
                outputs[at] = value;
            else if (gl_WorkGroupID.z == 1)
                second[at] = value;
            else
                third[at] = value;
        }
    }
}
