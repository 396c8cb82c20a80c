// Attention over a tree of rows. One source for every kernel set; see vectors.h.
//
// A query's keys are numbered by absolute position. Positions fall into splits of RD_SPLIT. Within a split
//   score(j) = (sum over d, in order, of fma(q[d], k[j][d])) * scale, then softcap * tanh(score / softcap) where there is one
//   p(j) = exp(score(j) - maximum), sum over lane j mod 16, lanes folded at the end
//   o[d] = sum over j, in order, of fma(p(j), v[j][d])
// and splits are merged in order. None of this depends on where a key is stored, on the other queries, or on threads.
#ifndef ATTENTION_H
#define ATTENTION_H

#include "CKernels.h"
#include "counts.h"
#include "elementwise.h"
#include "vectors.h"

// Queries whose scores, and sums of values, stay in registers.
#if defined(RD_ISA_AVX512)
#define QUERY_BLOCK 12
#define EACH_QUERY_COUNT EACH_COUNT_12
#define VALUE_VECTORS 2
#elif defined(RD_ISA_AVX2) || defined(__aarch64__)
#define QUERY_BLOCK 6
#define EACH_QUERY_COUNT EACH_COUNT_6
#define VALUE_VECTORS 1
#else
#define QUERY_BLOCK 4
#define EACH_QUERY_COUNT EACH_COUNT_4
#define VALUE_VECTORS 2
#endif
// Each sum is one chain of multiply-adds: with few queries, two tiles and twice the vectors side by side hide its latency.
#if defined(RD_ISA_AVX512)
#define FEW_QUERIES 3
#else
#define FEW_QUERIES 2
#endif

#define MINIMUM_SCORE (-__builtin_inff())

/// Scores of `tiles` tiles of 16 slots for `n` queries. `queries [d][RD_QUERIES]`, `scores [queries][stride]`
///
/// Asks on its way, into the first-level cache, for what comes right after: the next tiles, and the 16 value vectors that belong to
/// each of these, as many bytes.
INLINE void score_tile(
    const uint16_t *tile, const uint16_t *values, const float *queries, size_t d, float scale, const int n,
    const int tiles, float *scores, size_t stride
) {
    f32x16 sums[2 * QUERY_BLOCK];
#pragma clang loop unroll(full)
    for (int i = 0; i < tiles * n; i++) sums[i] = (f32x16)(0.0f);
    for (size_t c = 0; c < d; c += 2) {
#pragma clang loop unroll(full)
        for (int t = 0; t < tiles; t++) {
            __builtin_prefetch(tile + 16 * ((size_t)(tiles + t) * d + c), 0, 3);
            __builtin_prefetch(values + 16 * ((size_t)t * d + c), 0, 3);
        }
#pragma clang loop unroll(full)
        for (size_t step = 0; step < 2; step++, queries += RD_QUERIES) {
#pragma clang loop unroll(full)
            for (int t = 0; t < tiles; t++) {
                f32x16 k = load_f16(tile + 16 * ((size_t)t * d + c + step));
#pragma clang loop unroll(full)
                for (int i = 0; i < n; i++)
                    sums[t * n + i] = fma16((f32x16)(queries[i]), k, sums[t * n + i]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < n; i++)
#pragma clang loop unroll(full)
        for (int t = 0; t < tiles; t++) store16(scores + (size_t)i * stride + 16 * t, sums[t * n + i] * scale);
}

/// Adds `count` keys to the weighted values of `n` queries, `vectors` vectors at a time. `slots` is NULL for slots
/// `from...`. `weights [queries][RD_SPLIT]`, `out [queries][stride]`
INLINE void add_values(
    const uint16_t *values, size_t d, size_t from, size_t count, const int32_t *slots, const float *weights,
    float *out, size_t stride, const int n, const int vectors
) {
    for (size_t c = 0; c < d; c += 16 * (size_t)vectors) {
        const int wide = vectors == 2 && c + 32 <= d;
        f32x16 low[QUERY_BLOCK], high[QUERY_BLOCK];
#pragma clang loop unroll(full)
        for (int i = 0; i < n; i++) {
            low[i] = load16(out + (size_t)i * stride + c);
            high[i] = wide ? load16(out + (size_t)i * stride + c + 16) : (f32x16)(0.0f);
        }
        for (size_t j = 0; j < count; j++) {
            const uint16_t *v = values + (slots ? (size_t)slots[j] : from + j) * d + c;
            f32x16 a = load_f16(v), b = wide ? load_f16(v + 16) : (f32x16)(0.0f);
#pragma clang loop unroll(full)
            for (int i = 0; i < n; i++) {
                f32x16 weight = (f32x16)(weights[i * RD_SPLIT + j]);
                low[i] = fma16(weight, a, low[i]);
                if (vectors == 2) high[i] = fma16(weight, b, high[i]);
            }
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < n; i++) {
            store16(out + (size_t)i * stride + c, low[i]);
            if (wide) store16(out + (size_t)i * stride + c + 16, high[i]);
        }
    }
}

/// `tiles`: 1, or 2 where that is worth it (see `FEW_QUERIES`).
static void score_tiles(
    const uint16_t *tile, const uint16_t *values, const float *queries, size_t d, float scale, size_t n, int tiles,
    float *scores, size_t stride
) {
    for (size_t i = 0; i < n; i += QUERY_BLOCK) {
        const size_t count = n - i < QUERY_BLOCK ? n - i : QUERY_BLOCK;
#define BODY(c) score_tile(tile, values, queries + i, d, scale, c, 1, scores + i * stride, stride)
#define PAIR(c) score_tile(tile, values, queries + i, d, scale, c, 2, scores + i * stride, stride)
        if (tiles == 2) {
            EACH_COUNT_3(count, PAIR)
        } else {
            EACH_QUERY_COUNT(count, BODY)
        }
#undef BODY
#undef PAIR
    }
}

static void add_value_rows(
    const uint16_t *values, size_t d, size_t from, size_t count, const int32_t *slots, const float *weights,
    float *out, size_t stride, size_t n
) {
    for (size_t i = 0; i < n; i += QUERY_BLOCK) {
        const size_t queries = n - i < QUERY_BLOCK ? n - i : QUERY_BLOCK;
#define CALL(c, vectors)                                                                                         \
    add_values(values, d, from, count, slots, weights + i * RD_SPLIT, out + i * stride, stride, c, vectors)
#define BODY(c) CALL(c, VALUE_VECTORS)
#define PAIR(c) CALL(c, 2)
        if (queries <= FEW_QUERIES) {
            EACH_COUNT_3(queries, PAIR)
        } else {
            EACH_QUERY_COUNT(queries, BODY)
        }
#undef BODY
#undef PAIR
#undef CALL
    }
}

static void attention_split(const rd_attention *job, size_t split, float *scratch, float *partials) {
    const size_t d = job->head_dimension, n = job->queries, first = split * RD_SPLIT;
    const size_t record = rd_partial_floats(d);
    float scores[RD_QUERIES][RD_SPLIT] __attribute__((aligned(64)));

    // 0. Queries beside each other, so that one address walks through all of them. `[d][RD_QUERIES]`
    float *queries = scratch;
    float *fresh = scratch + d * RD_QUERIES;
    for (size_t i = 0; i < n; i++) {
        const float *query = job->query[i];
#pragma clang loop vectorize(disable)
        for (size_t c = 0; c < d; c++) queries[c * RD_QUERIES + i] = query[c];
    }

    // 1. Scores of the keys that lie where their position says. Slots from `in_place` on belong to branches.
    size_t begin = SIZE_MAX, last = 0, joint = SIZE_MAX;
    int branches = 0;
    for (size_t i = 0; i < n; i++) {
        if (job->visible[i] > last) last = job->visible[i];
        if (job->first[i] < begin) begin = job->first[i];
        const size_t here = job->branch[i] ? job->committed : job->visible[i];
        if (here < joint) joint = here;
        branches |= job->branch[i] != NULL;
    }
    const size_t end = last < first + RD_SPLIT ? last : first + RD_SPLIT;
    const size_t scored = branches && job->used_slots < end ? job->used_slots : end;
    // Tiles that no window reaches stay out, the first of them on.
    for (size_t at = begin > first ? begin / 16 * 16 : first; at < scored;) {
        const int tiles = n <= FEW_QUERIES && at + 16 < scored ? 2 : 1;
        score_tiles(
            job->keys + at * d, job->values + at * d, queries, d, job->scale, n, tiles, &scores[0][at - first],
            RD_SPLIT);
        at += 16 * (size_t)tiles;
    }

    // 2. Branches: score the fresh slots where they are, then pick by position.
    if (branches && end > job->committed) {
        const size_t base = job->committed / 16 * 16, width = (job->used_slots - base + 15) / 16 * 16;
        for (size_t at = 0; at < width; at += 16)
            score_tiles(
                job->keys + (base + at) * d, job->values + (base + at) * d, queries, d, job->scale, n, 1, fresh + at,
                width);
        for (size_t i = 0; i < n; i++) {
            if (!job->branch[i]) continue;
            const size_t begin = job->committed > first ? job->committed : first;
            const size_t stop = job->visible[i] < end ? job->visible[i] : end;
            for (size_t j = begin; j < stop; j++)
                scores[i][j - first] = fresh[i * width + (size_t)job->branch[i][j - job->committed] - base];
        }
    }

    // 3. Soft-max within the split.
    for (size_t i = 0; i < n; i++) {
        float *partial = partials + i * record;
        const size_t visible = job->visible[i] <= first ? 0 : job->visible[i] - first;
        const size_t count = visible < RD_SPLIT ? visible : RD_SPLIT, padded = (count + 15) / 16 * 16;
        const size_t start = job->first[i] <= first ? 0 : job->first[i] - first;
        memset(partial + 16, 0, d * sizeof(float));
        if (start >= count) {
            partial[0] = MINIMUM_SCORE;
            partial[1] = 0.0f;
            memset(scores[i], 0, sizeof scores[i]);
            continue;
        }
        if (job->softcap > 0.0f) softcap(&scores[i][start / 16 * 16], padded - start / 16 * 16, job->softcap);
        for (size_t j = 0; j < start; j++) scores[i][j] = MINIMUM_SCORE;
        for (size_t j = count; j < padded; j++) scores[i][j] = MINIMUM_SCORE;
        f32x16 largest = (f32x16)(MINIMUM_SCORE), total = (f32x16)(0.0f);
        for (size_t j = 0; j < padded; j += 16) {
            f32x16 s = load16(&scores[i][j]);
            largest = s > largest ? s : largest;
        }
        const float maximum = max16(largest);
        for (size_t j = 0; j < padded; j += 16) {
            f32x16 p = exp16(load16(&scores[i][j]) - maximum);
            store16(&scores[i][j], p);
            total += p;
        }
        partial[0] = maximum;
        partial[1] = sum16(total);
    }

    // 4. Weighted values: all queries together as far as all see the same slots, then each its own rest.
    size_t shared = joint <= first ? 0 : joint - first;
    if (shared > RD_SPLIT) shared = RD_SPLIT;
    // What no window reaches has weights of 0.
    const size_t lead = begin <= first ? 0 : begin - first < shared ? begin - first : shared;
    add_value_rows(job->values, d, first + lead, shared - lead, NULL, &scores[0][lead], partials + 16, record, n);
    for (size_t i = 0; i < n; i++) {
        const size_t visible = job->visible[i] <= first ? 0 : job->visible[i] - first;
        const size_t count = visible < RD_SPLIT ? visible : RD_SPLIT;
        size_t done = shared;
        // In place up to the query's own limit, then along its branch.
        const size_t limit = job->branch[i] ? job->committed : job->visible[i];
        size_t in_place = limit <= first ? 0 : limit - first;
        if (in_place > count) in_place = count;
        if (in_place > done) {
            add_value_rows(
                job->values, d, first + done, in_place - done, NULL, &scores[i][done], partials + i * record + 16,
                record, 1);
            done = in_place;
        }
        if (count > done) {
            const int32_t *slots = job->branch[i] + (first + done - job->committed);
            add_value_rows(
                job->values, d, 0, count - done, slots, &scores[i][done], partials + i * record + 16, record, 1);
        }
    }
}

static void attention_merge(float *state, const float *partial, size_t d) {
    if (partial[0] == MINIMUM_SCORE && partial[1] == 0.0f) return;  // the query sees nothing of this split
    const float maximum = state[0] > partial[0] ? state[0] : partial[0];
    const f32x16 a = exp16((f32x16)(state[0] - maximum)), b = exp16((f32x16)(partial[0] - maximum));
    state[0] = maximum;
    state[1] = __builtin_fmaf(partial[1], b[0], state[1] * a[0]);
    for (size_t c = 16; c < 16 + d; c += 16)
        store16(state + c, fma16(load16(partial + c), b, load16(state + c) * a));
}

static void attention_finish(const float *state, size_t d, float *output) {
    const float inverse = 1.0f / state[1];
    for (size_t c = 0; c < d; c += 16) store16(output + c, load16(state + 16 + c) * inverse);
}

#endif
