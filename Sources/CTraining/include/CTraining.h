// The loops of training that are no matrix products: activations and their gradients, the cross entropy of a row of
// logits, the optimiser. Each has a form for AVX-512, AVX2 and any other processor; the form is chosen at run time.
//
// Sums run on sixteen lanes and do not depend on the machine's load; results are the same bits on every run of one
// processor, and agree within rounding between processors. Nothing here allocates or fails.
#ifndef CTRAINING_H
#define CTRAINING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The form in use: "avx512", "avx2" or "portable".
const char *rd_training_instruction_set(void);

/// output = residual + z * sigmoid(z); without the residual where it is NULL. Output and residual may be the same array.
void rd_training_silu(const float *z, const float *residual, size_t count, float *output);

/// output = upstream * d silu(z) / dz. The output may be one of the inputs.
void rd_training_silu_gradient(const float *z, const float *upstream, size_t count, float *output);

/// Copies `row` to each of the rows of `output`. `[columns]` to `[rows, columns]`
void rd_training_fill_rows(const float *row, size_t rows, size_t columns, float *output);

/// sums += the sum over the rows of `input`, from the first to the last. `[rows, columns]` to `[columns]`
void rd_training_add_column_sums(const float *input, size_t rows, size_t columns, float *sums);

/// output += input
void rd_training_add(const float *input, size_t count, float *output);

/// The sum of squares, in double precision.
double rd_training_sum_of_squares(const float *input, size_t count);

/// The cross entropy of one row of logits and a target that names `labels` rows of the vocabulary with probabilities;
/// entries with a row below 0 are unused.
///
/// With `writes_gradient` the logits become the gradient scale * ((sum of probabilities) * softmax - probabilities), else
/// they stay. `largest` receives the first index of the largest logit, `log_sum` the logarithm of the sum of e^logit.
/// Returns - sum of p_k * log softmax_k; NaN where a logit is NaN or +infinity.
double rd_training_cross_entropy(
    float *logits, size_t count, const int32_t *rows, const float *probabilities, size_t labels, float scale,
    int writes_gradient, int32_t *largest, double *log_sum);

/// The numbers of one optimiser step.
typedef struct {
    float learning_rate;
    float weight_decay;
    float beta1, beta2, epsilon;
    /// What gradients are multiplied by first.
    float gradient_scale;
    /// 1 / (1 - beta1^step), 1 / (1 - beta2^step)
    float first_correction, second_correction;
} rd_training_adamw_step;

/// One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2) for each element.
void rd_training_adamw(
    float *parameters, const float *gradient, float *first_moment, float *second_moment, size_t count,
    const rd_training_adamw_step *step);

#ifdef __cplusplus
}
#endif
#endif
