// One form of every loop; see lanes.h. Defines the table RD_FORM_SYMBOL.
#include "forms.h"
#include "lanes.h"

/// Counts through an array by sixteen; `n` lanes are in use, fewer than sixteen at its end.
#define FOR_LANES(count) \
    for (size_t i = 0, n = lanes_at(0, count); i < (count); i += 16, n = lanes_at(i, count))

static void silu(const float *z, const float *residual, size_t count, float *output) {
    FOR_LANES(count) {
        const f32x16 x = load(z + i, n, 0), y = x * sigmoid16(x);
        store(output + i, residual ? load(residual + i, n, 0) + y : y, n);
    }
}

static void silu_gradient(const float *z, const float *upstream, size_t count, float *output) {
    FOR_LANES(count) {
        const f32x16 x = load(z + i, n, 0), gate = sigmoid16(x);
        store(output + i, load(upstream + i, n, 0) * gate * (1.0f + x * (1.0f - gate)), n);
    }
}

static void fill_rows(const float *row, size_t rows, size_t columns, float *output) {
    for (size_t r = 0; r < rows; r++) memcpy(output + r * columns, row, columns * sizeof(float));
}

static void add(const float *input, size_t count, float *output) {
    FOR_LANES(count) store(output + i, load(output + i, n, 0) + load(input + i, n, 0), n);
}

static void add_column_sums(const float *input, size_t rows, size_t columns, float *sums) {
    FOR_LANES(columns) {
        f32x16 sum = load(sums + i, n, 0);
        for (size_t r = 0; r < rows; r++) sum += load(input + r * columns + i, n, 0);
        store(sums + i, sum, n);
    }
}

static double sum_of_squares(const float *input, size_t count) {
    f64x16 sums = (f64x16)(0.0);
    FOR_LANES(count) {
        const f64x16 x = __builtin_convertvector(load(input + i, n, 0), f64x16);
        sums += x * x;
    }
    double sum = 0;
    for (int lane = 0; lane < 16; lane++) sum += sums[lane];
    return sum;
}

static float largest_logit(const float *logits, size_t count, int32_t *index) {
    f32x16 best = (f32x16)(-__builtin_inff());
    FOR_LANES(count) {
        const f32x16 x = load(logits + i, n, -__builtin_inff());
        best = x > best ? x : best;
    }
    const float largest = max16(best);
    *index = 0;
    for (size_t i = 0; i < count; i++) {
        if (logits[i] != largest) continue;
        *index = (int32_t)i;
        break;
    }
    return largest;
}

/// The sum of e^(logit - largest); the terms replace the logits where `keeps` is set.
static float exponentials(float *logits, size_t count, float largest, int keeps) {
    f32x16 sums = (f32x16)(0.0f);
    FOR_LANES(count) {
        const f32x16 e = exp16(load(logits + i, n, -__builtin_inff()) - largest);
        sums += e;
        if (keeps) store(logits + i, e, n);
    }
    return sum16(sums);
}

static double cross_entropy(
    float *logits, size_t count, const int32_t *rows, const float *probabilities, size_t labels, float scale,
    int writes_gradient, int32_t *largest_index, double *log_sum
) {
    const float largest = largest_logit(logits, count, largest_index);
    double mass = 0, expected = 0;
    for (size_t k = 0; k < labels; k++) {
        if (rows[k] < 0) continue;
        mass += probabilities[k];
        expected += (double)probabilities[k] * ((double)logits[rows[k]] - largest);
    }
    const float sum = exponentials(logits, count, largest, writes_gradient);
    const double log_of_sum = __builtin_log(sum);
    *log_sum = largest + log_of_sum;
    const double loss = mass * log_of_sum - expected;
    if (!writes_gradient) return loss;
    const float factor = scale * (float)mass / sum;
    FOR_LANES(count) store(logits + i, load(logits + i, n, 0) * factor, n);
    for (size_t k = 0; k < labels; k++)
        if (rows[k] >= 0) logits[rows[k]] -= scale * probabilities[k];
    return loss;
}

static void adamw(
    float *parameters, const float *gradient, float *first, float *second, size_t count,
    const rd_training_adamw_step *step
) {
    const rd_training_adamw_step s = *step;
    FOR_LANES(count) {
        const f32x16 p = load(parameters + i, n, 0), g = load(gradient + i, n, 0) * s.gradient_scale;
        const f32x16 m = load(first + i, n, 0) * s.beta1 + g * (1.0f - s.beta1);
        const f32x16 v = load(second + i, n, 0) * s.beta2 + g * g * (1.0f - s.beta2);
        const f32x16 root = __builtin_elementwise_sqrt(v * s.second_correction);
        const f32x16 direction = m * s.first_correction / (root + s.epsilon);
        store(parameters + i, p - s.learning_rate * (direction + s.weight_decay * p), n);
        store(first + i, m, n);
        store(second + i, v, n);
    }
}

const rd_training_form RD_FORM_SYMBOL = {
    RD_FORM_NAME, silu, silu_gradient, fill_rows, add_column_sums, add, sum_of_squares, cross_entropy, adamw,
};
