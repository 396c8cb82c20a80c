#!/usr/bin/env bash
# Compiles the kernels with a driver of their own and runs it: cycles of the core per 512 weights, by kernel set, weight type
# and rows. The arguments are the driver's; --help lists them.
#
#     bench-kernels.sh [--sets avx2,portable] [--types q4_1,q4_K] [--rounds 31]
#
# The compiler is $CLANG, or else the clang of the Swift toolchain in use.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/common

build=.build-kernels
clang="$(find_clang)"
mkdir -p "$build"
"$clang" -std=gnu17 -O2 -Wall -Wextra -o "$build/kernel-bench" \
    -IPlugins/Backends/CPU/CKernels/include -IPlugins/Backends/CPU/CKernels -ITests/Kernels \
    Benchmarks/Kernels/kernel_bench.c Plugins/Backends/CPU/CKernels/*.c -lm
exec "$build/kernel-bench" "$@"
