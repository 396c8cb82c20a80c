// SPIR-V of the shaders, made by `make shaders` from the GLSL beside it and embedded.
#include <string.h>

#include "CVulkan.h"

// `#embed` is C23; clang takes it in every mode and says so.
#pragma clang diagnostic ignored "-Wc23-extensions"

#define RDV_WORDS static const uint8_t __attribute__((aligned(4)))

RDV_WORDS attention[] = {
#embed "Shaders/SPIRV/attention.spv"
};
RDV_WORDS attention_merge[] = {
#embed "Shaders/SPIRV/attention_merge.spv"
};
RDV_WORDS attention_shared[] = {
#embed "Shaders/SPIRV/attention_shared.spv"
};
RDV_WORDS collect[] = {
#embed "Shaders/SPIRV/collect.spv"
};
RDV_WORDS copy[] = {
#embed "Shaders/SPIRV/copy.spv"
};
RDV_WORDS elementwise[] = {
#embed "Shaders/SPIRV/elementwise.spv"
};
RDV_WORDS embed[] = {
#embed "Shaders/SPIRV/embed.spv"
};
RDV_WORDS linear[] = {
#embed "Shaders/SPIRV/linear.spv"
};
RDV_WORDS linear_shared[] = {
#embed "Shaders/SPIRV/linear_shared.spv"
};
RDV_WORDS move[] = {
#embed "Shaders/SPIRV/move.spv"
};
RDV_WORDS norm[] = {
#embed "Shaders/SPIRV/norm.spv"
};
RDV_WORDS reduce[] = {
#embed "Shaders/SPIRV/reduce.spv"
};
RDV_WORDS rotary[] = {
#embed "Shaders/SPIRV/rotary.spv"
};
RDV_WORDS select_bound[] = {
#embed "Shaders/SPIRV/select.spv"
};
static const char sources[] = {
#embed "Shaders/SPIRV/sources.txt"
};

#define RDV_SHADER(name) {#name, name, sizeof name}
static const struct {
    const char *name;
    const uint8_t *words;
    size_t bytes;
} shaders[] = {
    RDV_SHADER(attention), RDV_SHADER(attention_merge), RDV_SHADER(attention_shared), RDV_SHADER(collect),
    RDV_SHADER(copy),      RDV_SHADER(elementwise),     RDV_SHADER(embed),            RDV_SHADER(linear),
    RDV_SHADER(linear_shared), RDV_SHADER(move),        RDV_SHADER(norm),             RDV_SHADER(reduce),
    RDV_SHADER(rotary),    {"select", select_bound, sizeof select_bound},
};

const uint32_t *rdv_shader_words(const char *name, size_t *bytes) {
    for (size_t i = 0; i < sizeof shaders / sizeof *shaders; i++)
        if (!strcmp(shaders[i].name, name)) {
            *bytes = shaders[i].bytes;
            return (const uint32_t *)(const void *)shaders[i].words;
        }
    return NULL;
}

const char *rdv_shader_sources(size_t *bytes) {
    *bytes = sizeof sources;
    return sources;
}
