#!/usr/bin/env bash
# Runs the Vulkan backend under the validation layers: core, synchronisation and GPU-assisted checks, one at a time.
#
#   validate.sh [core] [synchronisation] [gpu]      all three unless some are named
#
# Each is first shown a mistake that it must find (`ValidationTests`). Then it sees all op cases and small models
# (`ConformanceTests`) and some tokens of the default model, and must report nothing. GPU-assisted checks make shaders so slow on a
# software device that they see only some of the cases. If they do not find their mistake, the script says so without failing, because
# some drivers lack what these checks need.
set -euo pipefail
cd "$(dirname "$0")/../../.."
if [ ! -e /usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json ] && [ -z "${VK_LAYER_PATH:-}" ]; then
    if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends vulkan-validationlayers >/dev/null
    else
        echo "error: the layers are missing; install vulkan-validationlayers, or set VK_LAYER_PATH" >&2
        exit 69
    fi
fi
swift=${SWIFT:-swift}
tests="$swift test -c release --scratch-path .build-tests --filter"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
message='Validation (Error|Warning|Performance Warning)|UNASSIGNED-|VUID-|SYNC-HAZARD'
failed=0

fail() {
    echo "   $1"
    grep -E "$message|✘|error:" "$log" | cut -c 1-600 | sort | uniq -c | sort -rn | head -20 || true
    failed=1
}

# check EXPECTED TITLE COMMAND…: whether the command ends well, under the layer, with `none` or `some` messages.
check() {
    local expected=$1 title=$2 start=$SECONDS code=0 count
    shift 2
    VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation VK_LAYER_ENABLES=$enables VK_LAYER_DISABLES=$disables \
        VK_LOADER_DEBUG=layer "$@" >"$log" 2>&1 || code=$?
    count=$(grep -cE "$message" "$log" || true)
    printf '%-16s %-24s %4d s, %d lines with messages\n' "$kind" "$title" $((SECONDS - start)) "$count"
    [ "$code" -eq 0 ] || fail "it ended with $code"
    grep -q 'Inserted device layer "VK_LAYER_KHRONOS_validation"' "$log" || fail "the layer was not loaded"
    case $expected in
    none) [ "$count" -eq 0 ] || fail "there are messages" ;;
    some)
        if [ "$count" -eq 0 ]; then
            if [ "$kind" = gpu ]; then echo "   the mistake was not found: that these checks say nothing means little"
            else fail "the mistake was not found"; fi
        fi
        ;;
    esac
}

echo "== building"
bash .ci/build >/dev/null
$tests VulkanBackendTests.ValidationTests >"$log" 2>&1 || { cat "$log"; exit 1; }
[ $# -gt 0 ] || set -- core synchronisation gpu
for kind; do
    enables="" disables="" cases='conforms\(masked:'
    # With GPU-assisted checks the others are left out: they have seen the same calls, and shaders grow slow enough.
    case $kind in
    core) ;;
    synchronisation) enables=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT ;;
    gpu)
        enables=VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_EXT
        disables=VK_VALIDATION_FEATURE_DISABLE_CORE_CHECKS_EXT
        cases='(parts|oddColumns|halves|twoStreams)'
        ;;
    *)
        echo "error: '$kind' is not one of core, synchronisation, gpu" >&2
        exit 64
        ;;
    esac
    check some "a mistake" env REDRAFTER_VULKAN_MISTAKE="$kind" $tests VulkanBackendTests.ValidationTests
    check none "op cases and models" $tests "VulkanBackendTests.ConformanceTests/$cases"
    check none "the default model" .build/release/redrafter generate --backend vulkan --drafter rnn \
        -p "Name three rivers." -n 12
done
[ "$failed" -eq 0 ] && echo "== the layers have nothing to say"
exit "$failed"
