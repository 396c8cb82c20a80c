// Builds the table of one kernel set from the shared sources. Include once, last, with RD_SET_SYMBOL and RD_SET_NAME defined.
#include "attention.h"
#include "elementwise.h"
#include "linear.h"

const rd_kernels RD_SET_SYMBOL = {
    .name = RD_SET_NAME,
    .quantize_panel = quantize_panel,
    .float_panel = float_panel,
    .linear = linear,
    .gated = gated,
    .expand = expand,
    .rms_norm = rms_norm,
    .gate = gate,
    .softcap = softcap,
    .silu = silu,
    .exp_sum = exp_sum,
    .rotate = rotate,
    .store_f16 = store_f16,
    .attention_split = attention_split,
    .attention_merge = attention_merge,
    .attention_finish = attention_finish,
    .argmax = argmax,
    .read = read_bytes,
};
