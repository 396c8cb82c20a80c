import Foundation
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

@Suite struct GGUFConfigurationTests {
    @Test("A small model is read with every hyper-parameter")
    func wellFormed() throws {
        let model = SmallGGUF()
        let configuration = try model.configuration()
        #expect(
            configuration
                == ModelConfiguration(
                    architecture: .llama, layers: 2, hiddenSize: 32, feedForwardSize: 64, heads: 4,
                    keyValueHeads: 2, headDimension: 8, vocabularySize: 16, contextLength: 128,
                    normEpsilon: 1e-5,
                    rotaryBase: 10_000, rotaryDimension: 8, rotaryPairing: .neighbours, rotaryScaling: .none,
                    tiedEmbeddings: true))
        #expect(try model.tensors()[.layer(1, .down)]?.shape == [32, 64])
        var qwen = SmallGGUF()
        qwen.architecture = "qwen2"
        #expect(try qwen.configuration().rotaryPairing == .halves)
        #expect(try qwen.tensors()[.layer(0, .queryBias)]?.shape == [32])
    }

    @Test(
        "Each needed key is missed by name",
        arguments: [
            "block_count", "embedding_length", "attention.head_count", "feed_forward_length",
            "attention.layer_norm_rms_epsilon", "context_length",
        ])
    func missingKey(_ key: String) throws {
        var model = SmallGGUF()
        model.values["llama." + key] = .some(nil)
        let error = #expect(throws: ModelError.self) { try model.configuration() }
        guard case .missingKey(_, "llama." + key)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.isOfContent == true)
    }

    @Test("The architecture must be there, a string, known, and the prefix of the keys")
    func architecture() throws {
        var model = SmallGGUF()
        model.values["general.architecture"] = .some(nil)
        #expect(throws: ModelError.self) { try model.configuration() }
        model.values["general.architecture"] = .uint32(3)
        #expect(throws: ModelError.self) { try model.configuration() }
        model.values["general.architecture"] = .string("mamba\u{1b}[2J")
        let error = #expect(throws: ModelError.self) { try model.configuration() }
        #expect(error?.description.contains("llama, qwen2") == true)
        #expect(error?.description.contains("\u{1b}") == false)
        model.values["general.architecture"] = .string("qwen2")
        #expect(throws: ModelError.self) { try model.configuration() }
    }

    @Test(
        "Impossible numbers are refused by name",
        arguments: [
            ("block_count", .integer(0)), ("block_count", .integer(2_147_483_648)),
            ("block_count", .integer(-1)),
            ("block_count", .string("2")), ("block_count", .float(2)), ("attention.head_count", .integer(0)),
            ("attention.head_count", .integer(3)), ("attention.head_count_kv", .integer(0)),
            ("attention.head_count_kv", .integer(3)), ("attention.head_count_kv", .integer(8)),
            ("embedding_length", .integer(0)), ("embedding_length", .integer(33)),
            ("embedding_length", .integer(4_294_967_295)), ("feed_forward_length", .integer(0)),
            ("context_length", .integer(0)), ("context_length", .integer(4_294_967_295)),
            ("attention.layer_norm_rms_epsilon", .float(0)), ("attention.layer_norm_rms_epsilon", .float(-1)),
            ("attention.layer_norm_rms_epsilon", .float(.nan)), ("rope.freq_base", .float(0)),
            ("rope.freq_base", .float(-1)), ("rope.freq_base", .float(.nan)),
            ("rope.freq_base", .float(.infinity)),
            ("rope.dimension_count", .integer(0)), ("rope.dimension_count", .integer(7)),
            ("rope.dimension_count", .integer(10)), ("attention.key_length", .integer(7)),
            ("attention.key_length", .integer(0)), ("vocab_size", .integer(17)), ("vocab_size", .integer(0)),
        ] as [(String, SmallGGUF.Field)])
    func impossibleNumber(_ key: String, _ field: SmallGGUF.Field) throws {
        var model = SmallGGUF()
        model.values["llama." + key] = field.value
        let error = #expect(throws: ModelError.self, "\(key) = \(field)") { try model.configuration() }
        #expect(error?.isOfContent == true)
        let described = error?.description ?? ""
        let isNamed =
            described.contains(key)
            || (key == "attention.head_count" && described.contains("embedding_length"))
            || (key == "attention.key_length" && described.contains("head size"))
        #expect(isNamed, "\(described)")
    }

    @Test("Integers of any width are accepted where they fit")
    func widths() throws {
        for type in [GGUFValueType.uint64, .int32, .int64] {
            var model = SmallGGUF()
            model.values["llama.block_count"] =
                type == .uint64
                ? .stored(.unsigned(2, type)) : .stored(.signed(2, type))
            #expect(try model.configuration().layers == 2)
        }
    }

    @Test("Fewer or more layers than the file has are refused")
    func layerCount() throws {
        var model = SmallGGUF()
        model.values["llama.block_count"] = .uint32(3)
        let missing = #expect(throws: ModelError.self) { try model.tensors() }
        guard case .missingTensors(_, let names, 9)? = missing else {
            Issue.record("\(String(describing: missing))")
            return
        }
        #expect(names.count == 3)
        model.values["llama.block_count"] = .uint32(1)
        let beyond = #expect(throws: ModelError.self) { try model.tensors() }
        #expect(beyond?.description.contains("blk.1.ffn_down.weight") == true)
    }

    @Test("Each weight is missed, and its wrong shape reported", arguments: SmallGGUF().shapes.map(\.name))
    func weights(_ name: String) throws {
        var model = SmallGGUF()
        let index = try #require(model.shapes.firstIndex { $0.name == name })
        let shape = model.shapes[index].shape
        model.shapes.remove(at: index)
        let missing = #expect(throws: ModelError.self) { try model.tensors() }
        #expect(missing?.description.contains(name) == true)
        var wrong = [shape + [2], [shape.reduce(1, *) * 2]]
        if shape.count == 2, shape[0] != shape[1] { wrong.append(shape.reversed()) }
        for other in wrong {
            model = SmallGGUF()
            model.shapes[index].shape = other
            let error = #expect(throws: ModelError.self, "\(name) \(other)") { try model.tensors() }
            #expect(error?.isOfContent == true)
            guard name != "token_embd.weight" else { continue }  // it also gives the vocabulary
            guard case .wrongShape(_, name, other, shape, _)? = error else {
                Issue.record("\(name) \(other): \(String(describing: error))")
                continue
            }
            let isTransposed = other == shape.reversed() && other != shape
            #expect(error?.description.contains("transposed") == isTransposed)
        }
    }

    @Test("A head of its own is used, unknown tensors are left alone, foreign weights refused")
    func furtherWeights() throws {
        var model = SmallGGUF()
        model.shapes.append(("output.weight", [16, 32]))
        #expect(try !model.configuration().tiedEmbeddings)
        #expect(try model.tensors()[.head]?.name == "output.weight")
        model.shapes.append(("rotary_emb.inv_freq", [4]))
        #expect(try model.tensors()[.head] != nil)
        // A bias of attention is taken where there is one, and then all that belong to it are needed.
        for (name, named) in [
            ("blk.0.attn_q.bias", "blk.0.attn_k.bias"), ("blk.0.attn_output.bias", "blk.1.attn_output.bias"),
            ("blk.0.attn_q_norm.weight", "blk.0.attn_q_norm.weight"),
            ("blk.0.ffn_gate_inp.weight", "blk.0.ffn_gate_inp.weight"), ("output.bias", "output.bias"),
        ] {
            model = SmallGGUF()
            model.shapes.append((name, [32]))
            let error = #expect(throws: ModelError.self) { try model.tensors() }
            #expect(error?.description.contains(named) == true)
        }
    }

    @Test("Rotary scaling: linear, YaRN, divisors, or a refusal")
    func rotaryScaling() throws {
        var model = SmallGGUF()
        model.values["llama.rope.scaling.factor"] = .float(3)
        #expect(try model.configuration().rotaryScaling == .linear(factor: 3))
        model.values["llama.rope.scaling.attn_factor"] = .float(1.5)
        #expect(try model.configuration().rotaryFactor == 1.5)
        model = SmallGGUF()
        model.values["llama.rope.scaling.type"] = .string("linear")
        #expect(throws: ModelError.self) { try model.configuration() }
        for bad: Float in [0, -1, .nan, .infinity, 1e-20, 1e20] {
            model.values["llama.rope.scaling.factor"] = .float(bad)
            #expect(throws: ModelError.self) { try model.configuration() }
        }
        model.values["llama.rope.scaling.factor"] = .float(4)
        #expect(try model.configuration().rotaryScaling == .linear(factor: 4))
        model.values["llama.rope.scaling.type"] = .string("yarn")
        guard case .yarn(4, 32, 1, 128, let magnitude, true) = try model.configuration().rotaryScaling else {
            Issue.record("no YaRN")
            return
        }
        #expect(abs(magnitude - 1.138629) < 1e-5)
        model.values["llama.rope.scaling.type"] = .string("nonsense")
        let error = #expect(throws: ModelError.self) { try model.configuration() }
        #expect(error?.description.contains("nonsense") == true)
        model.values["llama.rope.scaling.type"] = .string("yarn")
        model.values["llama.rope.scaling.factor"] = .float(1)
        #expect(try model.configuration().rotaryScaling == .none)
        model = SmallGGUF()
        model.values["llama.rope.scale_linear"] = .float(2)
        #expect(try model.configuration().rotaryScaling == .linear(factor: 2))

        model = SmallGGUF()
        model.shapes.append(("rope_freqs.weight", [4]))
        #expect(throws: ModelError.self) { try model.configuration() }  // all zero
        model.fill = 1
        #expect(try model.configuration().rotaryScaling == .divisors([1, 1, 1, 1]))
        model.values["llama.rope.scaling.type"] = .string("linear")
        #expect(throws: ModelError.self) { try model.configuration() }
        model.values["llama.rope.scaling.type"] = .string("none")
        model.shapes[model.shapes.count - 1].shape = [3]
        #expect(throws: ModelError.self) { try model.configuration() }
    }

    @Test("A sliding window is that of all layers; experts and attention to both sides are refused")
    func features() throws {
        var model = SmallGGUF()
        model.values["llama.attention.sliding_window"] = .uint32(64)
        #expect(try model.configuration().contextLength == 128)
        #expect(try model.configuration().layerKinds.map(\.window) == [64, 64])
        model.values["llama.attention.sliding_window_pattern"] = .uint32(2)
        #expect(try model.configuration().layerKinds.map(\.window) == [64, nil])
        model.values["llama.attention.sliding_window"] = .uint32(0)
        #expect(try model.configuration().layerKinds.map(\.window) == [nil, nil])
        // One as long as the trained context counts in longer ones.
        model.values["llama.attention.sliding_window"] = .uint32(128)
        #expect(try model.configuration().layerKinds.map(\.window) == [128, nil])
        model.values["llama.expert_count"] = .uint32(8)
        #expect(throws: ModelError.self) { try model.configuration() }
        model.values["llama.expert_count"] = .uint32(0)
        #expect(try model.configuration().layers == 2)
        model.values["llama.attention.causal"] = .bool(false)
        #expect(throws: ModelError.self) { try model.configuration() }
    }
}

/// A GGUF file of a tiny model in which single fields can be changed or left out.
struct SmallGGUF {
    /// A value that can be an argument of a test.
    enum Field: Sendable, CustomStringConvertible {
        case integer(Int)
        case float(Float)
        case string(String)

        var value: GGUFWriter.Value {
            switch self {
            case .integer(let value):
                value >= 0
                    ? .stored(.unsigned(UInt64(value), .uint64)) : .stored(.signed(Int64(value), .int64))
            case .float(let value): .float(value)
            case .string(let value): .string(value)
            }
        }

        var description: String {
            switch self {
            case .integer(let value): "\(value)"
            case .float(let value): "\(value)"
            case .string(let value): value
            }
        }
    }

    var architecture = "llama" { didSet { shapes = Self.shapes(biases: architecture == "qwen2") } }
    /// Replaces a value; nil leaves the key out.
    var values: [String: GGUFWriter.Value?] = [:]
    var shapes: [(name: String, shape: [Int])] = Self.shapes(biases: false)
    /// Every element of every tensor.
    var fill: Float = 0

    func file() throws -> GGUFFile {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(
            "small-\(UUID().uuidString).gguf"
        ).path
        defer { unlink(path) }
        try write(to: path)
        return try GGUFFile(path: path)
    }

    func configuration() throws -> ModelConfiguration { try ModelConfiguration(file()) }

    func tensors() throws -> ModelTensors {
        let file = try file()
        return try ModelTensors(ModelConfiguration(file), in: file)
    }

    func write(to path: String) throws {
        try write(to: path) { _, count in [Float](repeating: fill, count: count) }
    }

    /// Writes the file with the elements that `values` gives for a tensor's name and count.
    func write(to path: String, elements: (String, Int) -> [Float]) throws {
        let writer = try GGUFWriter(path: path)
        var fields: [(String, GGUFWriter.Value)] = [
            ("general.architecture", .string(architecture)), ("block_count", .uint32(2)),
            ("embedding_length", .uint32(32)), ("feed_forward_length", .uint32(64)),
            ("attention.head_count", .uint32(4)), ("attention.head_count_kv", .uint32(2)),
            ("context_length", .uint32(128)), ("attention.layer_norm_rms_epsilon", .float(1e-5)),
            ("rope.freq_base", .float(10_000)),
        ]
        for index in fields.indices.dropFirst() { fields[index].0 = "\(architecture).\(fields[index].0)" }
        for (key, value) in fields where !values.keys.contains(key) { try writer.set(key, value) }
        for (key, value) in values {
            if let value { try writer.set(key, value) }
        }
        for (name, shape) in shapes { try writer.declare(name, type: .f32, shape: shape) }
        for (name, shape) in shapes {
            try elements(name, shape.reduce(1, *)).withUnsafeBytes { try writer.append($0) }
        }
        try writer.finish()
    }

    private static func shapes(biases: Bool) -> [(name: String, shape: [Int])] {
        var result: [(name: String, shape: [Int])] = [("token_embd.weight", [16, 32])]
        for layer in 0..<2 {
            let weights: [(String, [Int])] = [
                ("attn_norm.weight", [32]), ("attn_q.weight", [32, 32]), ("attn_k.weight", [16, 32]),
                ("attn_v.weight", [16, 32]), ("attn_output.weight", [32, 32]), ("ffn_norm.weight", [32]),
                ("ffn_gate.weight", [64, 32]), ("ffn_up.weight", [64, 32]), ("ffn_down.weight", [32, 64]),
            ]
            let vectors: [(String, [Int])] = [
                ("attn_q.bias", [32]), ("attn_k.bias", [16]), ("attn_v.bias", [16]),
            ]
            result += (weights + (biases ? vectors : [])).map { ("blk.\(layer).\($0.0)", $0.1) }
        }
        return result + [("output_norm.weight", [32])]
    }
}
