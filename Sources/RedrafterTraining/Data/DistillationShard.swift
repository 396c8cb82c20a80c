import RedrafterCore
import RedrafterFormats

/// A file of answers: safetensors with the tensors
///
/// | name | type | shape | |
/// |---|---|---|---|
/// | `answers` | I32 | `[answers, 5]` | item, tokens of the prompt, tokens of the answer, 1 for greedy, 1 for complete |
/// | `prompt_tokens` | I32 | `[all prompts]` | |
/// | `tokens` | I32 | `[all answers]` | |
/// | `top_tokens` | I32 | `[all answers, k]` | most likely first |
/// | `top_log_probs` | F16 | `[all answers, k]` | over the whole vocabulary |
/// | `hidden` | F16 | `[all answers, hidden]` | after the final norm; absent where it is recomputed |
public struct DistillationShard: Sendable {
    public let path: String
    public let shape: DistillationShape
    /// The answers in the order of the file.
    public let answers: [Answer]
    /// Tokens of all prompts, one after the other.
    public let promptTokens: [Int32]
    /// Tokens of all answers, one after the other.
    public let tokens: [Int32]
    private let file: MappedFile
    private let topTokens: Int  // offsets in the file
    private let topLogProbabilities: Int
    private let hidden: Int?

    /// Where an answer lies in the shard's arrays.
    public struct Answer: Sendable, Hashable {
        public let item: Int
        public let isGreedy: Bool
        public let isComplete: Bool
        /// In `promptTokens`.
        public let prompt: Range<Int>
        /// In `tokens`, and rows of everything that belongs to tokens.
        public let rows: Range<Int>
    }

    /// Opens a shard and checks that its parts fit together.
    /// - Parameters:
    ///   - path: the file.
    ///   - vocabularySize: of the model; every token must be below it.
    /// - Throws: `FormatError`.
    public init(path: String, vocabularySize: Int) throws(FormatError) {
        let source = try SafetensorsFile(path: path)
        self.path = path
        file = source.file
        let reader = Reader(source: source, path: path)
        let heads = try reader.integers("answers", columns: Self.answerFields)
        promptTokens = try reader.integers("prompt_tokens", columns: nil)
        tokens = try reader.integers("tokens", columns: nil)
        let top = try reader.matrix("top_tokens", .i32, rows: tokens.count)
        let logs = try reader.matrix("top_log_probs", .f16, rows: tokens.count, columns: top.columns)
        let states =
            source.allTensors.contains { $0.name == "hidden" }
            ? try reader.matrix("hidden", .f16, rows: tokens.count) : nil
        topTokens = top.offset
        topLogProbabilities = logs.offset
        hidden = states?.offset
        shape = DistillationShape(topCount: top.columns, hiddenSize: states?.columns ?? 0)
        var answers = [Answer]()
        var (prompt, row) = (0, 0)
        for fields in stride(from: 0, to: heads.count, by: Self.answerFields).map({ heads[$0..<$0 + 5] }) {
            let at = fields.startIndex
            let (promptCount, count) = (Int(fields[at + 1]), Int(fields[at + 2]))
            guard fields[at] >= 0, promptCount > 0, count > 0, promptCount <= promptTokens.count - prompt,
                count <= tokens.count - row
            else {
                throw .invalid(
                    file: path, field: "answer \(answers.count)", expected: "an item with its tokens",
                    got: "\(Array(fields))", offset: nil)
            }
            answers.append(
                Answer(
                    item: Int(fields[at]), isGreedy: fields[at + 3] != 0, isComplete: fields[at + 4] != 0,
                    prompt: prompt..<prompt + promptCount, rows: row..<row + count))
            prompt += promptCount
            row += count
        }
        guard prompt == promptTokens.count, row == tokens.count else {
            throw .invalid(
                file: path, field: "answers", expected: "\(tokens.count) tokens of answers in all",
                got: "\(row)",
                offset: nil)
        }
        self.answers = answers
        for (name, ids) in [("prompt_tokens", promptTokens), ("tokens", tokens)] {
            for id in ids where !(0..<vocabularySize).contains(Int(id)) {
                throw .invalid(
                    file: path, field: name, expected: "tokens below \(vocabularySize)", got: "\(id)",
                    offset: nil)
            }
        }
    }

    /// The model's most likely tokens at a row, most likely first, with natural logarithms of their probabilities.
    public func forEachTop(_ row: Int, _ body: (_ token: Int32, _ logProbability: Float) -> Void) {
        let count = shape.topCount
        let ids = file.bytes.baseAddress.unsafelyUnwrapped + topTokens + row * count * 4
        let logs = file.bytes.baseAddress.unsafelyUnwrapped + topLogProbabilities + row * count * 2
        for index in 0..<count {
            body(
                Int32(littleEndian: ids.loadUnaligned(fromByteOffset: index * 4, as: Int32.self)),
                Float(
                    halfBits: UInt16(
                        littleEndian: logs.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))))
        }
    }

    /// Writes the hidden state of a row. `[hidden]`; the shard must hold hidden states.
    public func copyHidden(_ row: Int, into output: UnsafeMutablePointer<Float>) {
        guard let hidden else { preconditionFailure("the shard holds no hidden states") }
        let bits = file.bytes.baseAddress.unsafelyUnwrapped + hidden + row * shape.hiddenSize * 2
        for index in 0..<shape.hiddenSize {
            output[index] = Float(
                halfBits: UInt16(littleEndian: bits.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
            )
        }
    }

    static let answerFields = 5

    /// Tensors of a shard, checked.
    private struct Reader {
        let source: SafetensorsFile
        let path: String

        func matrix(
            _ name: String, _ type: SafetensorsType, rows: Int? = nil, columns: Int? = nil
        ) throws(FormatError) -> (offset: Int, columns: Int, count: Int) {
            guard let info = source.allTensors.first(where: { $0.name == name }) else {
                throw .missingField(
                    file: path, field: "tensor \(name)", expected: "a shard of distillation data")
            }
            let found = info.shape.count == 1 ? 1 : info.shape.last ?? 0
            guard info.type == type, (1...2).contains(info.shape.count),
                rows == nil || (info.shape[0] == rows && info.shape.count == 2),
                columns == nil || found == columns, found > 0
            else {
                throw .invalid(
                    file: path, field: "tensor \(name)",
                    expected: "\(type.rawValue) with \(rows.map(String.init) ?? "any") rows",
                    got: "\(info.type.rawValue) \(info.shape)", offset: nil)
            }
            return (info.offset, found, info.shape[0] * found)
        }

        func integers(_ name: String, columns: Int?) throws(FormatError) -> [Int32] {
            let tensor = try matrix(name, .i32, columns: columns)
            return (0..<tensor.count).map {
                Int32(
                    littleEndian: source.file.bytes.loadUnaligned(
                        fromByteOffset: tensor.offset + $0 * 4, as: Int32.self))
            }
        }
    }
}

extension DistillationShard {
    /// Writes answers as a shard; the file appears complete or not at all.
    /// - Parameters:
    ///   - answers: at least one, all of this shape.
    ///   - shape: of all answers.
    ///   - path: the file.
    /// - Returns: the file's SHA-256, for the manifest.
    /// - Throws: what writing throws.
    @discardableResult
    public static func write(
        _ answers: [DistilledAnswer], shape: DistillationShape, to path: String
    ) throws(FormatError) -> String {
        var digest = SHA256()
        let writer = SafetensorsWriter(
            path: path, metadata: [("format", "redrafter-distillation")], observer: { digest.add($0) })
        let prompts = answers.reduce(0) { $0 + $1.prompt.count }
        let rows = answers.reduce(0) { $0 + $1.tokens.count }
        try writer.declare("answers", type: .i32, shape: [answers.count, answerFields])
        try writer.declare("prompt_tokens", type: .i32, shape: [prompts])
        try writer.declare("tokens", type: .i32, shape: [rows])
        try writer.declare("top_tokens", type: .i32, shape: [rows, shape.topCount])
        try writer.declare("top_log_probs", type: .f16, shape: [rows, shape.topCount])
        if shape.hiddenSize > 0 {
            try writer.declare("hidden", type: .f16, shape: [rows, shape.hiddenSize])
        }
        for answer in answers {
            try append(
                [
                    answer.item, answer.prompt.count, answer.tokens.count, answer.isGreedy ? 1 : 0,
                    answer.isComplete ? 1 : 0,
                ].map { Int32($0) }, to: writer)
        }
        for answer in answers { try append(answer.prompt, to: writer) }
        for answer in answers { try append(answer.tokens, to: writer) }
        for answer in answers { try append(answer.topTokens, to: writer) }
        for answer in answers { try append(answer.topLogProbabilities, to: writer) }
        if shape.hiddenSize > 0 { for answer in answers { try append(answer.hidden, to: writer) } }
        try writer.finish()
        return digest.finish()
    }

    private static func append<Value: FixedWidthInteger>(
        _ values: [Value], to writer: SafetensorsWriter
    ) throws(FormatError) {
        try values.map(\.littleEndian).withUnsafeBufferPointer { (values) throws(FormatError) in
            try writer.append(UnsafeRawBufferPointer(values))
        }
    }
}
