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
# Without the compiler's optimiser: where it unrolls a loop, its copies are no longer marked `precise`. Drivers optimise themselves.
# Every sum, difference, product and quotient of floats has to keep that mark, or rows could depend on their number.
unmarked() {
    spirv-dis "$1" | awk '
        $1 == "OpDecorate" && $3 == "NoContraction" { marked[$2] = 1 }
        $3 ~ /^OpF(Add|Sub|Mul|Div)$/ && !($1 in marked) { print }'
}
for source in *.comp; do
    binary="$output/${source%.comp}.spv"
    glslc -O0 --target-env="$target" "$source" -o "$binary"
    spirv-val --target-env "$target" "$binary"
    loose="$(unmarked "$binary")"
    [ -z "$loose" ] || { printf 'error: %s has operations that are not precise:\n%s\n' "$source" "$loose" >&2; exit 1; }
done
cksum *.comp *.glsl > "$output/sources.txt"
glslc --version | sed -n 1p > "$output/compiler.txt"
[ "$output" = SPIRV ] && exit 0
files=(sources.txt)
[ "$1" = "--check" ] && files+=($(cd "$output" && ls ./*.spv))
for file in "${files[@]}"; do
    cmp "$output/$file" "SPIRV/$file" || { echo "run \`make shaders\` and commit the result" >&2; exit 1; }
done
