// The table that each form fills.
#ifndef FORMS_H
#define FORMS_H

#include "CTraining.h"

typedef struct {
    const char *name;
    void (*silu)(const float *, const float *, size_t, float *);
    void (*silu_gradient)(const float *, const float *, size_t, float *);
    void (*fill_rows)(const float *, size_t, size_t, float *);
    void (*add_column_sums)(const float *, size_t, size_t, float *);
    void (*add)(const float *, size_t, float *);
    double (*sum_of_squares)(const float *, size_t);
    double (*cross_entropy)(
        float *, size_t, const int32_t *, const float *, size_t, float, int, int32_t *, double *);
    void (*adamw)(float *, const float *, float *, float *, size_t, const rd_training_adamw_step *);
} rd_training_form;

#if defined(__x86_64__)
extern const rd_training_form rd_training_avx512;
extern const rd_training_form rd_training_avx2;
#endif
extern const rd_training_form rd_training_portable;

#endif
