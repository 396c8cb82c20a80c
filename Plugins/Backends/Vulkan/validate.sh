#!/usr/bin/env bash
# Runs the Vulkan backend under the validation layers: core, synchronisation and GPU-assisted checks, one at a time, over the
# op cases with a small model (`ConformanceTests`) and over a few tokens of the default model. Fails where a layer has
# something to say, and where it did not see the work at all.
#
#   validate.sh [core] [synchronisation] [gpu]      all three unless some are named
set -euo pipefail
cd "$(dirname "$0")/../../.."
manifest=/usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json
if [ ! -e "$manifest" ] && [ -z "${VK_LAYER_PATH:-}" ]; then
    if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends vulkan-validationlayers >/dev/null
    else
        echo "error: the validation layers are missing; install vulkan-validationlayers, or set VK_LAYER_PATH" >&2
        exit 69
    fi
fi
swift=${SWIFT:-swift}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
messages='Validation (Error|Warning|Performance)|UNASSIGNED-|VUID-|SYNC-HAZARD'
failed=0

echo "== building the command and the tests"
$swift build -c release --product redrafter >/dev/null
$swift build -c release --scratch-path .build-tests -Xswiftc -enable-testing --build-tests >/dev/null

# run NAME COMMAND…: the command under the layer of $enables and $disables; its output is searched for messages.
run() {
    local name=$1 log="$logs/log" start=$SECONDS code=0
    shift
    # What the loader says of layers tells whether this one took part; what is written to stdout holds the layer's messages.
    VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation VK_LAYER_ENABLES=$enables VK_LAYER_DISABLES=$disables \
        VK_LOADER_DEBUG=layer "$@" >"$log" 2>&1 || code=$?
    local count loaded
    count=$(grep -cE "$messages" "$log" || true)
    loaded=$(grep -cE 'Insert(ing|ed) (instance|device) layer.*VK_LAYER_KHRONOS_validation|libVkLayer_khronos_validation' "$log" || true)
    printf '%-32s %5d s  exit %d, %d messages\n' "$name" $((SECONDS - start)) "$code" "$count"
    if [ "$code" -ne 0 ] || [ "$count" -ne 0 ]; then
        grep -E "$messages|✘|error:" "$log" | cut -c 1-600 | sort | uniq -c | sort -rn | head -20
        failed=1
    elif [ "$loaded" -eq 0 ]; then
        echo "error: the layer was not loaded"
        failed=1
    fi
}

