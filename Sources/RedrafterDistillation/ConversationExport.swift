import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTraining

/// Writes a data set's answers as the conversations that the reference trainer of ReDrafter reads (ShareGPT's JSON), so that a
/// drafter can be trained on the same answers elsewhere.
public struct ConversationExport {
    /// What was written.
    public struct Report: Sendable, Hashable {
        public var written = 0
        /// Answers left out, by reason.
        public var skipped: [String: Int] = [:]
        /// What is odd about the data but no error, one sentence each.
        public var warnings: [String] = []
    }

    /// - Parameters:
    ///   - directory: data of `AnswerGeneration`.
    ///   - prompts: the prompts that the answers were made from.
    ///   - model: the model that made them; its tokenizer turns them into text.
    ///   - path: the file to write.
    ///   - onCheck: called with the bytes to read, before that takes seconds.
    /// - Throws: `DistillationError.drafter(.mismatch)` where the data are another model's, `.format` where the prompts are
    ///   others, a shard has changed, or a file cannot be read or written.
    public static func write(
        data directory: String, prompts: PromptSet, model: Model, to path: String,
        onCheck: (Int) -> Void = { _ in }
    ) throws(DistillationError) -> Report {
        let data = try wrapping(
            DistillationError.format, try DistillationData(directory: directory, onCheck: onCheck))
        try wrapping(
            DistillationError.drafter,
            try data.manifest.fingerprint.check(against: model.fingerprint, drafter: directory))
        let settings = data.manifest.settings
        guard settings["prompts_digest"]?.string == prompts.digest else {
            throw .format(
                .invalid(
                    file: "\(directory)/\(DistillationManifest.fileName)", field: "prompts_digest",
                    expected: "that of \(prompts.name), \(prompts.digest)",
                    got: settings["prompts_digest"]?.string ?? "absent", offset: nil))
        }
        let textIsQuestion = settings["text_is_question"]?.bool ?? false
        do {
            let export = try ShareGPTExport(path: path)
            var report = Report(warnings: data.manifest.warnings)
            for shard in data.shards {
                for answer in shard.answers {
                    let prompt = prompts.prompts[answer.item % prompts.prompts.count]
                    guard let messages = messages(prompt, textIsQuestion) else {
                        report.skipped["the prompt is not a conversation", default: 0] += 1
                        continue
                    }
                    let bytes = model.tokenizer.decode(shard.tokens[answer.rows])
                    let text = String(decoding: bytes, as: UTF8.self)
                    try export.append(id: "\(prompt.name)-\(answer.item)", messages + [("assistant", text)])
                }
            }
            try export.finish()
            report.written = export.written
            report.skipped.merge(export.skipped) { $0 + $1 }
            return report
        } catch {
            throw .training(error)
        }
    }

    private static func messages(_ prompt: ComparisonPrompt, _ textIsQuestion: Bool) -> [ShareGPTExport
        .Message]?
    {
        switch prompt.content {
        case .messages(let messages): messages.map { ($0.role.rawValue, $0.content) }
        case .text(let text): textIsQuestion ? [("user", text)] : nil
        case .tokens: nil
        }
    }
}
