#!/bin/bash
# Builds the libFuzzer targets and runs each for FUZZ_SECONDS (60), or only those named as arguments.
# Corpora grow in Tests/Fuzz/.build/corpus; an input that breaks a parser is left in Tests/Fuzz/.build as crash-*.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${FUZZ_SECONDS:-60}
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for folder in Sources/*/; do targets+=("$(basename "$folder")"); done
fi
for target in "${targets[@]}"; do
    echo "== $target: building"
    swift build -c release --sanitize fuzzer -Xswiftc -parse-as-library --product "$target"
    corpus=.build/corpus/$target
    mkdir -p "$corpus"
    seeds=()
    if [ -d "Seeds/$target" ]; then seeds=("Seeds/$target"); fi
    echo "== $target: $seconds seconds"
    .build/release/"$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=8192 \
        -artifact_prefix=.build/ -print_final_stats=1 "$corpus" "${seeds[@]}" 2>&1 | tail -n 15
done
