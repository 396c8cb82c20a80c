import Foundation
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

@Suite struct CheckpointConversionTests {
    @Test("A checkpoint and the GGUF file made from it are the same model", arguments: SmallCheckpoint.all)
    func sameModel(_ checkpoint: SmallCheckpoint) throws {
        let folder = try TemporaryFolder()
        try checkpoint.write(to: folder)
        let output = folder.path("out.gguf")
        let report = try ModelConverter.convert(input: folder.url.path, output: output, type: .f32)
        #expect(report.warnings.allSatisfy { $0.contains("GGUF file cannot say") })

        let source = try SafetensorsModel(path: folder.url.path)
        let configurationPath = folder.path("config.json")
        let before = try ModelConfiguration(
            huggingFace: JSONValue(path: configurationPath), path: configurationPath, tensors: source)
        let gguf = try GGUFFile(path: output)
        let after = try ModelConfiguration(gguf)
        var expected = before
        expected.rotaryPairing = before.architecture == .llama ? .neighbours : .halves
        if case .llama3 = before.rotaryScaling { expected.rotaryScaling = after.rotaryScaling }
        #expect(after == expected)
        for (a, b) in zip(before.rotaryFrequencies, after.rotaryFrequencies) {
            #expect(abs(a - b) <= 1e-6 * a)
        }

        let original = try ModelTensors(before, inHuggingFace: source, configurationPath: configurationPath)
        let converted = try ModelTensors(after, in: gguf)
        let (first, second) = (try logits(before, original.source), try logits(after, converted.source))
        #expect(first.count == checkpoint.rows)
        for (a, b) in zip(first, second) { #expect(abs(a - b) < 1e-4) }
        #expect(Set(first).count > 10)
    }

    @Test("Names and rows are those of llama.cpp: rotary pairs of llama become neighbours")
    func permutation() throws {
        let folder = try TemporaryFolder()
        let checkpoint = SmallCheckpoint.all[0]
        try checkpoint.write(to: folder)
        try ModelConverter.convert(input: folder.url.path, output: folder.path("out.gguf"), type: .f32)
        let gguf = try GGUFFile(path: folder.path("out.gguf"))
        let source = try SafetensorsModel(path: folder.url.path)
        for (from, to, heads) in [("q_proj", "attn_q", 4), ("k_proj", "attn_k", 2)] {
            let old = floats(try #require(source.tensor(named: "model.layers.1.self_attn.\(from).weight")))
            let new = floats(try #require(gguf.tensor(named: "blk.1.\(to).weight")))
            for head in 0..<heads {
                for pair in 0..<4 {
                    for part in 0..<2 {
                        let oldRow = head * 8 + part * 4 + pair
                        let newRow = head * 8 + 2 * pair + part
                        #expect(old[oldRow * 32..<(oldRow + 1) * 32] == new[newRow * 32..<(newRow + 1) * 32])
                    }
                }
            }
        }
        #expect(
            floats(try #require(gguf.tensor(named: "blk.1.attn_v.weight")))
                == floats(try #require(source.tensor(named: "model.layers.1.self_attn.v_proj.weight"))))
        #expect(try gguf.metadata.string("general.architecture") == "llama")
        #expect(gguf.tensor(named: "output_norm.weight")?.type == .f32)
    }

    @Test(
        "The tokenizer in the GGUF file encodes as the one of the checkpoint",
        arguments: [
            "gpt2", "smollm", "llama3", "qwen2", "llama2",
        ])
    func tokenizer(_ name: String) throws {
        let folder = try TemporaryFolder()
        var checkpoint = SmallCheckpoint.all[name == "qwen2" ? 2 : 0]
        checkpoint.tokenizer = name
        try checkpoint.write(to: folder)
        let report = try ModelConverter.convert(
            input: folder.url.path, output: folder.path("out.gguf"), type: .q8_0)
        let gguf = try GGUFFile(path: folder.path("out.gguf"))
        let before = Tokenizer(try TokenizerDefinition(directory: folder.url.path))
        let after = Tokenizer(try TokenizerDefinition(gguf, vocabularySize: checkpoint.rows))
        #expect(after.bos == before.bos)
        #expect(after.eos == before.eos)
        #expect(after.fingerprint == before.fingerprint)
        #expect(after.definition.addsBOS == before.definition.addsBOS)
        #expect(after.definition.chatTemplate == before.definition.chatTemplate)
        #expect(after.definition.namedChatTemplates == ["tool_use": "{{ tools }}"])
        #expect(after.tokenCount == checkpoint.rows)
        let texts = try #require(JSONValue(path: SmallCheckpoint.fixture("texts.json")).array)
        #expect(texts.count > 20)
        // Tokens that take blanks along or stand alone only cannot be expressed in a GGUF file.
        let special = before.definition.matching.filter { !$0.value.isEmpty }.map {
            String(decoding: before.definition.tokens[Int($0.key)], as: UTF8.self)
        }
        #expect(report.warnings.contains { $0.contains("tokens are looked for") } == !special.isEmpty)
        for text in texts.compactMap(\.string) where !special.contains(where: text.contains) {
            #expect(
                after.encode(text, parseSpecial: false) == before.encode(text, parseSpecial: false),
                "\(text.debugDescription)")
        }
    }

    @Test("Every id at which transformers stops ends an answer, in the folder and in the GGUF file of it")
    func ends() throws {
        let folder = try TemporaryFolder()
        try SmallCheckpoint.all[0].write(to: folder)
        try folder.write("generation_config.json", #"{"eos_token_id":[5,6,7]}"#)
        let path = folder.path("config.json")
        let config = try String(contentsOfFile: path, encoding: .utf8)
        try folder.write(
            "config.json", config.replacing("{", with: #"{"eos_token_id":[8,9],"#, maxReplacements: 1))
        try ModelConverter.convert(input: folder.url.path, output: folder.path("out.gguf"), type: .q8_0)
        let before = Tokenizer(try TokenizerDefinition(directory: folder.url.path))
        let after = Tokenizer(try TokenizerDefinition(try GGUFFile(path: folder.path("out.gguf"))))
        #expect(before.endOfGeneration.isSuperset(of: [5, 6, 7, 8, 9]))
        #expect(after.endOfGeneration == before.endOfGeneration && after.eos == before.eos)
        #expect(after.fingerprint == before.fingerprint)
    }

    @Test("A tokenizer that no GGUF file can describe is refused by name, not written as another")
    func indescribable() throws {
        let folder = try TemporaryFolder()
        try SmallCheckpoint.all[0].write(to: folder)
        let path = folder.path("tokenizer.json")
        let json = try String(contentsOfFile: path, encoding: .utf8)
        #expect(json.contains("\"normalizer\":null") || json.contains("\"normalizer\": null"))
        let changed = json.replacing(#/"normalizer": ?null/#, with: #""normalizer":{"type":"NFKD"}"#)
        try folder.write("tokenizer.json", changed)
        let error = #expect(throws: ModelError.self) {
            try ModelConverter.convert(input: folder.url.path, output: folder.path("out.gguf"), type: .q8_0)
        }
        #expect(
            error?.description.contains("a GGUF file of a tokenizer") == true, "\(String(describing: error))")
    }

    @Test("A sharded checkpoint converts to the same bytes as a whole one")
    func shards() throws {
        let whole = try TemporaryFolder()
        let sharded = try TemporaryFolder()
        var checkpoint = SmallCheckpoint.all[0]
        try checkpoint.write(to: whole)
        checkpoint.shards = 3
        try checkpoint.write(to: sharded)
        // The name of the folder is the model's name in the file.
        let outputs = try [whole, sharded].map { folder in
            try ModelConverter.convert(input: folder.url.path, output: folder.path("o.gguf"), type: .q4_0)
            return try GGUFFile(path: folder.path("o.gguf"))
        }
        for (a, b) in zip(outputs[0].tensors, outputs[1].tensors) {
            #expect(a.name == b.name)
            #expect(floats(a) == floats(b))
        }
        #expect(outputs[0].tensors.count == outputs[1].tensors.count)
    }

    @Test("Files that do not belong together are told from missing ones")
    func mismatch() throws {
        func convert(_ change: (inout SmallCheckpoint, TemporaryFolder) throws -> Void) throws -> String? {
            let folder = try TemporaryFolder()
            var checkpoint = SmallCheckpoint.all[0]
            try change(&checkpoint, folder)
            try checkpoint.write(to: folder)
            for name in checkpoint.removed { unlink(folder.path(name)) }
            let error = #expect(throws: ModelError.self) {
                try ModelConverter.convert(input: folder.url.path, output: folder.path("o.gguf"), type: .f16)
            }
            #expect(error?.description.isEmpty == false)
            #expect(try !folder.names.contains("o.gguf"))
            return error?.isOfContent == true ? "content" : caseName(of: error)
        }
        #expect(try convert { checkpoint, _ in checkpoint.statedRows = checkpoint.rows + 1 } == "wrongShape")
        #expect(try convert { checkpoint, _ in checkpoint.rows = 100 } == "mismatch")  // fewer than tokens
        #expect(try convert { checkpoint, _ in checkpoint.removed = ["config.json"] } == "format.missing")
        #expect(
            try convert { checkpoint, _ in checkpoint.removed = ["tokenizer.json"] }
                == "tokenizer.format.missing")
        #expect(
            try convert { checkpoint, _ in checkpoint.removed = ["model.safetensors"] } == "format.missing")
        #expect(
            try convert { checkpoint, _ in checkpoint.omitted = "model.layers.1.mlp.up_proj.weight" }
                == "content")
    }

    /// Logits of the last of a few tokens.
    private func logits(_ configuration: ModelConfiguration, _ source: @escaping WeightSource) throws
        -> [Float]
    {
        let backend = ReferenceBackend()
        let weights = try TransformerWeights.load(configuration, from: source, on: backend)
        let transformer = try Transformer(configuration, weights: weights, contextLength: 64, on: backend)
        let runner = try PassRunner(transformer, prefillChunk: 64)
        let output = try runner.prefill([3, 17, 5, 9, 60, 2, 33])
        return try runner.stream.withValues(output.logits) { Array($0.suffix(configuration.vocabularySize)) }
    }
}

/// A tiny Hugging Face checkpoint of seeded random weights, with a tokenizer of the fixtures.
struct SmallCheckpoint: Sendable, CustomTestStringConvertible {
    var type = "llama"
    var weights = WeightType.f32
    var rows = 1000
    var tied = true
    var rope = "\"rope_theta\": 10000.0"
    var tokenizer = "smollm"
    var shards = 1
    /// Rows that `config.json` claims, where they differ.
    var statedRows: Int?
    /// A tensor left out.
    var omitted: String?
    /// Files removed afterwards.
    var removed: [String] = []

    var testDescription: String { "\(type), \(weights.name), \(rope)" }

    static let all: [SmallCheckpoint] = [
        SmallCheckpoint(),
        SmallCheckpoint(type: "mistral", weights: .bf16, tied: false),
        SmallCheckpoint(
            type: "qwen2", weights: .f16,
            rope: "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 1e6}",
            tokenizer: "qwen2"),
        SmallCheckpoint(
            rope: """
                "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 16}, "rope_theta": 500.0
                """),
        SmallCheckpoint(rope: "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}"),
    ]

    static func fixture(_ name: String) -> String {
        #filePath.replacing("CheckpointConversionTests.swift", with: "Fixtures/Tokenizers/\(name)")
    }

    func write(to folder: TemporaryFolder) throws {
        try folder.write(
            "config.json",
            """
            {"model_type": "\(type)", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": \(statedRows ?? rows),
             "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "tie_word_embeddings": \(tied), \(rope)}
            """)
        let tokenizerFile = try MappedFile(path: Self.fixture("\(tokenizer).tokenizer.json"))
        try withExtendedLifetime(tokenizerFile) { try folder.write("tokenizer.json", tokenizerFile.bytes) }
        try folder.write(
            "tokenizer_config.json",
            "{\"chat_template\": [{\"name\": \"default\", \"template\": \"{{ messages }}\"}, "
                + "{\"name\": \"tool_use\", \"template\": \"{{ tools }}\"}]}")
        let tensors = shapes.filter { $0.0 != omitted }
        var random = SeededRandom(seed: 9)
        let files =
            shards == 1 ? ["model.safetensors"] : (1...shards).map { "model-\($0)-of-\(shards).safetensors" }
        var map = [String]()
        for (number, file) in files.enumerated() {
            let writer = SafetensorsWriter(path: folder.path(file))
            let part = tensors.enumerated().filter { $0.offset * shards / tensors.count == number }.map(
                \.element)
            for (name, shape) in part {
                try writer.declare(name, type: #require(SafetensorsType(weights)), shape: shape)
                map.append("\"\(name)\": \"\(file)\"")
            }
            for (_, shape) in part {
                let range: ClosedRange<Float> = shape.count == 1 ? 0.5...1.5 : -0.35...0.35
                let values = (0..<shape.reduce(1, *)).map { _ in Float.random(in: range, using: &random) }
                var bytes = [UInt8](
                    repeating: 0, count: try #require(weights.rowBytes(columns: values.count)))
                try bytes.withUnsafeMutableBytes { bytes in
                    try values.withUnsafeBufferPointer {
                        try Quantization.quantize(type: weights, values: $0, into: bytes)
                    }
                }
                try writer.append(bytes)
            }
            try writer.finish()
        }
        if shards > 1 {
            try folder.write(
                "model.safetensors.index.json",
                "{\"metadata\": {}, \"weight_map\": {\(map.joined(separator: ", "))}}")
        }
    }

    private var shapes: [(String, [Int])] {
        var result: [(String, [Int])] = [("model.embed_tokens.weight", [rows, 32])]
        for layer in 0..<2 {
            var weights: [(String, [Int])] = [
                ("input_layernorm.weight", [32]), ("self_attn.q_proj.weight", [32, 32]),
                ("self_attn.k_proj.weight", [16, 32]), ("self_attn.v_proj.weight", [16, 32]),
                ("self_attn.o_proj.weight", [32, 32]), ("post_attention_layernorm.weight", [32]),
                ("mlp.gate_proj.weight", [64, 32]), ("mlp.up_proj.weight", [64, 32]),
                ("mlp.down_proj.weight", [32, 64]), ("self_attn.rotary_emb.inv_freq", [4]),
            ]
            if type == "qwen2" {
                weights += [
                    ("self_attn.q_proj.bias", [32]), ("self_attn.k_proj.bias", [16]),
                    ("self_attn.v_proj.bias", [16]),
                ]
            }
            result += weights.map { ("model.layers.\(layer).\($0.0)", $0.1) }
        }
        return result + [("model.norm.weight", [32])] + (tied ? [] : [("lm_head.weight", [rows, 32])])
    }
}
