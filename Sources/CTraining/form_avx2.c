#if defined(__x86_64__)
#define RD_ISA_AVX2 1
#define RD_FORM_SYMBOL rd_training_avx2
#define RD_FORM_NAME "avx2"
#include "form.h"
#pragma clang attribute pop
#endif
