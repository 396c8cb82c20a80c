// Files with the weights of drafters as bytes of the program, so that the program can be moved.
#ifndef CSHIPPEDDRAFTERS_H
#define CSHIPPEDDRAFTERS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A file, aligned to 64 bytes; valid for the life of the process. `count` is 0 where it was not there when the program
/// was built.
typedef struct rd_shipped_file {
    const uint8_t *bytes;
    size_t count;
} rd_shipped_file;

/// The recurrent drafter of SmolLM2-135M-Instruct, GGUF.
rd_shipped_file rd_shipped_smollm2_135m_rnn(void);

/// The Medusa heads of SmolLM2-135M-Instruct, GGUF.
rd_shipped_file rd_shipped_smollm2_135m_medusa(void);

#ifdef __cplusplus
}
#endif
#endif
