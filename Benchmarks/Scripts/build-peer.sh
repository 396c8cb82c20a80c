#!/usr/bin/env bash
# Builds llama.cpp in the user's cache, from the source in the PyPI package llama-cpp-python: about five minutes on two cores.
# Does nothing if it is there already.
#
# The build is for this processor. With REDRAFTER_PEER_SET=avx2 it is a second one beside it that uses no more than AVX2, FMA,
# F16C and BMI2: what the kernel set avx2 is compared with on a processor that has more.
set -euo pipefail

version="0.3.36"
set_name="${REDRAFTER_PEER_SET:-}"
if [ -n "${REDRAFTER_CACHE:-}" ]; then cache="$REDRAFTER_CACHE"
elif [ -n "${XDG_CACHE_HOME:-}" ]; then cache="$XDG_CACHE_HOME/redrafter"
else cache="$HOME/.cache/redrafter"; fi
peer="$cache/peer/llama-cpp-python-$version"
here="$(cd "$(dirname "$0")" && pwd)"
. "$here/../../.ci/common"

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

fetch_source() {
    local work="$cache/peer/fetch"
    mkdir -p "$work"
    say "fetching the source of llama.cpp (llama-cpp-python $version from PyPI, 77 MB)"
    # pip asks an sdist's build back-end for its metadata; the back-end alone is enough for that.
    [ -x "$work/venv/bin/pip" ] || python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q scikit-build-core
    "$work/venv/bin/pip" download -q --no-deps --no-build-isolation --no-binary llama-cpp-python \
        --dest "$work" "llama-cpp-python==$version"
    tar -xzf "$work/llama_cpp_python-$version.tar.gz" -C "$work"
    rm -rf "$peer"
    mv "$work/llama_cpp_python-$version/vendor/llama.cpp" "$peer"
    rm -rf "$work"
}

if [ ! -x "$build/bin/llama-bench" ] || [ ! -x "$build/bin/llama-quantize" ]; then
    install_packages cmake ninja-build g++ python3-venv
    [ -f "$peer/CMakeLists.txt" ] || fetch_source
    say "building llama.cpp for $processor"
    cmake -G Ninja -S "$peer" -B "$build" -DCMAKE_BUILD_TYPE=Release "${options[@]}" -DLLAMA_CURL=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_UI=OFF -DBUILD_SHARED_LIBS=ON >/dev/null
    cmake --build "$build" --target llama-bench llama-quantize
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
