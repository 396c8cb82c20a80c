import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTraining

/// Lets a model write the questions that it is asked: samples of what it expects after the header of a user's turn.
///
/// So a drafter can be distilled without a data set. Prompts are as good as the model's idea of its users; real ones are better.
public struct InventedPrompts {
    private let model: Model
    private let header: [Int32]
    /// Sampling of prompts; each has a seed of its own.
    public var temperature: Float = 1
    public var seed: UInt64 = 0
    /// Tokens of a prompt at most; longer ones are dropped, for they were cut.
    public var maximumTokens = 160

    /// - Throws: `RedrafterError.chatTemplate` where the model has no chat template that can be run.
    public init(_ model: Model) throws(RedrafterError) {
        self.model = model
        let marker = "question"
        let template = try model.chatTemplate()
        let segments = try wrapping(
            RedrafterError.chatTemplate, try template.render([ChatMessage(role: .user, content: marker)]))
        let end = segments.lastIndex(of: .content(marker)) ?? segments.endIndex
        header = model.tokenizer.encode(Array(segments[..<end])).tokens
    }

    /// Writes prompts as JSON lines with the member `prompt`, without repetitions.
    /// - Parameters:
    ///   - count: prompts wanted. Fewer come where the model repeats itself.
    ///   - path: the file to write.
    ///   - batch: prompts invented at the same time.
    ///   - cancellation: looked at before each pass.
    ///   - progress: receives the number of prompts that are there.
    /// - Returns: prompts written; nil where it was cancelled.
    public func write(
        _ count: Int, to path: String, batch: Int = BatchGenerator.maximumSequences,
        cancellation: CancellationFlag = CancellationFlag(), progress: (Int) -> Void = { _ in }
    ) throws(RedrafterError) -> Int? {
        let shape = DistillationShape(topCount: Self.choices, hiddenSize: 0)
        let generator = try BatchGenerator(model, sequences: batch, shape: shape)
        var prompts = [Int: String]()
        var seen = Set<String>()
        var item = 0
        try generator.run(
            next: { () throws(RedrafterError) in
                // A model with little to say must come to an end, too.
                guard prompts.count < count, item < count * Self.attemptsPerPrompt else { return nil }
                defer { item += 1 }
                return request(item)
            },
            finished: { answer in
                let text = String(decoding: model.tokenizer.decode(answer.tokens), as: UTF8.self).trimmed
                guard answer.isComplete, text.utf8.count >= Self.leastBytes, seen.insert(text).inserted else {
                    return
                }
                prompts[answer.item] = text
                progress(prompts.count)
            }, proceed: { _ in !cancellation.isCancelled })
        guard !cancellation.isCancelled else { return nil }
        let lines = prompts.sorted { $0.key < $1.key }.prefix(count)
        do {
            let file = try AtomicFile(path: path)
            for (item, text) in lines {
                let record = JSONValue.object(["id": .integer(item), "prompt": .string(text)])
                try file.write(record.encoded() + [0x0A])
            }
            try file.commit()
        } catch {
            throw .format(error)
        }
        return lines.count
    }

    private func request(_ item: Int) -> BatchGenerator.Request {
        var random = SplitMix(seed: seed, stream: UInt64(item))
        var sampling = SamplingParameters()
        sampling.temperature = temperature
        sampling.topK = Self.choices
        sampling.topP = 1
        sampling.minP = 0
        sampling.seed = random.next()
        return BatchGenerator.Request(
            DistilledAnswer(item: item, prompt: header, isGreedy: false), sampling: sampling,
            maximumTokens: maximumTokens)
    }

    /// Likeliest tokens that a sample chooses among.
    private static let choices = 64
    private static let attemptsPerPrompt = 4
    private static let leastBytes = 12
}

extension String {
    /// Without white space at the ends.
    fileprivate var trimmed: String {
        let start = firstIndex { !$0.isWhitespace } ?? endIndex
        guard start < endIndex, let last = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[start...last])
    }
}
