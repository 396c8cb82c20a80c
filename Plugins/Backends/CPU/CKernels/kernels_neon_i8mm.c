#if defined(__aarch64__)
#define RD_ISA_NEON 1
#define RD_I8MM 1
#define RD_SET_SYMBOL rd_kernels_neon_i8mm
#define RD_SET_NAME "neon-i8mm"
#include "kernel_set.h"
#pragma clang attribute pop
#endif
