#!/usr/bin/env bash
# Builds llama.cpp in the user's cache, from the source in the PyPI package llama-cpp-python: about five minutes on two cores.
# Does nothing if it is there already.
#
# The build is for this processor. With REDRAFTER_PEER_SET=avx2 it is a second one beside it that uses no more than AVX2, FMA,
# F16C and BMI2: what the kernel set avx2 is compared with on a processor that has more.
set -euo pipefail

set_name="${REDRAFTER_PEER_SET:-}"
here="$(cd "$(dirname "$0")" && pwd)"
. "$here/../../.ci/common"
peer="$(peer_path)"

case "$set_name" in
    "")
        build="$peer/build"
        processor="this processor"
        options=(-DGGML_NATIVE=ON) ;;
    avx2)
        build="$peer/build-avx2"
        processor="processors with AVX2"
        options=(-DGGML_NATIVE=OFF -DGGML_SSE42=ON -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON
            -DGGML_AVX_VNNI=OFF -DGGML_AVX512=OFF) ;;
    *)
        die "REDRAFTER_PEER_SET is '$set_name'; allowed: avx2, or nothing for a build for this processor" ;;
esac

if [ ! -x "$build/bin/llama-bench" ] || [ ! -x "$build/bin/llama-quantize" ]; then
    install_packages cmake ninja-build g++ python3-venv
    bash "$here/../../.ci/fetch-peer" >/dev/null
    say "building llama.cpp for $processor"
    cmake -G Ninja -S "$peer" -B "$build" -DCMAKE_BUILD_TYPE=Release "${options[@]}" -DLLAMA_CURL=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_UI=OFF -DBUILD_SHARED_LIBS=ON >/dev/null
    cmake --build "$build" --target llama-bench llama-quantize
fi
if [ ! -x "$build/bin/rows_bench" ] || [ "$here/rows_bench.cpp" -nt "$build/bin/rows_bench" ]; then
    say "building the driver for passes over several rows"
    g++ -O2 -std=c++17 -I"$peer/include" -I"$peer/ggml/include" "$here/rows_bench.cpp" -o "$build/bin/rows_bench" \
        -L"$build/bin" -lllama -lggml -lggml-base "-Wl,-rpath,$build/bin"
fi
say "peer: $build/bin"
