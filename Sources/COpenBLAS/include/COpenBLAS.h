// OpenBLAS, opened at run time: a program that never multiplies long matrices neither needs the library nor loads it.
//
// The library reads its environment while it is loaded. OpenBLAS 0.3.21 (Debian 12) does not know recent processors and
// falls back to the kernels of a Pentium 4 ("Prescott"), a tenth of the speed, so the shim names the kernels in
// OPENBLAS_CORETYPE by what the processor can do, and asks for one thread in OPENBLAS_NUM_THREADS, so that the library
// starts none of its own. A variable that the user has set is left as it is, and both are as before once it is loaded.
#ifndef COPENBLAS_H
#define COPENBLAS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Loads the library once for the process, from the file named in REDRAFTER_OPENBLAS or where the system has it; later
/// calls, from any thread, return the same answer.
/// The first call changes the environment for a moment: no other thread may be using it then. Where the process had
/// loaded OpenBLAS before, its kernels stay, and it computes on one thread from now on.
/// Returns 1 when `rd_sgemm` may be called, 0 when not; `rd_blas_failure` then says why.
int rd_blas_load(void);

/// Why the library could not be loaded, one line; NULL when it was. Valid after `rd_blas_load`, for the life of the process.
const char *rd_blas_failure(void);

/// The kernels in use as the library names them ("SkylakeX", "Haswell", "Prescott"); NULL when not loaded.
const char *rd_blas_core_name(void);

/// Version and build options as the library names them; NULL when not loaded.
const char *rd_blas_configuration(void);

/// The core type that the processor's features call for, whether or not the user has set another; NULL where the
/// library's own choice is left alone.
const char *rd_blas_preferred_core(void);

/// Threads that may be inside `rd_sgemm` at once: the library ends the process when its work buffers are used up.
/// 0 when not loaded.
int rd_blas_maximum_callers(void);

/// c = alpha op(a) op(b) + beta c on the calling thread, row-major, where op transposes if its flag is not 0.
/// Row-major storage with the leading dimension `ld*` in elements: op(a) `[m, k]`, op(b) `[k, n]`, c `[m, n]`.
/// May be called from up to `rd_blas_maximum_callers` threads at once. Only after `rd_blas_load` has returned 1; sizes from 0 to 2^31 - 1.
void rd_sgemm(
    int transpose_a, int transpose_b, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
    const float *b, size_t ldb, float beta, float *c, size_t ldc);

#ifdef __cplusplus
}
#endif
#endif
