import DrafterHeads
import MedusaDrafter
import RecurrentDrafter
import RedrafterFormats
import RedrafterPlatform
import RedrafterTraining

/// The equations of both drafters written out in double precision, one position and one step at a time.
struct ReferenceLoss {
    let layout: ParameterLayout
    private let recurrent: RecurrentConfiguration?
    private let layers: Int
    let embedding: [Float]
    var parameters: [Double]

    init(_ layout: ParameterLayout, parameters: [Float], embedding: [Float]) {
        self.layout = layout
        recurrent = layout.configuration as? RecurrentConfiguration
        layers = recurrent?.layers ?? (layout.configuration as? MedusaConfiguration)?.layers ?? 0
        self.parameters = parameters.map(Double.init)
        self.embedding = embedding
    }

    /// The weighted mean of the loss.
    func loss(_ batch: DraftBatch) -> Double {
        var (sum, weightSum) = (0.0, 0.0)
        for position in 0..<batch.count {
            let rows = logProbabilities(batch, position)
            for step in 0..<batch.draftLength {
                let term = position * batch.draftLength + step
                let weight = Double(batch.weights[term])
                weightSum += weight
                for label in term * batch.labelsPerStep..<(term + 1) * batch.labelsPerStep {
                    let row = Int(batch.labelRows[label])
                    guard row >= 0 else { continue }
                    sum -= weight * Double(batch.labelProbabilities[label]) * rows[step][row]
                }
            }
        }
        return sum / weightSum + stateLoss(batch)
    }

    private func stateLoss(_ batch: DraftBatch) -> Double {
        guard batch.stateWeight > 0, let context = recurrent?.context, let texts = batch.texts else {
            return 0
        }
        let reference = ReferenceContext(context, layout, parameters, embedding)
        var errors = [Double]()
        for text in 0..<texts.count {
            for row in texts.starts[text]..<texts.starts[text + 1] - 1 {
                errors.append(reference.stateError(batch, row))
            }
        }
        return Double(batch.stateWeight) * errors.reduce(0, +) / Double(errors.count)
    }

    /// `[L][vocabulary]`
    func logProbabilities(_ batch: DraftBatch, _ position: Int) -> [[Double]] {
        let size = batch.hiddenSize
        let context = recurrent?.context.map { ReferenceContext($0, layout, parameters, embedding) }
        let h =
            context?.hidden(batch, position)
            ?? batch.hidden[position * size..<(position + 1) * size].map(Double.init)
        let addition = context?.addition(batch, position)
        var state = [Double](repeating: 0, count: size)
        return (0..<batch.draftLength).map { step in
            guard let recurrent else { return head(h, index: step) }
            let token = Int(batch.tokens[position * batch.draftLength + step])
            let embedded = embedding[token * size..<(token + 1) * size].map(Double.init)
            state = next(state, embedded)
            var x = h + state
            if recurrent.hasInputProjection {
                x = linear(.inputProjection, x, bias: .inputProjectionBias)
            }
            if let addition { x = zip(x, addition).map(+) }
            let term = position * batch.draftLength + step
            return head(x, index: 0, adding: votes(batch, term, rows: recurrent.vocabularySize))
        }
    }

    private func next(_ state: [Double], _ embedded: [Double]) -> [Double] {
        guard recurrent?.isRecurrent == true else { return zip(state, embedded).map(+) }
        return zip(linear(.token, embedded), linear(.state, state, bias: .stateBias)).map { silu($0 + $1) }
    }

    /// What earlier places of the text add to the logits.
    private func votes(_ batch: DraftBatch, _ term: Int, rows: Int) -> [Double]? {
        guard let matches = batch.matches, (recurrent?.copyLengths ?? 0) > 0 else { return nil }
        var sums = [Double](repeating: 0, count: rows)
        for match in Int(matches.starts[term])..<Int(matches.starts[term + 1]) {
            let length = Int(matches.lengths[match])
            sums[Int(matches.rows[match])] += exp(parameters[layout[.copyVotes].offset + length - 1])
        }
        return sums.map { parameters[layout[.copyPower].offset] * log(1 + $0) }
    }

    private func head(_ input: [Double], index: Int, adding votes: [Double]? = nil) -> [Double] {
        var x = input
        for layer in 0..<layers {
            let gate = linear(
                .block(head: index, layer: layer), x, bias: .blockBias(head: index, layer: layer))
            x = zip(x, gate).map { $0 + silu($1) }
        }
        var logits = linear(.output(head: index), x)
        if let votes { logits = zip(logits, votes).map(+) }
        let largest = logits.max() ?? 0
        let logSum = largest + log(logits.reduce(0) { $0 + exp($1 - largest) })
        return logits.map { $0 - logSum }
    }

    private func linear(_ role: DrafterRole, _ x: [Double], bias: DrafterRole? = nil) -> [Double] {
        let sums = layout.product(parameters, role, x)
        guard let bias else { return sums }
        return sums.indices.map { sums[$0] + parameters[layout[bias].offset + $0] }
    }
}

/// The context block written out, one row at a time.
private struct ReferenceContext {
    private let sizes: ContextBlockSizes
    private let layout: ParameterLayout
    private let parameters: [Double]
    private let embedding: [Float]

    init(
        _ sizes: ContextBlockSizes, _ layout: ParameterLayout, _ parameters: [Double], _ embedding: [Float]
    ) {
        (self.sizes, self.layout, self.parameters, self.embedding) = (sizes, layout, parameters, embedding)
    }

    /// h of a position.
    func hidden(_ batch: DraftBatch, _ position: Int) -> [Double] {
        let row = Int(batch.texts?.positionRows[position] ?? 0)
        return sizes.addsToHidden ? norm(lastTap(batch, row), .contextHiddenNorm) : output(batch, row)
    }

    /// What is added to the input of blocks and head; nil for nothing.
    func addition(_ batch: DraftBatch, _ position: Int) -> [Double]? {
        let row = Int(batch.texts?.positionRows[position] ?? 0)
        return sizes.addsToHidden
            ? linear(.contextProjection, norm(output(batch, row), .contextOutputNorm)) : nil
    }

    /// The mean squared difference of u from the last tap of the next row, both divided by their root mean square.
    func stateError(_ batch: DraftBatch, _ row: Int) -> Double {
        let errors = zip(scaled(output(batch, row)), scaled(lastTap(batch, row + 1))).map {
            ($0 - $1) * ($0 - $1)
        }
        return errors.reduce(0, +) / Double(errors.count)
    }

    private func lastTap(_ batch: DraftBatch, _ row: Int) -> [Double] {
        let (size, taps) = (batch.hiddenSize, batch.texts?.taps ?? 0)
        let start = (row * taps + taps - 1) * size
        return (batch.texts?.outputs ?? [])[start..<start + size].map(Double.init)
    }

    /// u of a row.
    private func output(_ batch: DraftBatch, _ row: Int) -> [Double] {
        guard let texts = batch.texts else { return [] }
        let first = texts.starts.last { $0 <= row } ?? 0
        let inputs = (first...row).map { input(texts, $0, size: batch.hiddenSize) }
        guard let layer = sizes.layer, let last = inputs.last else { return inputs.last ?? [] }
        let normed = inputs.map { norm($0, .contextAttentionNorm) }
        var x = zip(last, linear(.contextAttentionOutput, attention(normed, layer))).map(+)
        let second = norm(x, .contextFeedForwardNorm)
        let gated = zip(linear(.contextGate, second), linear(.contextUp, second)).map { silu($0) * $1 }
        x = zip(x, linear(.contextDown, gated)).map(+)
        return x
    }

    private func input(_ texts: BatchTexts, _ row: Int, size: Int) -> [Double] {
        var joined = [Double]()
        for tap in 0..<texts.taps {
            let start = (row * texts.taps + tap) * size
            let values = texts.outputs[start..<start + size].map(Double.init)
            joined += sizes.normalizesTaps ? norm(values, .tapNorm(tap)) : values
        }
        let token = Int(texts.following[row])
        return linear(.contextInput, joined + embedding[token * size..<(token + 1) * size].map(Double.init))
    }

    /// Of the last row over all.
    private func attention(_ rows: [[Double]], _ layer: ContextBlockSizes.Layer) -> [Double] {
        let d = layer.headDimension
        let keys = rows.enumerated().map { turned(linear(.contextKey, $1), at: $0, d, layer.rotaryBase) }
        let values = rows.map { linear(.contextValue, $0) }
        let queries = turned(
            linear(.contextQuery, rows[rows.count - 1]), at: rows.count - 1, d, layer.rotaryBase)
        return (0..<layer.heads).flatMap { head in
            let group = head / (layer.heads / layer.keyValueHeads) * d
            let scores = keys.map { key in
                (0..<d).reduce(0.0) { $0 + queries[head * d + $1] * key[group + $1] } / Double(d).squareRoot()
            }
            let total = scores.reduce(0) { $0 + exp($1) }
            return (0..<d).map { column in
                zip(scores, values).reduce(0.0) { $0 + exp($1.0) / total * $1.1[group + column] }
            }
        }
    }

    private func turned(_ x: [Double], at position: Int, _ d: Int, _ base: Float) -> [Double] {
        var result = x
        for head in stride(from: 0, to: x.count, by: d) {
            for pair in 0..<d / 2 {
                let angle = Double(position) * pow(Double(base), -2 * Double(pair) / Double(d))
                let (low, high) = (x[head + pair], x[head + d / 2 + pair])
                result[head + pair] = low * cos(angle) - high * sin(angle)
                result[head + d / 2 + pair] = high * cos(angle) + low * sin(angle)
            }
        }
        return result
    }

    private func norm(_ x: [Double], _ role: DrafterRole) -> [Double] {
        zip(scaled(x), x.indices).map { $0 * parameters[layout[role].offset + $1] }
    }

    private func scaled(_ x: [Double]) -> [Double] {
        let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
        return x.map { $0 / (mean + Double(sizes.normEpsilon)).squareRoot() }
    }

    private func linear(_ role: DrafterRole, _ x: [Double]) -> [Double] {
        layout.product(parameters, role, x)
    }
}

extension ParameterLayout {
    fileprivate func product(_ parameters: [Double], _ role: DrafterRole, _ x: [Double]) -> [Double] {
        let entry = self[role]
        return (0..<entry.shape[0]).map { row in
            let start = entry.offset + row * x.count
            return x.indices.reduce(0) { $0 + parameters[start + $1] * x[$1] }
        }
    }
}

private func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
