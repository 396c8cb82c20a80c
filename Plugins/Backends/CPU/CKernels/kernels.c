#include "CKernels.h"
int redrafter_kernels_placeholder(void) { return 0; }
