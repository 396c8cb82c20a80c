// Weights as the shaders read them.
//
// A matrix is cut into strips of 32 outputs, a strip into blocks of 32 columns. Everything is words of 32 bits in slots of 32
// words: word `o` of a slot belongs to output `o` of the strip. One of 8 lanes reads the words of four outputs at once, so that
// a slot is 8 neighbouring texels of 16 bytes:
//
//     slot   [ o0 o1 o2 o3 | o4 o5 o6 o7 | … | o28 o29 o30 o31 ]      texel = slot · 8 + lane
//     group  [ head … | numbers of block 0 | numbers of block 1 | … ]
//
//     type         blocks  head                                          numbers of a block of 32 columns
//     q4_0 q5_0 q8_0   2   1: a scale (half) for each block              4 slots of 8 nibbles; q5_0 one more with a high bit
//     q4_1 q5_1        1   1: scale and minimum (halves)                 for each column; q8_0 8 slots of 4 bytes
//     q4_K q5_K        8   5: scale and minimum (halves), then 4 with    as q4_0 and q5_0
//                             scale and minimum (bytes) of two blocks
//     q6_K             8   5: a scale (half), then 4 with two scales     4 slots of 8 nibbles, 2 with two high bits for each
//                             (signed bytes, 16 columns each) of two     of 16 columns
//                             blocks
//     f16 bf16         1   none                                          16 slots of two columns
//     f32              1   none                                          32 slots

layout(constant_id = 0) const int TYPE = 0;

const int F32 = 0, F16 = 1, Q4_0 = 2, Q4_1 = 3, Q5_0 = 6, Q5_1 = 7, Q8_0 = 8, Q4_K = 12, Q5_K = 13, Q6_K = 14, BF16 = 30;

const bool IS_SUPER = TYPE == Q4_K || TYPE == Q5_K || TYPE == Q6_K;
const bool HAS_MINIMUM = TYPE == Q4_1 || TYPE == Q5_1;
const bool IS_FLOAT = TYPE == F32 || TYPE == F16 || TYPE == BF16;
const bool HAS_FIFTH_BIT = TYPE == Q5_0 || TYPE == Q5_1 || TYPE == Q5_K;
const int GROUP_BLOCKS = IS_SUPER ? 8 : (HAS_MINIMUM || IS_FLOAT) ? 1 : 2;
const int HEAD = IS_SUPER ? 5 : IS_FLOAT ? 0 : 1;
const int NUMBERS = TYPE == F32 ? 32 : IS_FLOAT ? 16 : TYPE == Q8_0 ? 8 : TYPE == Q6_K ? 6 : HAS_FIFTH_BIT ? 5 : 4;
const int GROUP = HEAD + GROUP_BLOCKS * NUMBERS;
// What is taken from numbers of types without a minimum; q6_K has it taken before they are scaled.
const float ZERO = (TYPE == Q4_0) ? 8.0 : (TYPE == Q5_0) ? 16.0 : 0.0;

vec4 low_halves(uvec4 words) {
    return vec4(
        unpackHalf2x16(words.x).x, unpackHalf2x16(words.y).x, unpackHalf2x16(words.z).x, unpackHalf2x16(words.w).x);
}

vec4 high_halves(uvec4 words) { return low_halves(words >> 16); }

// Scales of the first and second 16 columns of a block, and its minimum, of four outputs each.
struct Scales {
    vec4 first, second, minimum;
};

// Block `index` of the group whose first texel (of this lane) is `group`.
#define DEFINE_SCALES(WEIGHTS)                                                                                         \
    Scales scales_of(int group, int index) {                                                                           \
        if (IS_FLOAT) return Scales(vec4(1), vec4(1), vec4(0));                                                        \
        precise Scales result;                                                                                         \
        const uvec4 head = texelFetch(WEIGHTS, group);                                                                 \
        if (IS_SUPER) {                                                                                                \
            const uvec4 pair = texelFetch(WEIGHTS, group + 8 * (1 + index / 2)) >> uint(16 * (index % 2));             \
            const vec4 scale = low_halves(head);                                                                       \
            if (TYPE == Q6_K) {                                                                                        \
                result.first = scale * vec4(bitfieldExtract(ivec4(pair), 0, 8));                                       \
                result.second = scale * vec4(bitfieldExtract(ivec4(pair), 8, 8));                                      \
                result.minimum = vec4(0);                                                                              \
            } else {                                                                                                   \
                result.first = scale * vec4(pair & 255u);                                                              \
                result.second = result.first;                                                                          \
                result.minimum = -(high_halves(head) * vec4((pair >> 8) & 255u));                                      \
            }                                                                                                          \
        } else if (HAS_MINIMUM) {                                                                                      \
            result.first = low_halves(head);                                                                           \
            result.second = result.first;                                                                              \
            result.minimum = high_halves(head);                                                                        \
        } else {                                                                                                       \
            result.first = low_halves(head >> uint(16 * (index % 2)));                                                 \
            result.second = result.first;                                                                              \
            result.minimum = -ZERO * result.first;                                                                     \
        }                                                                                                              \
        return result;                                                                                                 \
    }
