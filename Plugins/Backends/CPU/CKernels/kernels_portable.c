// Plain C for any processor, and the oracle the other sets are compared with. On arm64 the compiler turns its vectors
// into NEON instructions.
#define RD_SET_SYMBOL rd_kernels_portable
#define RD_SET_NAME "portable"
#include "kernel_set.h"
