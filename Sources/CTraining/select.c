#include "forms.h"

static const rd_training_form *form(void) {
#if defined(__x86_64__)
    const int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const int has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (has_avx512) return &rd_training_avx512;
    if (has_avx2) return &rd_training_avx2;
#endif
    return &rd_training_portable;
}

const char *rd_training_instruction_set(void) { return form()->name; }

void rd_training_silu(const float *z, const float *residual, size_t count, float *output) {
    form()->silu(z, residual, count, output);
}

void rd_training_silu_gradient(const float *z, const float *upstream, size_t count, float *output) {
    form()->silu_gradient(z, upstream, count, output);
}

void rd_training_fill_rows(const float *row, size_t rows, size_t columns, float *output) {
    form()->fill_rows(row, rows, columns, output);
}

void rd_training_add_column_sums(const float *input, size_t rows, size_t columns, float *sums) {
    form()->add_column_sums(input, rows, columns, sums);
}

void rd_training_add(const float *input, size_t count, float *output) { form()->add(input, count, output); }

double rd_training_sum_of_squares(const float *input, size_t count) {
    return form()->sum_of_squares(input, count);
}

double rd_training_cross_entropy(
    float *logits, size_t count, const int32_t *rows, const float *probabilities, size_t labels, float scale,
    int writes_gradient, int32_t *largest, double *log_sum
) {
    return form()->cross_entropy(
        logits, count, rows, probabilities, labels, scale, writes_gradient, largest, log_sum);
}

void rd_training_adamw(
    float *parameters, const float *gradient, float *first_moment, float *second_moment, size_t count,
    const rd_training_adamw_step *step
) {
    form()->adamw(parameters, gradient, first_moment, second_moment, count, step);
}
