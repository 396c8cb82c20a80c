#include <string.h>

#include "CKernels.h"

#if defined(__x86_64__)
extern const rd_kernels rd_kernels_avx512;
extern const rd_kernels rd_kernels_avx2;
#endif
extern const rd_kernels rd_kernels_portable;

#if defined(__x86_64__)
static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static int has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vnni");
}
#endif

const char *_Nullable const *_Nonnull rd_kernels_available(void) {
#if defined(__x86_64__)
    static const char *const all[] = {"avx512-vnni", "avx2", "portable", NULL};
    if (has_avx512()) return all;
    if (has_avx2()) return all + 1;
    return all + 2;
#else
    static const char *const only[] = {"portable", NULL};
    return only;
#endif
}

const rd_kernels *rd_kernels_named(const char *name) {
#if defined(__x86_64__)
    if (strcmp(name, "avx512-vnni") == 0) return has_avx512() ? &rd_kernels_avx512 : NULL;
    if (strcmp(name, "avx2") == 0) return has_avx2() ? &rd_kernels_avx2 : NULL;
#endif
    return strcmp(name, "portable") == 0 ? &rd_kernels_portable : NULL;
}
