import RedrafterModels
import Testing

/// The hyper-parameters of a published model, in both forms of `config.json`, and what they should be read as.
struct KnownModel: Sendable, CustomTestStringConvertible {
    var name: String
    /// As transformers 4 writes it: `rope_theta`, `rope_scaling`.
    var version4: String
    /// As transformers 5 writes it: `rope_parameters`, `dtype`, `layer_types`.
    var version5: String
    var expected: ModelConfiguration

    var testDescription: String { name }

    static let all = [smolLM2, llama31, llama32, tinyLlama, mistral, qwen25]

    private init(
        _ name: String, architecture: String, rest4: String, rest5: String, expected: ModelConfiguration,
        common: String
    ) {
        self.name = name
        self.expected = expected
        version4 = """
            {"architectures": ["\(architecture)"], \(common),
             "attention_dropout": 0.0, "hidden_act": "silu", "initializer_range": 0.02, \(rest4),
             "torch_dtype": "bfloat16", "transformers_version": "4.46.3", "use_cache": true}
            """
        version5 = """
            {
              "architectures": ["\(architecture)"],
              \(common),
              "dtype": "bfloat16", "hidden_act": "silu", "attention_dropout": 0.0, "pad_token_id": null,
              \(rest5),
              "transformers_version": "5.0.0", "use_cache": true
            }
            """
    }

    private static func configuration(
        _ architecture: ModelConfiguration.Architecture = .llama, layers: Int, hidden: Int, feedForward: Int,
        heads: Int, keyValueHeads: Int, head: Int, vocabulary: Int, context: Int, epsilon: Float, base: Float,
        scaling: ModelConfiguration.RotaryScaling = .none, window: Int? = nil, tied: Bool
    ) -> ModelConfiguration {
        var configuration = ModelConfiguration(
            architecture: architecture, layers: layers, hiddenSize: hidden, feedForwardSize: feedForward,
            heads: heads, keyValueHeads: keyValueHeads, headDimension: head, vocabularySize: vocabulary,
            contextLength: context, normEpsilon: epsilon, rotaryBase: base, rotaryDimension: head,
            rotaryPairing: .halves, rotaryScaling: scaling, tiedEmbeddings: tied)
        for layer in configuration.layerKinds.indices { configuration.layerKinds[layer].window = window }
        return configuration
    }

    private static let smolLM2 = KnownModel(
        "SmolLM2-135M-Instruct", architecture: "LlamaForCausalLM",
        rest4: """
            "mlp_bias": false, "attention_bias": false, "pretraining_tp": 1, "rope_interleaved": false,
            "rope_scaling": null, "rope_theta": 100000
            """,
        rest5: """
            "mlp_bias": false, "attention_bias": false, "head_dim": 64, "pretraining_tp": 1,
            "rope_parameters": {"rope_theta": 100000, "rope_type": "default"}
            """,
        expected: configuration(
            layers: 30, hidden: 576, feedForward: 1536, heads: 9, keyValueHeads: 3, head: 64,
            vocabulary: 49152,
            context: 8192, epsilon: 1e-5, base: 100_000, tied: true),
        common: """
            "model_type": "llama", "bos_token_id": 1, "eos_token_id": 2, "hidden_size": 576,
            "intermediate_size": 1536, "max_position_embeddings": 8192, "num_attention_heads": 9,
            "num_hidden_layers": 30, "num_key_value_heads": 3, "rms_norm_eps": 1e-05, "tie_word_embeddings": true,
            "vocab_size": 49152
            """)

    private static let llama31 = KnownModel(
        "Llama-3.1-8B-Instruct", architecture: "LlamaForCausalLM",
        rest4: """
            "mlp_bias": false, "attention_bias": false, "pretraining_tp": 1, "rope_scaling": {"factor": 8.0,
            "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
            "rope_type": "llama3"}, "rope_theta": 500000.0
            """,
        rest5: """
            "mlp_bias": false, "attention_bias": false, "head_dim": 128, "rope_parameters": {"factor": 8.0,
            "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
            "rope_theta": 500000.0, "rope_type": "llama3"}
            """,
        expected: configuration(
            layers: 32, hidden: 4096, feedForward: 14336, heads: 32, keyValueHeads: 8, head: 128,
            vocabulary: 128256, context: 131072, epsilon: 1e-5, base: 500_000,
            scaling: .llama3(factor: 8, lowFrequency: 1, highFrequency: 4, originalContext: 8192), tied: false
        ),
        common: """
            "model_type": "llama", "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009],
            "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 131072,
            "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
            "tie_word_embeddings": false, "vocab_size": 128256
            """)

    private static let llama32 = KnownModel(
        "Llama-3.2-1B", architecture: "LlamaForCausalLM",
        rest4: """
            "mlp_bias": false, "attention_bias": false, "head_dim": 64, "rope_scaling": {"factor": 32.0,
            "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
            "rope_type": "llama3"}, "rope_theta": 500000.0
            """,
        rest5: """
            "head_dim": 64, "rope_parameters": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192, "rope_theta": 500000.0, "rope_type": "llama3"}
            """,
        expected: configuration(
            layers: 16, hidden: 2048, feedForward: 8192, heads: 32, keyValueHeads: 8, head: 64,
            vocabulary: 128256,
            context: 131072, epsilon: 1e-5, base: 500_000,
            scaling: .llama3(factor: 32, lowFrequency: 1, highFrequency: 4, originalContext: 8192), tied: true
        ),
        common: """
            "model_type": "llama", "bos_token_id": 128000, "eos_token_id": 128001, "hidden_size": 2048,
            "intermediate_size": 8192, "max_position_embeddings": 131072, "num_attention_heads": 32,
            "num_hidden_layers": 16, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "tie_word_embeddings": true,
            "vocab_size": 128256
            """)

    private static let tinyLlama = KnownModel(
        "TinyLlama-1.1B-Chat", architecture: "LlamaForCausalLM",
        rest4: """
            "attention_bias": false, "pretraining_tp": 1, "rope_scaling": null, "rope_theta": 10000.0
            """,
        rest5: """
            "attention_bias": false, "mlp_bias": false, "head_dim": 64,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}
            """,
        expected: configuration(
            layers: 22, hidden: 2048, feedForward: 5632, heads: 32, keyValueHeads: 4, head: 64,
            vocabulary: 32000,
            context: 2048, epsilon: 1e-5, base: 10_000, tied: false),
        common: """
            "model_type": "llama", "bos_token_id": 1, "eos_token_id": 2, "hidden_size": 2048,
            "intermediate_size": 5632, "max_position_embeddings": 2048, "num_attention_heads": 32,
            "num_hidden_layers": 22, "num_key_value_heads": 4, "rms_norm_eps": 1e-05, "tie_word_embeddings": false,
            "vocab_size": 32000
            """)

    private static let mistral = KnownModel(
        "Mistral-7B-v0.1", architecture: "MistralForCausalLM",
        rest4: """
            "rope_theta": 10000.0, "sliding_window": 4096
            """,
        rest5: """
            "head_dim": null, "sliding_window": 4096,
            "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}
            """,
        expected: configuration(
            layers: 32, hidden: 4096, feedForward: 14336, heads: 32, keyValueHeads: 8, head: 128,
            vocabulary: 32000, context: 32768, epsilon: 1e-5, base: 10_000, window: 4096, tied: false),
        common: """
            "model_type": "mistral", "bos_token_id": 1, "eos_token_id": 2, "hidden_size": 4096,
            "intermediate_size": 14336, "max_position_embeddings": 32768, "num_attention_heads": 32,
            "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "tie_word_embeddings": false,
            "vocab_size": 32000
            """)

    private static let qwen25 = KnownModel(
        "Qwen2.5-0.5B-Instruct", architecture: "Qwen2ForCausalLM",
        rest4: """
            "max_window_layers": 21, "rope_theta": 1000000.0, "sliding_window": 32768, "use_sliding_window": false
            """,
        rest5: """
            "layer_types": ["full_attention", "full_attention", "full_attention", "full_attention"],
            "max_window_layers": 21, "sliding_window": null, "use_sliding_window": false,
            "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}
            """,
        expected: configuration(
            .qwen2, layers: 24, hidden: 896, feedForward: 4864, heads: 14, keyValueHeads: 2, head: 64,
            vocabulary: 151936, context: 32768, epsilon: 1e-6, base: 1_000_000, tied: true),
        common: """
            "model_type": "qwen2", "bos_token_id": 151643, "eos_token_id": 151645, "hidden_size": 896,
            "intermediate_size": 4864, "max_position_embeddings": 32768, "num_attention_heads": 14,
            "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "tie_word_embeddings": true,
            "vocab_size": 151936
            """)
}
