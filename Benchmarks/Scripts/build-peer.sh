#!/usr/bin/env bash
# Builds llama.cpp in the user's cache, from the source in the PyPI package llama-cpp-python: about five minutes on two cores.
# Does nothing if it is there already. With --server, builds llama-server, too.
#
# The build is for this processor. With REDRAFTER_PEER_SET=avx2 it is a second one beside it that uses no more than AVX2, FMA,
# F16C and BMI2: what the kernel set avx2 is compared with on a processor that has more.
set -euo pipefail

set_name="${REDRAFTER_PEER_SET:-}"
tools=(llama-bench llama-quantize)
here="$(cd "$(dirname "$0")" && pwd)"
. "$here/../../.ci/common"
peer="$(peer_path)"
case "${1:-}" in
    "") ;;
    --server) tools+=(llama-server) ;;
    *) die "'$1' is not an option of build-peer.sh; allowed: --server" ;;
esac

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

missing=()
for tool in "${tools[@]}"; do
    [ -x "$build/bin/$tool" ] || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
    install_packages cmake ninja-build g++ python3-venv
    bash "$here/../../.ci/fetch-peer" >/dev/null
    say "building ${missing[*]} of llama.cpp for $processor"
    # The server without its page, which would have to be downloaded.
    cmake -G Ninja -S "$peer" -B "$build" -DCMAKE_BUILD_TYPE=Release "${options[@]}" -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=ON -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
        -DBUILD_SHARED_LIBS=ON >/dev/null
    cmake --build "$build" --target "${missing[@]}"
fi
# The drivers: passes over several rows, and logits of texts.
for source in "$here/rows_bench.cpp" "$here/../../Tests/Reference/peer_logits.cpp"; do
    driver="$(basename "$source" .cpp)"
    [ "$source" -nt "$build/bin/$driver" ] || continue
    say "building the driver $driver"
    g++ -O2 -std=c++17 -I"$peer/include" -I"$peer/ggml/include" "$source" -o "$build/bin/$driver" \
        -L"$build/bin" -lllama -lggml -lggml-base "-Wl,-rpath,$build/bin"
done
say "peer: $build/bin"
