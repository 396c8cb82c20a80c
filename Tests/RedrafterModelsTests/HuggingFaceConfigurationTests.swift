import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

@Suite struct HuggingFaceConfigurationTests {
    @Test(
        "Configurations of known models are read, as transformers 4 and 5 write them",
        arguments: KnownModel.all)
    func knownModels(_ known: KnownModel) throws {
        for text in [known.version4, known.version5] {
            #expect(try read(text) == known.expected, "\(known.name)")
        }
    }

    @Test(
        "Every needed key is missed by name",
        arguments: [
            "model_type", "hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size",
            "vocab_size",
            "max_position_embeddings", "rms_norm_eps",
        ])
    func missingKey(_ key: String) throws {
        for replacement in [nil, "null"] as [String?] {
            #expect(throws: ModelError.missingKey(file: "config.json", key: key)) {
                try read(base(changing: [key: replacement]))
            }
        }
    }

    @Test(
        "Impossible numbers are refused with key and value",
        arguments: [
            ("num_hidden_layers", "0"), ("num_hidden_layers", "-1"), ("num_hidden_layers", "2147483648"),
            ("num_hidden_layers", "30.0"), ("num_hidden_layers", "\"30\""), ("num_hidden_layers", "true"),
            ("num_hidden_layers", "[30]"), ("num_hidden_layers", "99999999999999999999"),
            ("num_attention_heads", "0"), ("num_attention_heads", "-9"), ("num_key_value_heads", "0"),
            ("num_key_value_heads", "2"), ("num_key_value_heads", "18"), ("num_key_value_heads", "-3"),
            ("hidden_size", "0"), ("hidden_size", "575"), ("hidden_size", "-576"),
            ("hidden_size", "9223372036854775807"),
            ("head_dim", "0"), ("head_dim", "63"), ("head_dim", "-64"), ("head_dim", "4096"),
            ("intermediate_size", "0"), ("intermediate_size", "4294967296"), ("vocab_size", "0"),
            ("vocab_size", "-1"),
            ("vocab_size", "4294967295"), ("max_position_embeddings", "0"),
            ("max_position_embeddings", "4294967295"),
            ("rms_norm_eps", "0"), ("rms_norm_eps", "-1e-5"), ("rms_norm_eps", "1"),
            ("rms_norm_eps", "1e-999"),
            ("rms_norm_eps", "1e999"), ("rms_norm_eps", "\"1e-5\""), ("rope_theta", "0"),
            ("rope_theta", "-1"),
            ("rope_theta", "1e300"), ("rope_theta", "\"10000\""), ("tie_word_embeddings", "1"),
            ("rope_scaling", "[]"),
            ("rope_scaling", "2"),
        ])
    func impossibleNumber(_ key: String, _ value: String) throws {
        let error = #expect(throws: ModelError.self) { try read(base(changing: [key: value])) }
        guard case .invalidValue(let file, let named, _, let allowed)? = error else {
            Issue.record("\(key) = \(value): \(String(describing: error))")
            return
        }
        #expect(file == "config.json")
        #expect(named == key)
        #expect(!allowed.isEmpty)
        #expect(error?.isOfContent == true)
        #expect(error?.description.contains(key) == true)
    }

    @Test(
        "Features that would change the result are refused",
        arguments: [
            ("model_type", "\"gemma3\"", "a model of images and text"),
            ("model_type", "\"qwen3_moe\"", "a mixture of experts"),
            ("model_type", "\"gemma\"", "the nearest of them is gemma"),
            ("model_type", "\"mamba2\"", "state-space"),
            ("model_type", "\"cohere\"", "llama, mistral, qwen2, qwen3"),
            ("model_type", "\"\\u001b[2J\"", "\\x1b[2J"),
            ("hidden_act", "\"gelu\"", "silu"), ("quantization", "{\"bits\": 4}", "MLX"),
            ("mlp_bias", "true", "mlp_bias"), ("partial_rotary_factor", "0.5", "partial_rotary_factor"),
            ("quantization_config", "{\"bits\": 4}", "quantization_config"),
            ("rope_scaling", "{\"rope_type\": \"nonsense\"}", "nonsense"),
            ("rope_parameters", "{\"full_attention\": {\"rope_type\": \"default\"}}", "rope_parameters"),
            ("layer_types", "[\"linear_attention\"]", "linear_attention"),
        ])
    func unsupported(_ key: String, _ value: String, _ named: String) throws {
        let error = #expect(throws: ModelError.self) { try read(base(changing: [key: value])) }
        guard case .unsupported? = error else {
            Issue.record("\(key) = \(value): \(String(describing: error))")
            return
        }
        #expect(error?.description.contains(named) == true)
        #expect(error?.description.contains("\u{1b}") == false)
    }

    @Test(
        "Inactive features are accepted",
        arguments: [
            ("rope_scaling", "{\"type\": \"yarn\", \"factor\": 1.0}"),
            ("rope_scaling", "{\"rope_type\": \"default\"}"),
            ("attention_bias", "false"), ("sliding_window", "16"), ("use_sliding_window", "true"),
            ("layer_types", "[\"full_attention\"]"), ("quantization_config", "null"),
            ("partial_rotary_factor", "1.0"),
            ("head_dim", "64"), ("some_new_key", "{\"a\": [1, 2]}"), ("rope_interleaved", "false"),
        ])
    func inactive(_ key: String, _ value: String) throws {
        #expect(try read(base(changing: [key: value])) == read(base()))
    }

    @Test("Ids of special tokens are the tokenizer's business, whatever config.json says of them")
    func specialTokens() throws {
        #expect(try read(base(changing: ["eos_token_id": "-1", "bos_token_id": "49152"])) == read(base()))
    }

    @Test("Rotary scaling is read from either place and validated")
    func rotaryScaling() throws {
        let linear = "{\"type\": \"linear\", \"factor\": 2.5}"
        #expect(try read(base(changing: ["rope_scaling": linear])).rotaryScaling == .linear(factor: 2.5))
        let both = try read(
            base(changing: [
                "rope_scaling": linear,
                "rope_parameters": "{\"rope_type\": \"default\", \"rope_theta\": 500}",
            ]))
        // As transformers 5 reads them: the old key takes over.
        #expect(both.rotaryScaling == .linear(factor: 2.5))
        #expect(both.rotaryBase == 100_000)
        let new = try read(
            base(changing: ["rope_parameters": "{\"rope_type\": \"default\", \"rope_theta\": 500}"]))
        #expect(new.rotaryScaling == .none && new.rotaryBase == 500)
        let dynamic = "{\"type\": \"dynamic\", \"factor\": 2.0}"
        #expect(try read(base(changing: ["rope_scaling": dynamic])).rotaryScaling == .dynamic)
        let wrong = [
            "{\"type\": \"linear\"}", "{\"type\": \"linear\", \"factor\": 0}",
            "{\"type\": \"linear\", \"factor\": -2}",
            "{\"type\": \"linear\", \"factor\": \"2\"}", "{\"type\": 3}",
            "{\"type\": \"linear\", \"factor\": 1e300}",
            "{\"rope_type\": \"llama3\", \"factor\": 8}",
            """
            {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4,
             "original_max_position_embeddings": 8192}
            """,
            """
            {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
             "original_max_position_embeddings": 0}
            """,
            "{\"type\": \"yarn\"}", "{\"type\": \"yarn\", \"factor\": 4, \"beta_fast\": -1}",
            "{\"type\": \"yarn\", \"factor\": 4, \"original_max_position_embeddings\": 1e300}",
            "{\"rope_type\": \"longrope\", \"factor\": 1.0}",
            "{\"rope_type\": \"longrope\", \"short_factor\": [1, 2], \"long_factor\": [1, 2]}",
        ]
        for text in wrong {
            #expect(throws: ModelError.self, "\(text)") { try read(base(changing: ["rope_scaling": text])) }
        }
    }

    @Test("A sliding window is that of the layers that use it; the context stays whole")
    func slidingWindow() throws {
        func windows(_ changes: [String: String?]) throws -> [Int?] {
            let configuration = try read(base(changing: changes))
            #expect(configuration.contextLength == 8192)
            return configuration.layerKinds.map(\.window)
        }
        let none = [Int?](repeating: nil, count: 30)
        let kinds = (0..<30).map { $0 % 2 == 0 ? "\"full_attention\"" : "\"sliding_attention\"" }
        let listed: [String: String?] = ["layer_types": "[\(kinds.joined(separator: ", "))]"]
        let mistral: [String: String?] = ["model_type": "\"mistral\""]
        #expect(try windows(mistral.merging(["sliding_window": "1024"]) { $1 }) == none.map { _ in 1024 })
        #expect(try windows(mistral.merging(["sliding_window": "null"]) { $1 }) == none)
        // A window as long as the trained context counts in longer ones.
        #expect(try windows(mistral.merging(["sliding_window": "8192"]) { $1 }) == none.map { _ in 8192 })
        #expect(try windows(mistral) == none.map { _ in 4096 })
        #expect(throws: ModelError.self) { try windows(mistral.merging(["sliding_window": "0"]) { $1 }) }
        let ministral = mistral.merging(listed.merging(["sliding_window": "1024"]) { $1 }) { $1 }
        #expect(try windows(ministral) == (0..<30).map { $0 % 2 == 0 ? nil : 1024 })
        let qwen: [String: String?] = ["model_type": "\"qwen2\"", "sliding_window": "2048"]
        #expect(try windows(qwen) == none)
        let used = qwen.merging(["use_sliding_window": "true", "max_window_layers": "28"]) { $1 }
        #expect(try windows(used) == none[..<28] + [2048, 2048])
        #expect(
            try windows(used.merging(listed) { $1 }) == (0..<30).map { $0 % 2 == 0 ? nil : 2048 })
        #expect(throws: ModelError.self) {
            try windows(used.merging(["layer_types": "[\"full_attention\"]"]) { $1 })
        }
        // A family without windows cannot have such layers.
        #expect(throws: ModelError.self) { try windows(listed) }
        // SmolLM3 has windows where it has no positions.
        let smol = ["model_type": "\"smollm3\"", "use_sliding_window": "true", "sliding_window": "64"]
        #expect(try windows(smol) == (0..<30).map { $0 % 4 == 3 ? 64 : nil })
    }

    @Test("A document that is no object is refused", arguments: ["[]", "null", "3", "\"llama\""])
    func noObject(_ text: String) throws {
        #expect(throws: ModelError.self) { try read(text) }
    }

    @Test("Mutated documents are read or refused, nothing else")
    func mutations() throws {
        var random = SeededRandom(seed: 11)
        let originals = KnownModel.all.flatMap { [Array($0.version4.utf8), Array($0.version5.utf8)] }
        let pieces = [
            "0", "-1", "1e999", "null", "{", "}", "[", "]", "\"", "9223372036854775808", "nan", ",",
            "\\u0000",
        ]
        var accepted = 0
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = originals[Int.random(in: 0..<originals.count, using: &random)]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes.remove(at: at)
                case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
                case 3:
                    let end = min(bytes.count, at + Int.random(in: 1...24, using: &random))
                    bytes.replaceSubrange(
                        at..<end, with: Array(pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8))
                default:
                    // A number becomes another one.
                    guard let digit = bytes[at...].firstIndex(where: { (48...57).contains($0) }) else {
                        continue
                    }
                    let end = bytes[digit...].firstIndex { !(46...57).contains($0) } ?? bytes.count
                    let values = ["0", "-1", "2147483648", "18446744073709551615", "0.5", "1e38", "7"]
                    bytes.replaceSubrange(
                        digit..<end,
                        with: Array(values[Int.random(in: 0..<values.count, using: &random)].utf8))
                }
                if bytes.isEmpty { bytes = [0x7B] }
            }
            do {
                let configuration = try ModelConfiguration(
                    huggingFace: JSONValue(parsing: bytes, path: "config.json"), path: "config.json")
                #expect(configuration.heads % configuration.keyValueHeads == 0)
                #expect(configuration.rotaryFrequencies.allSatisfy { !$0.isNaN })
                accepted += 1
            } catch {
                #expect(error is ModelError || error is FormatError)
                refused += 1
            }
        }
        #expect(accepted > 100)
        #expect(refused > 1000)
    }
}

private func read(_ text: String) throws -> ModelConfiguration {
    try ModelConfiguration(
        huggingFace: JSONValue(parsing: Array(text.utf8), path: "config.json"), path: "config.json")
}

/// SmolLM2-135M with some keys changed, or left out for nil.
private func base(changing changes: [String: String?] = [:]) -> String {
    var members: [String: String] = [
        "model_type": "\"llama\"", "hidden_size": "576", "num_attention_heads": "9",
        "num_key_value_heads": "3",
        "num_hidden_layers": "30", "intermediate_size": "1536", "vocab_size": "49152",
        "max_position_embeddings": "8192", "rms_norm_eps": "1e-05", "rope_theta": "100000",
        "rope_scaling": "null",
        "tie_word_embeddings": "true", "hidden_act": "\"silu\"", "bos_token_id": "1", "eos_token_id": "2",
    ]
    for (key, value) in changes { members[key] = value }
    return "{"
        + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
        + "}"
}
