import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining

extension TrainingRun {
    /// What the drafter predicts: the vocabulary of the drafter that it begins with, else the most frequent tokens.
    /// - Parameters:
    ///   - data: of the run.
    ///   - size: tokens wanted; 0 for all.
    ///   - start: what the drafter begins with.
    static func vocabulary(
        of data: DistillationData, size: Int, start: DrafterWeights?
    ) throws(DistillationError) -> DraftVocabulary {
        let all = data.manifest.fingerprint.vocabularySize
        if let start {
            try wrapping(
                DistillationError.drafter,
                try start.fingerprint?.check(against: data.manifest.fingerprint, drafter: start.path))
            let tokens = start.draftVocabulary ?? (0..<Int32(start.configuration.vocabularySize)).map { $0 }
            guard tokens.allSatisfy({ (0..<Int32(all)).contains($0) }) else {
                throw .drafter(
                    .mismatch(
                        drafter: start.path, what: "vocabulary", got: "\(start.configuration.vocabularySize)",
                        expected: "at most \(all)"))
            }
            return DraftVocabulary(tokens: tokens, counting: data)
        }
        guard size > 0, size < all else {
            return DraftVocabulary(tokens: (0..<Int32(all)).map { $0 }, vocabularySize: all)
        }
        return DraftVocabulary(counting: data, size: size)
    }

    /// The first weights: random ones and the model's, then those of another drafter where it has them.
    func begin(_ start: DrafterWeights?) throws(DistillationError) {
        let head = try wrapping(DistillationError.model, try model.headRows())
        let hidden = model.configuration.hiddenSize
        var rows = [Float]()
        rows.reserveCapacity(reader.vocabulary.tokens.count * hidden)
        for token in reader.vocabulary.tokens {
            rows.append(contentsOf: head[Int(token) * hidden..<(Int(token) + 1) * hidden])
        }
        let parts = try wrapping(DistillationError.model, try model.parts())
        var values = rows.withUnsafeBufferPointer { rows in
            trainer.initialParameters(
                ModelParts(headRows: rows) { parts[$0, default: []] }, seed: settings.seed)
        }
        if let start {
            try wrapping(DistillationError.training, try trainer.layout.take(start, into: &values))
        }
        _ = parameters.values.update(fromContentsOf: values)
    }
}
