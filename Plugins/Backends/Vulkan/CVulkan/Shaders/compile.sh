#!/usr/bin/env bash
# Compiles the shaders to SPIR-V, checks it, and records checksums of the sources and the compiler. `--check` writes nothing
# and fails where the committed SPIR-V is not what the sources give with this compiler; `--check-sources` fails where it was
# made from other sources.
set -euo pipefail
cd "$(dirname "$0")"
target=vulkan1.2
output=SPIRV
if [ $# -gt 0 ]; then
    output="$(mktemp -d)"
    trap 'rm -rf "$output"' EXIT
fi
for source in *.comp; do
    binary="$output/${source%.comp}.spv"
    glslc -O --target-env="$target" "$source" -o "$binary"
    spirv-val --target-env "$target" "$binary"
done
cksum *.comp *.glsl > "$output/sources.txt"
glslc --version | sed -n 1p > "$output/compiler.txt"
[ "$output" = SPIRV ] && exit 0
files=(sources.txt)
[ "$1" = "--check" ] && files+=($(cd "$output" && ls ./*.spv))
for file in "${files[@]}"; do
    cmp "$output/$file" "SPIRV/$file" || { echo "run \`make shaders\` and commit the result" >&2; exit 1; }
done
