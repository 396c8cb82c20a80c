import RedrafterCore
import RedrafterFormats

/// A valid model of two layers as files: GGUF, or safetensors with `config.json` and `tokenizer.json`.
///
/// The same seed gives the same bytes everywhere, and both formats hold the same numbers: the query and key rows
/// are in Hugging Face's order in safetensors and in GGUF's (rotary pairs side by side) in GGUF.
/// To damage a file, change the knobs of the image it is written from.
public struct ToyModelFile: Sendable {
    /// Turns the rows of a matrix into blocks of a type.
    public typealias Encoder = @Sendable (WeightType, [Float]) -> [UInt8]

    public static let layers = 2
    public static let hiddenSize = 64
    public static let heads = 4
    public static let keyValueHeads = 2
    public static let headDimension = 16
    public static let feedForwardSize = 128
    public static let contextLength = 128
    public static let bos = ToyTokenizer.tokens.count - 3
    public static let eos = ToyTokenizer.tokens.count - 2

    /// Type of the matrices; norms are F32 in GGUF and of the same type in safetensors.
    public var type: WeightType
    /// Without `output.weight`.
    public var tiedEmbeddings: Bool
    public var seed: UInt64
    private let encode: Encoder

    /// - Parameters:
    ///   - type: of the matrices.
    ///   - tiedEmbeddings: without `output.weight`.
    ///   - seed: of the random weights.
    ///   - encode: writes blocks of `type`; needed for quantised types only.
    public init(
        type: WeightType = .f32, tiedEmbeddings: Bool = true, seed: UInt64 = 1, encode: Encoder? = nil
    ) {
        precondition(type.isFloat || encode != nil, "an encoder writes \(type.name)")
        self.type = type
        self.tiedEmbeddings = tiedEmbeddings
        self.seed = seed
        self.encode = encode ?? Self.encodeFloats
    }

    /// The model as GGUF.
    public func gguf() -> GGUFImage {
        var image = GGUFImage()
        image.pairs = Self.metadata
        image.tensors = matrices.map { matrix in
            var values = matrix.values
            if let heads = matrix.rotaryHeads { values = Self.pairNeighbours(values, heads: heads) }
            let type = matrix.shape.count == 1 ? .f32 : type
            return GGUFImage.Tensor(
                matrix.ggufName, type: type, shape: matrix.shape, data: encode(type, values))
        }
        return image
    }

    /// The model's weights as safetensors, of a float type.
    public func safetensors() -> SafetensorsImage {
        var image = SafetensorsImage()
        image.metadata = #"{"format":"pt"}"#
        for matrix in matrices {
            image.append(
                matrix.name, dtype: SafetensorsType(type)?.rawValue ?? "F32", shape: matrix.shape,
                data: encode(type, matrix.values))
        }
        return image
    }

    /// `config.json` as transformers writes it.
    public var configuration: String {
        """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
         "hidden_size": \(Self.hiddenSize), "intermediate_size": \(Self.feedForwardSize),
         "num_hidden_layers": \(Self.layers), "num_attention_heads": \(Self.heads),
         "num_key_value_heads": \(Self.keyValueHeads), "head_dim": \(Self.headDimension),
         "vocab_size": \(ToyTokenizer.tokens.count), "max_position_embeddings": \(Self.contextLength),
         "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "rope_scaling": null, "attention_bias": false,
         "mlp_bias": false, "tie_word_embeddings": \(tiedEmbeddings), "torch_dtype": "float32",
         "bos_token_id": \(Self.bos), "eos_token_id": \(Self.eos)}
        """
    }

    /// Writes `NAME.gguf`. - Returns: its path.
    @discardableResult
    public func writeGGUF(to directory: String, name: String = "toy") throws(FormatError) -> String {
        let path = "\(directory)/\(name).gguf"
        try Self.write(gguf().bytes, to: path)
        return path
    }

    /// Writes `model.safetensors`, `config.json` and `tokenizer.json` into an existing directory.
    public func writeHuggingFace(to directory: String) throws(FormatError) {
        try Self.write(safetensors().bytes, to: "\(directory)/model.safetensors")
        try Self.write(Array(configuration.utf8), to: "\(directory)/config.json")
        try Self.write(Array(ToyTokenizer.json.utf8), to: "\(directory)/tokenizer.json")
    }

    /// Writes bytes to a file.
    public static func write(_ bytes: [UInt8], to path: String) throws(FormatError) {
        let file = try AtomicFile(path: path)
        try file.write(bytes)
        try file.commit()
    }

    // MARK: Content

    private static var metadata: [GGUFImage.Pair] {
        [
            GGUFImage.string("general.architecture", "llama"),
            GGUFImage.string("general.name", "Toy"),
            GGUFImage.uint32("llama.block_count", UInt32(layers)),
            GGUFImage.uint32("llama.context_length", UInt32(contextLength)),
            GGUFImage.uint32("llama.embedding_length", UInt32(hiddenSize)),
            GGUFImage.uint32("llama.feed_forward_length", UInt32(feedForwardSize)),
            GGUFImage.uint32("llama.attention.head_count", UInt32(heads)),
            GGUFImage.uint32("llama.attention.head_count_kv", UInt32(keyValueHeads)),
            GGUFImage.float32("llama.attention.layer_norm_rms_epsilon", 1e-5),
            GGUFImage.float32("llama.rope.freq_base", 10_000),
            GGUFImage.uint32("llama.rope.dimension_count", UInt32(headDimension)),
            GGUFImage.uint32("llama.vocab_size", UInt32(ToyTokenizer.tokens.count)),
            GGUFImage.string("tokenizer.ggml.model", "gpt2"),
            GGUFImage.string("tokenizer.ggml.pre", "smollm"),
            GGUFImage.strings("tokenizer.ggml.tokens", ToyTokenizer.tokens.map { Array($0.utf8) }),
            GGUFImage.int32s("tokenizer.ggml.token_type", ToyTokenizer.kinds),
            GGUFImage.strings("tokenizer.ggml.merges", ToyTokenizer.merges.map { Array($0.utf8) }),
            GGUFImage.uint32("tokenizer.ggml.bos_token_id", UInt32(bos)),
            GGUFImage.uint32("tokenizer.ggml.eos_token_id", UInt32(eos)),
            GGUFImage.bool("tokenizer.ggml.add_bos_token", false),
            GGUFImage.string("tokenizer.chat_template", ToyTokenizer.chatTemplate),
        ]
    }

    private struct Matrix {
        var name: String
        var ggufName: String
        var shape: [Int]
        /// Heads of a matrix whose rows are rotated.
        var rotaryHeads: Int?
        var values: [Float]
    }

    private var matrices: [Matrix] {
        var random = SeededRandom(seed: seed)
        let hidden = Self.hiddenSize
        let keys = Self.keyValueHeads * Self.headDimension
        var result = [Matrix]()
        func add(_ name: String, _ ggufName: String, _ shape: [Int], rotaryHeads: Int? = nil) {
            let count = shape.reduce(1, *)
            let range: ClosedRange<Float> = shape.count == 1 ? 0.5...1.5 : -0.25...0.25
            let values = (0..<count).map { _ in Float.random(in: range, using: &random) }
            result.append(
                Matrix(
                    name: name + ".weight", ggufName: ggufName + ".weight", shape: shape,
                    rotaryHeads: rotaryHeads,
                    values: values))
        }
        add("model.embed_tokens", "token_embd", [ToyTokenizer.tokens.count, hidden])
        for layer in 0..<Self.layers {
            let (long, short) = ("model.layers.\(layer).", "blk.\(layer).")
            add(long + "input_layernorm", short + "attn_norm", [hidden])
            add(long + "self_attn.q_proj", short + "attn_q", [hidden, hidden], rotaryHeads: Self.heads)
            add(long + "self_attn.k_proj", short + "attn_k", [keys, hidden], rotaryHeads: Self.keyValueHeads)
            add(long + "self_attn.v_proj", short + "attn_v", [keys, hidden])
            add(long + "self_attn.o_proj", short + "attn_output", [hidden, hidden])
            add(long + "post_attention_layernorm", short + "ffn_norm", [hidden])
            add(long + "mlp.gate_proj", short + "ffn_gate", [Self.feedForwardSize, hidden])
            add(long + "mlp.up_proj", short + "ffn_up", [Self.feedForwardSize, hidden])
            add(long + "mlp.down_proj", short + "ffn_down", [hidden, Self.feedForwardSize])
        }
        add("model.norm", "output_norm", [hidden])
        if !tiedEmbeddings { add("lm_head", "output", [ToyTokenizer.tokens.count, hidden]) }
        return result
    }

    /// Hugging Face turns (i, i + d/2) of a head, GGUF's llama (2i, 2i + 1): row 2i + j is row j · d/2 + i.
    private static func pairNeighbours(_ values: [Float], heads: Int) -> [Float] {
        let columns = hiddenSize
        let half = headDimension / 2
        var result = [Float]()
        for head in 0..<heads {
            for pair in 0..<half {
                for part in 0..<2 {
                    let row = head * headDimension + part * half + pair
                    result += values[row * columns..<(row + 1) * columns]
                }
            }
        }
        return result
    }

    /// F32, F16 and BF16, rounded to nearest even.
    static func encodeFloats(_ type: WeightType, _ values: [Float]) -> [UInt8] {
        switch type {
        case .f16: values.flatMap { GGUFImage.encode(Float16($0).bitPattern) }
        case .bf16:
            values.flatMap { value in
                let bits = value.bitPattern
                return GGUFImage.encode(UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16))
            }
        default: values.flatMap { GGUFImage.encode($0.bitPattern) }
        }
    }
}
