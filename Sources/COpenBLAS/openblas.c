#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "COpenBLAS.h"
#include "CSharedLibrary.h"

// Values of the enumerations in cblas.h.
enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };

typedef void (*sgemm_function)(
    int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
    const float *b, int ldb, float beta, float *c, int ldc);
typedef void (*set_threads_function)(int);
typedef char *(*text_function)(void);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static sgemm_function sgemm;
static const char *core_name, *configuration;
static int maximum_callers;
static char failure[512];

const char *rd_blas_preferred_core(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        const int is_skylake_x = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512cd");
        return is_skylake_x ? "SkylakeX" : "Haswell";
    }
#endif
    return NULL;
}

static void *open_library(void) {
#if defined(__APPLE__)
    static const char *const names[] = {
        "libopenblas.0.dylib", "libopenblas.dylib", "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
        "/usr/local/opt/openblas/lib/libopenblas.dylib"};
#else
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so"};
#endif
    return rd_open_library("REDRAFTER_OPENBLAS", names, sizeof names / sizeof *names, failure, sizeof failure);
}

/// Opens the library under the variables it reads then. They are taken away again: programs that this process starts
/// shall not inherit them.
static void *open_with_environment(void) {
    const char *core = getenv("OPENBLAS_CORETYPE") ? NULL : rd_blas_preferred_core();
    const int sets_threads = !getenv("OPENBLAS_NUM_THREADS");
    if (core) setenv("OPENBLAS_CORETYPE", core, 1);
    if (sets_threads) setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void *library = open_library();
    if (core) unsetenv("OPENBLAS_CORETYPE");
    if (sets_threads) unsetenv("OPENBLAS_NUM_THREADS");
    return library;
}

static void load(void) {
    void *library = open_with_environment();
    if (!library) return;
    const sgemm_function multiply = (sgemm_function)dlsym(library, "cblas_sgemm");
    const set_threads_function set_threads = (set_threads_function)dlsym(library, "openblas_set_num_threads");
    const text_function core_of = (text_function)dlsym(library, "openblas_get_corename");
    const text_function configuration_of = (text_function)dlsym(library, "openblas_get_config");
    if (!multiply || !set_threads || !core_of || !configuration_of) {
        snprintf(
            failure, sizeof failure, "the library has no %s",
            !multiply ? "cblas_sgemm" : !set_threads ? "openblas_set_num_threads"
                : !core_of ? "openblas_get_corename" : "openblas_get_config");
        return;
    }
    const char *options = configuration_of();
    if (strstr(options, "USE64BITINT")) {
        snprintf(failure, sizeof failure, "the library takes 64-bit sizes, 32-bit ones are needed");
        return;
    }
    // The library has max(50, 2 * MAX_THREADS) work buffers at least, one for each thread inside it.
    const char *threads = strstr(options, "MAX_THREADS=");
    maximum_callers = threads ? atoi(threads + strlen("MAX_THREADS=")) : 0;
    if (maximum_callers < 32) maximum_callers = 32;
    // A number of threads that the user has set is meant for other programs: the callers bring their own threads.
    set_threads(1);
    core_name = core_of();
    configuration = options;
    sgemm = multiply;
}

int rd_blas_load(void) {
    pthread_once(&once, load);
    return sgemm != NULL;
}

const char *rd_blas_failure(void) { return sgemm ? NULL : failure; }
const char *rd_blas_core_name(void) { return core_name; }
const char *rd_blas_configuration(void) { return configuration; }
int rd_blas_maximum_callers(void) { return maximum_callers; }

void rd_sgemm(
    int transpose_a, int transpose_b, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
    const float *b, size_t ldb, float beta, float *c, size_t ldc
) {
    sgemm(ROW_MAJOR, transpose_a ? TRANSPOSE : NO_TRANSPOSE, transpose_b ? TRANSPOSE : NO_TRANSPOSE, (int)m, (int)n,
          (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
