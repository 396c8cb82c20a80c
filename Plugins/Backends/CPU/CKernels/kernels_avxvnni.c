#if defined(__x86_64__)
#define RD_ISA_AVX2 1
#define RD_VNNI_256 1
#define RD_SET_SYMBOL rd_kernels_avxvnni
#define RD_SET_NAME "avx-vnni"
#include "kernel_set.h"
#pragma clang attribute pop
#endif
