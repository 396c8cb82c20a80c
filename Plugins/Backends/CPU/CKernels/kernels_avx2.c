#if defined(__x86_64__)
#define RD_ISA_AVX2 1
#define RD_SET_SYMBOL rd_kernels_avx2
#define RD_SET_NAME "avx2"
#include "kernel_set.h"
#pragma clang attribute pop
#endif
