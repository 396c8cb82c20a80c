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
train rnn --copy-lengths 0 & rnn=$!
train medusa --layers 1 & medusa=$!
wait "$rnn"
wait "$medusa"
# The recurrent network gains the votes of the text with their first values; one step at no rate leaves it as it is.
if [ ! -f "$out/votes/drafter.gguf" ]; then
    rm -rf "$out/votes"
    "$redrafter" train rnn --data "$out/data" --start "$out/rnn/drafter.gguf" -o "$out/votes" --iters 1 \
        --learning-rate 1e-9 --weight-decay 0
fi
"$redrafter" convert "$out/votes/drafter.gguf" "$out/smollm2-135m-rnn.gguf" --type q4_0
"$redrafter" convert "$out/medusa/drafter.gguf" "$out/smollm2-135m-medusa.gguf" --type q4_0
echo "copy $out/smollm2-135m-*.gguf to Plugins/Drafters/Shipped/CShippedDrafters/Weights and build again"
