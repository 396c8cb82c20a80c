#!/usr/bin/env bash
# Trains the drafters that are shipped for SmolLM2-135M-Instruct, from prompts to quantised files.
#
#     distill-smollm2.sh PROMPTS.jsonl DIRECTORY
#
# PROMPTS.jsonl has one {"prompt": …} on each line. Run the script again after an interruption: every step resumes. With two
# cores of a server processor it takes about two hours: half for the answers, half for the drafters.
set -euo pipefail
cd "$(dirname "$0")/../.."

prompts="${1:?usage: distill-smollm2.sh PROMPTS.jsonl DIRECTORY}"
out="${2:?usage: distill-smollm2.sh PROMPTS.jsonl DIRECTORY}"
tokens="${TOKENS:-5000000}"
redrafter="${REDRAFTER:-.build/release/redrafter}"

mkdir -p "$out"
"$redrafter" distill generate --prompts "$prompts" -o "$out/data" --tokens "$tokens"
# Both at the same time, one thread each. Medusa's reference implementation, too, can hold heads of one block.
train() {
    local resume=()
    [ ! -f "$out/$1/drafter.gguf" ] || return 0
    if compgen -G "$out/$1/checkpoint-*" >/dev/null; then resume=(--resume); fi
    "$redrafter" train "$@" --data "$out/data" -o "$out/$1" --iters "${ITERS:-7000}" --weight-decay 0.05 -t 1 \
        ${resume[@]+"${resume[@]}"}
}
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
train rnn & rnn=$!
train medusa --layers 1 & medusa=$!
wait "$rnn"
wait "$medusa"
for drafter in rnn medusa; do
    "$redrafter" convert "$out/$drafter/drafter.gguf" "$out/smollm2-135m-$drafter.gguf" --type q4_0
done
echo "copy $out/smollm2-135m-*.gguf to Plugins/Drafters/Shipped/CShippedDrafters/Weights and build again"
