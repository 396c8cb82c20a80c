// Writes llama.cpp's logits of every position of one text, as raw float32.
//   logits MODEL OUTPUT TOKEN [TOKEN ...]
#include <cstdio>
#include <cstdlib>

#include "llama.h"

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: logits MODEL OUTPUT TOKEN [TOKEN ...]\n");
        return 64;
    }
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_backend_init();
    llama_model *model = llama_model_load_from_file(argv[1], llama_model_default_params());
    if (!model) {
        fprintf(stderr, "error: cannot load %s\n", argv[1]);
        return 65;
    }
    const int count = argc - 3;
    llama_context_params parameters = llama_context_default_params();
    // The whole context, so that LongRoPE chooses its factors as for long texts.
    parameters.n_ctx = llama_model_n_ctx_train(model);
    parameters.n_batch = parameters.n_ubatch = count;
    parameters.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    llama_context *context = llama_init_from_model(model, parameters);
    llama_batch batch = llama_batch_init(count, 0, 1);
    for (int i = 0; i < count; i++) {
        batch.token[i] = atoi(argv[3 + i]);
        batch.pos[i] = i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = true;
    }
    batch.n_tokens = count;
    if (!context || llama_decode(context, batch) != 0) {
        fprintf(stderr, "error: llama_decode failed\n");
        return 70;
    }
    FILE *output = fopen(argv[2], "wb");
    const size_t vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
    for (int i = 0; output && i < count; i++) fwrite(llama_get_logits_ith(context, i), 4, vocabulary, output);
    return output && fclose(output) == 0 ? 0 : 73;
}
