#include <string.h>

#include "CKernels.h"
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
extern const rd_kernels rd_kernels_avx512;
extern const rd_kernels rd_kernels_avxvnni;
extern const rd_kernels rd_kernels_avx2;
#elif defined(__aarch64__)
extern const rd_kernels rd_kernels_neon_i8mm;
extern const rd_kernels rd_kernels_neon_dotprod;
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

/// Asked of the processor itself: older runtime libraries do not know this bit. They do know whether the system keeps
/// the registers of AVX2, which are the same.
static int has_avxvnni(void) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return has_avx2() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)
        && (a >> 4 & 1);
}
#elif defined(__aarch64__)
#if defined(__APPLE__)
static int has_feature(const char *name) {
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}

static int has_dotprod(void) { return has_feature("hw.optional.arm.FEAT_DotProd"); }
static int has_i8mm(void) { return has_dotprod() && has_feature("hw.optional.arm.FEAT_I8MM"); }
#elif defined(__linux__)
// Older headers lack these.
#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1ul << 20)
#endif
#ifndef HWCAP2_I8MM
#define HWCAP2_I8MM (1ul << 13)
#endif

static int has_dotprod(void) { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
static int has_i8mm(void) { return has_dotprod() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0; }
#else
// How to ask other systems is not known here.
static int has_dotprod(void) { return 0; }
static int has_i8mm(void) { return 0; }
#endif
#endif

/// All sets, best first, with what each needs.
static const struct {
    const rd_kernels *set;
    int (*_Nullable runs)(void);  // NULL: everywhere
} all_sets[] = {
#if defined(__x86_64__)
    {&rd_kernels_avx512, has_avx512},
    {&rd_kernels_avxvnni, has_avxvnni},
    {&rd_kernels_avx2, has_avx2},
#elif defined(__aarch64__)
    {&rd_kernels_neon_i8mm, has_i8mm},
    {&rd_kernels_neon_dotprod, has_dotprod},
#endif
    {&rd_kernels_portable, NULL},
};
enum { SETS = sizeof all_sets / sizeof all_sets[0] };

static int runs(size_t index) { return !all_sets[index].runs || all_sets[index].runs(); }

const rd_kernels *rd_kernels_at(size_t index) {
    for (size_t i = 0; i < SETS; i++)
        if (runs(i) && index-- == 0) return all_sets[i].set;
    return NULL;
}

const rd_kernels *rd_kernels_named(const char *name) {
    for (size_t i = 0; i < SETS; i++)
        if (strcmp(all_sets[i].set->name, name) == 0) return runs(i) ? all_sets[i].set : NULL;
    return NULL;
}

const char *rd_kernels_name_at(size_t index) { return index < SETS ? all_sets[index].set->name : NULL; }
