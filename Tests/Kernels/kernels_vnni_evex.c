// The AVX-VNNI set with the same instructions in the encoding of AVX-512: any processor that has AVX-512 with VNNI can compare
// its bits.
#if defined(__x86_64__)
#define RD_ISA_AVX2 1
#define RD_VNNI_256 512
#define RD_SET_SYMBOL rd_kernels_vnni_evex
#define RD_SET_NAME "avx-vnni-evex"
#include "kernel_set.h"
#pragma clang attribute pop
#endif
