// Times llama.cpp's pass over n tokens with all their logits behind 256 tokens of context, as `redrafter bench --rows` does.
//   rows_bench MODEL THREADS REPETITIONS N [N …]      prints one JSON object a line
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "llama.h"

static const int context_tokens = 256;
static const int passes_per_sample = 16;

static void decode(llama_context *context, int first, int count, bool all_logits, int vocabulary) {
    llama_batch batch = llama_batch_init(count, 0, 1);
    for (int i = 0; i < count; i++) {
        batch.token[i] = rand() % vocabulary;
        batch.pos[i] = first + i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = all_logits;
    }
    batch.n_tokens = count;
    if (llama_decode(context, batch) != 0) {
        fprintf(stderr, "error: llama_decode failed\n");
        exit(70);
    }
    llama_synchronize(context);
    llama_batch_free(batch);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: rows_bench MODEL THREADS REPETITIONS N [N ...]\n");
        return 64;
    }
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_backend_init();
    llama_model_params model_parameters = llama_model_default_params();
    llama_model *model = llama_model_load_from_file(argv[1], model_parameters);
    if (!model) {
        fprintf(stderr, "error: cannot load %s\n", argv[1]);
        return 65;
    }
    llama_context_params parameters = llama_context_default_params();
    parameters.n_ctx = 512;
    parameters.n_batch = 512;
    parameters.n_ubatch = 512;
    parameters.n_threads = parameters.n_threads_batch = atoi(argv[2]);
    llama_context *context = llama_init_from_model(model, parameters);
    const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
    const int repetitions = atoi(argv[3]);
    decode(context, 0, context_tokens, false, vocabulary);
    for (int a = 4; a < argc; a++) {
        const int rows = atoi(argv[a]);
        std::vector<double> samples;
        for (int sample = 0; sample <= repetitions; sample++) {
            const auto start = std::chrono::steady_clock::now();
            for (int pass = 0; pass < passes_per_sample; pass++) {
                decode(context, context_tokens, rows, true, vocabulary);
                llama_memory_seq_rm(llama_get_memory(context), 0, context_tokens, -1);
            }
            const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
            if (sample > 0) samples.push_back(time.count() / passes_per_sample);  // the first warms up
        }
        printf("{\"test\": \"rows%d\", \"n_rows\": %d, \"samples_ns\": [", rows, rows);
        for (size_t i = 0; i < samples.size(); i++) printf("%s%.0f", i ? ", " : "", samples[i]);
        printf("]}\n");
    }
    llama_free(context);
    llama_model_free(model);
    return 0;
}
