#!/usr/bin/env bash
# Shows that plug-ins which the package does not know can do everything that its own can. A kind of drafter passes the checkers, is
# trained, converted, inspected, listed and compared with plain decoding; a tree builder is chosen by its name. Takes about a minute
# with the default model.
#
#     check.sh [BIN]    BIN has the programs: .build/release after `make examples`; without it, this directory's own build folder
set -euo pipefail
bin="${1:+$(realpath -- "$1")}"
cd "$(dirname "$0")"
[ -n "$bin" ] || bin="$(${SWIFT:-swift} build -c release --show-bin-path)"
redrafter="$bin/OwnRedrafter"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
[ -x "$redrafter" ] || die "$redrafter is missing; run \`make examples\`, or say where it is: check.sh BIN"

say "contracts"
"$bin/CheckPairDrafter"

say "data: a few answers of the default model"
cat > "$work/prompts.jsonl" <<'PROMPTS'
{"prompt": "Count from one to thirty in words."}
{"prompt": "List the months of the year and say what the weather is like in each."}
{"prompt": "Explain how a bicycle stays upright."}
{"prompt": "Write a short story about a dog that finds a key."}
PROMPTS
"$redrafter" distill generate --prompts "$work/prompts.jsonl" --output "$work/data" --answers 4 --tokens 1500 \
    --max-tokens 96

say "training"
"$redrafter" train pair --data "$work/data" --output "$work/run" --exit-dim 128 --draft-vocab 2048 --iters 40 \
    --batch-size 256 --warmup 5 --steps-per-report 10 --steps-per-eval 40

say "converting: to its own layout and back, bit for bit"
"$redrafter" convert "$work/run/drafter.gguf" "$work/folder" --layout pair
"$redrafter" convert "$work/folder" "$work/back.gguf"
"$redrafter" convert "$work/back.gguf" "$work/again" --layout pair
cmp "$work/folder/model.safetensors" "$work/again/model.safetensors"
"$redrafter" convert "$work/folder" "$work/small.gguf" --type q8_0

say "inspecting and listing"
"$redrafter" inspect "$work/small.gguf" | tee "$work/inspect.txt"
grep -q "pair, rank 128" "$work/inspect.txt" || die "inspect does not say what the file is"
"$redrafter" drafters | tee "$work/drafters.txt"
grep -q "^| pair " "$work/drafters.txt" || die "the drafter is not listed"

say "comparing with plain decoding"
# Exit code 70 means that an answer differed from plain decoding's.
"$redrafter" compare --drafters pair,none --drafter-model "$work/small.gguf" --prompts "$work/prompts.jsonl" -n 48 -r 1
say "comparing with another tree"
"$redrafter" compare --help | grep -q "threshold" || die "the tree is not in the help"
"$redrafter" compare --tree threshold --drafters bigram,none --prompts "$work/prompts.jsonl" -n 48 -r 1 |
    tee "$work/compare.txt"
grep -q "tree threshold" "$work/compare.txt" || die "the tree was not used"
say "the plug-ins do what those of the package do"
