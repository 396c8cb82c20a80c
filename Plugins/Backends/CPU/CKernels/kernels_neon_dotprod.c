#if defined(__aarch64__)
#define RD_ISA_NEON 1
#define RD_SET_SYMBOL rd_kernels_neon_dotprod
#define RD_SET_NAME "neon-dotprod"
#include "kernel_set.h"
#pragma clang attribute pop
#endif
