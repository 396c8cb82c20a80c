#!/usr/bin/env bash
# Compiles the shaders to SPIR-V, checks it, and records checksums of the sources. `--check` writes nothing and fails when
# the committed SPIR-V is not what the sources give with this compiler, or is invalid.
set -euo pipefail
cd "$(dirname "$0")"
target=vulkan1.2
output=SPIRV
if [ "${1:-}" = "--check" ]; then
    output="$(mktemp -d)"
    trap 'rm -rf "$output"' EXIT
fi
for source in *.comp; do
    binary="$output/${source%.comp}.spv"
    glslc -O --target-env="$target" "$source" -o "$binary"
    spirv-val --target-env "$target" "$binary"
done
cksum *.comp *.glsl > "$output/sources.txt"
if [ "$output" != SPIRV ]; then
    cmp "$output/sources.txt" SPIRV/sources.txt
    for binary in "$output"/*.spv; do
        cmp "$binary" "SPIRV/$(basename "$binary")" || { echo "run \`make shaders\` and commit the result" >&2; exit 1; }
    done
fi
