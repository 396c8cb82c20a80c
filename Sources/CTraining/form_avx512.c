#if defined(__x86_64__)
#define RD_ISA_AVX512 1
#define RD_FORM_SYMBOL rd_training_avx512
#define RD_FORM_NAME "avx512"
#include "form.h"
#pragma clang attribute pop
#endif
