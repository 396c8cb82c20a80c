import Redrafter
import RedrafterCore
import RedrafterModels

/// Outputs of a model's layers for whole texts: what drafters with a context block read. They are computed, not stored with the data:
/// they would take a hundred times the room of the tokens.
final class TapReader {
    /// Ascending.
    let layers: [Int]
    private let runner: PassRunner
    /// Outputs of each layer for the text that was read last. `[contextLength, hidden]`
    private let outputs: [Tensor]

    /// - Throws: `RedrafterError.transformer` where memory is short.
    init(_ model: Model, layers: [Int]) throws(RedrafterError) {
        self.layers = layers
        do {
            let runner = try PassRunner(model.transformer, prefillChunk: model.prefillChunk)
            try runner.tap(Set(layers))
            self.runner = runner
            var outputs = [Tensor]()
            for _ in layers {
                outputs.append(
                    try wrapping(
                        TransformerError.backend,
                        try model.transformer.backend.makeTensor(
                            rows: model.contextLength, columns: model.configuration.hiddenSize)))
            }
            self.outputs = outputs
        } catch {
            throw .transformer(error)
        }
    }

    var stream: any ComputeStream { runner.stream }

    /// Computes a text of at least one token.
    /// - Throws: `RedrafterError.transformer`.
    func read(_ tokens: [Int32]) throws(RedrafterError) {
        runner.reset()
        var done = 0
        while done < tokens.count {
            let (count, output) = try wrapping(
                RedrafterError.transformer, try runner.prefillOnce(tokens[done...]))
            for (layer, target) in zip(layers, outputs) {
                guard let tap = output.taps[layer] else { preconditionFailure("layer \(layer) is tapped") }
                stream.gatherRows(tap, rows: Array(0..<count), into: target, at: done)
            }
            done += count
        }
    }

    /// Rows of the text that was read last, for a drafter.
    func confirmed(
        _ rows: Range<Int>, of text: [Int32], embedding: any WeightHandle
    ) -> ConfirmedRows {
        ConfirmedRows(
            start: rows.lowerBound, following: text[rows.lowerBound + 1...rows.upperBound],
            passRows: Array(rows)[...], taps: Dictionary(uniqueKeysWithValues: zip(layers, outputs)),
            embedding: embedding, stream: stream)
    }

    /// The first rows of the text that was read last, layers side by side. `[count, layers · hidden]`
    /// - Throws: `RedrafterError.backend`.
    func values(_ count: Int) throws(RedrafterError) -> [Float] {
        let parts = outputs.map { $0.prefix(count) }
        let columns = parts.reduce(0) { $0 + $1.columns }
        let joined = try wrapping(
            RedrafterError.backend,
            try runner.transformer.backend.makeTensor(rows: count, columns: columns))
        stream.concatenate(parts, into: joined)
        return try wrapping(RedrafterError.backend, try stream.withValues(joined) { Array($0) })
    }
}
