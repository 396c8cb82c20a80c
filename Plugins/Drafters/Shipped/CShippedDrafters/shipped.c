#include "CShippedDrafters.h"

// `#embed` is C23; clang takes it in every mode and says so.
#pragma clang diagnostic ignored "-Wc23-extensions"

// GGUF aligns tensors to 32 bytes from the start of the file; kernels like whole cache lines.
#define RD_ALIGNED __attribute__((aligned(64)))

#define RD_NO_FILE ((rd_shipped_file){NULL, 0})

#if defined(__has_embed)
#if __has_embed("Weights/smollm2-135m-rnn.gguf")
#define RD_HAS_RNN
static const uint8_t rnn[] RD_ALIGNED = {
#embed "Weights/smollm2-135m-rnn.gguf"
};
#endif

#if __has_embed("Weights/smollm2-135m-medusa.gguf")
#define RD_HAS_MEDUSA
static const uint8_t medusa[] RD_ALIGNED = {
#embed "Weights/smollm2-135m-medusa.gguf"
};
#endif
#endif

rd_shipped_file rd_shipped_smollm2_135m_rnn(void) {
#ifdef RD_HAS_RNN
    return (rd_shipped_file){rnn, sizeof rnn};
#else
    return RD_NO_FILE;
#endif
}

rd_shipped_file rd_shipped_smollm2_135m_medusa(void) {
#ifdef RD_HAS_MEDUSA
    return (rd_shipped_file){medusa, sizeof medusa};
#else
    return RD_NO_FILE;
#endif
}
