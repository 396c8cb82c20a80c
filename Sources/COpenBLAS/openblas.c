#include "COpenBLAS.h"
int redrafter_openblas_placeholder(void) { return 0; }
