#if defined(__x86_64__)
#define RD_ISA_AVX512 1
#define RD_SET_SYMBOL rd_kernels_avx512
#define RD_SET_NAME "avx512-vnni"
#include "kernel_set.h"
#pragma clang attribute pop
#endif
