#!/usr/bin/env bash
# Builds llama.cpp in the user's cache, from the source in the PyPI package llama-cpp-python: about five minutes on two cores.
# Does nothing if it is there already.
set -euo pipefail

version="0.3.36"
if [ -n "${REDRAFTER_CACHE:-}" ]; then cache="$REDRAFTER_CACHE"
elif [ -n "${XDG_CACHE_HOME:-}" ]; then cache="$XDG_CACHE_HOME/redrafter"
else cache="$HOME/.cache/redrafter"; fi
peer="$cache/peer/llama-cpp-python-$version"
here="$(cd "$(dirname "$0")" && pwd)"
say() { printf '== %s\n' "$*"; }

if [ ! -x "$peer/build/bin/llama-bench" ]; then
    missing=()
    for name in cmake ninja-build g++ python3-venv; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q "install ok installed" || missing+=("$name")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        as_root=()
        [ "$(id -u)" -eq 0 ] || as_root=(sudo)
        say "installing ${missing[*]}"
        "${as_root[@]}" apt-get update -qq
        "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
    work="$cache/peer/fetch"
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
    say "building llama.cpp for this processor"
    cmake -G Ninja -S "$peer" -B "$peer/build" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_CURL=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_UI=OFF -DBUILD_SHARED_LIBS=ON >/dev/null
    cmake --build "$peer/build" --target llama-bench llama-quantize
    rm -rf "$work"
fi
if [ ! -x "$peer/rows_bench" ] || [ "$here/rows_bench.cpp" -nt "$peer/rows_bench" ]; then
    say "building the driver for passes over several rows"
    g++ -O2 -std=c++17 -I"$peer/include" -I"$peer/ggml/include" "$here/rows_bench.cpp" -o "$peer/rows_bench" \
        -L"$peer/build/bin" -lllama -lggml -lggml-base "-Wl,-rpath,$peer/build/bin"
fi
say "peer: $peer"
