#!/usr/bin/env bash
# Trains the drafters that are shipped for SmolLM2-135M-Instruct, from prompts to quantised files.
#
#     distill-smollm2.sh PROMPTS.jsonl DIRECTORY
#
# PROMPTS.jsonl has one {"prompt": …} a line. Every step goes on where it was when the script is run again. With two cores of a
# server processor it takes less than three hours: an hour for the answers, and about as long for each drafter.
set -euo pipefail
cd "$(dirname "$0")/../.."

prompts="${1:?usage: distill-smollm2.sh PROMPTS.jsonl DIRECTORY}"
out="${2:?usage: distill-smollm2.sh PROMPTS.jsonl DIRECTORY}"
tokens="${TOKENS:-5000000}"
redrafter="${REDRAFTER:-.build/release/redrafter}"

mkdir -p "$out"
"$redrafter" distill generate --prompts "$prompts" -o "$out/data" --tokens "$tokens"
for drafter in rnn medusa; do
    # One block a head is what Medusa's reference implementation can hold, too.
    options=(--iters "${ITERS:-7000}" --weight-decay 0.05 --resume)
    [ "$drafter" = medusa ] && options+=(--layers 1)
    [ -f "$out/$drafter/drafter.gguf" ] ||
        "$redrafter" train "$drafter" --data "$out/data" -o "$out/$drafter" "${options[@]}"
    "$redrafter" convert "$out/$drafter/drafter.gguf" "$out/smollm2-135m-$drafter.gguf" --type q4_0
done
echo "copy $out/smollm2-135m-*.gguf to Plugins/Drafters/Shipped/CShippedDrafters/Weights and build again"
