// Writes llama.cpp's logits of every position of tokens.json as raw float32, each sequence from an empty cache.
//   peer_logits MODEL TOKENS.json OUTPUT.f32 [THREADS]
// Built by Benchmarks/Scripts/build-peer.sh.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "llama.h"

// The file is our own: the value of "sequences" is a list of lists of integers.
static std::vector<std::vector<llama_token>> read_sequences(const char *path) {
    std::ifstream file(path);
    std::stringstream buffer;
    buffer << file.rdbuf();
    const std::string text = buffer.str();
    std::vector<std::vector<llama_token>> result;
    size_t at = text.find('[', text.find("\"sequences\"")) + 1;
    while (text[at] != ']') {
        if (text[at] != '[') {
            at++;
            continue;
        }
        result.emplace_back();
        while (text[at] != ']') {
            at++;
            char *end;
            const long value = strtol(text.c_str() + at, &end, 10);
            result.back().push_back((llama_token)value);
            at = end - text.c_str();
        }
        at++;
    }
    return result;
}

int main(int argc, char **argv) {
    if (argc < 4) return 64;
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_backend_init();
    llama_model *model = llama_model_load_from_file(argv[1], llama_model_default_params());
    if (!model) return 65;
    const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
    FILE *output = fopen(argv[3], "wb");
    if (!output) return 73;
    for (const auto &tokens : read_sequences(argv[2])) {
        llama_context_params parameters = llama_context_default_params();
        // As redrafter's own command: a context for the text alone.
        parameters.n_ctx = tokens.size();
        parameters.n_batch = parameters.n_ubatch = 512;
        parameters.n_threads = parameters.n_threads_batch = argc > 4 ? atoi(argv[4]) : 2;
        llama_context *context = llama_init_from_model(model, parameters);
        const int count = (int)tokens.size();
        llama_batch batch = llama_batch_init(count, 0, 1);
        for (int i = 0; i < count; i++) {
            batch.token[i] = tokens[i];
            batch.pos[i] = i;
            batch.n_seq_id[i] = 1;
            batch.seq_id[i][0] = 0;
            batch.logits[i] = true;
        }
        batch.n_tokens = count;
        if (llama_decode(context, batch) != 0) return 70;
        for (int i = 0; i < count; i++) fwrite(llama_get_logits_ith(context, i), sizeof(float), vocabulary, output);
        llama_batch_free(batch);
        llama_free(context);
    }
    return fclose(output) == 0 ? 0 : 74;
}
