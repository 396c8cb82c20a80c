import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining

extension TrainingRun {
    /// Refuses a drafter that no run for this model can begin with.
    static func check(
        _ start: DrafterWeights, for model: Model, _ kind: String
    ) throws(DistillationError) {
        try wrapping(DistillationError.drafter, try start.check(against: model.draftTarget))
        try wrapping(DistillationError.training, try start.check(isOf: kind))
    }

    /// What the drafter predicts: the vocabulary of the drafter that it begins with, else the most frequent tokens.
    /// - Parameters:
    ///   - data: of the run.
    ///   - modelSize: the model's vocabulary; that of the data may be padded otherwise.
    ///   - size: tokens wanted; 0 for all.
    ///   - start: what the drafter begins with; it suits the model.
    static func vocabulary(
        of data: DistillationData, modelSize: Int, size: Int, start: DrafterWeights?
    ) -> DraftVocabulary {
        let all = min(modelSize, data.manifest.fingerprint.vocabularySize)
        if let start {
            let tokens = start.draftVocabulary ?? (0..<Int32(start.configuration.vocabularySize)).map { $0 }
            return DraftVocabulary(tokens: tokens.filter { $0 < all }, counting: data)
        }
        guard size > 0, size < all else {
            return DraftVocabulary(tokens: (0..<Int32(all)).map { $0 }, counting: data)
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
        let parts = trainer.taps.isEmpty ? [:] : try wrapping(DistillationError.model, try model.parts())
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
