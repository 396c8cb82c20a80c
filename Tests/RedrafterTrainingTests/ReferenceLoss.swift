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
        return sum / weightSum
    }

    /// `[L][vocabulary]`
    func logProbabilities(_ batch: DraftBatch, _ position: Int) -> [[Double]] {
        let size = batch.hiddenSize
        let h = batch.hidden[position * size..<(position + 1) * size].map(Double.init)
        var state = [Double](repeating: 0, count: size)
        return (0..<batch.draftLength).map { step in
            guard let recurrent else { return head(h, index: step) }
            let token = Int(batch.tokens[position * batch.draftLength + step])
            let embedded = embedding[token * size..<(token + 1) * size].map(Double.init)
            state = next(state, embedded)
            guard recurrent.hasInputProjection else { return head(h + state, index: 0) }
            let projected = linear(.inputProjection, h + state, bias: .inputProjectionBias)
            return head(projected, index: 0)
        }
    }

    private func next(_ state: [Double], _ embedded: [Double]) -> [Double] {
        guard recurrent?.isRecurrent == true else { return zip(state, embedded).map(+) }
        return zip(linear(.token, embedded), linear(.state, state, bias: .stateBias)).map { silu($0 + $1) }
    }

    private func head(_ input: [Double], index: Int) -> [Double] {
        var x = input
        for layer in 0..<layers {
            let gate = linear(
                .block(head: index, layer: layer), x, bias: .blockBias(head: index, layer: layer))
            x = zip(x, gate).map { $0 + silu($1) }
        }
        let logits = linear(.output(head: index), x)
        let largest = logits.max() ?? 0
        let logSum = largest + log(logits.reduce(0) { $0 + exp($1 - largest) })
        return logits.map { $0 - logSum }
    }

    private func linear(_ role: DrafterRole, _ x: [Double], bias: DrafterRole? = nil) -> [Double] {
        let entry = layout[role]
        return (0..<entry.shape[0]).map { row in
            let start = entry.offset + row * x.count
            let sum = bias.map { parameters[layout[$0].offset + row] } ?? 0
            return x.indices.reduce(sum) { $0 + parameters[start + $1] * x[$1] }
        }
    }

    private func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
}
