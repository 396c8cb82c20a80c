import DrafterHeads
import RecurrentDrafter
import RedrafterFormats
import RedrafterTraining

extension RecurrentTrainer {
    /// | part | at first |
    /// |---|---|
    /// | `rnn_w`, `rnn_u` | random, variance 1 / hidden |
    /// | residual blocks, biases | 0: x passes unchanged |
    /// | h half of `input_proj` | the identity; with an exit smaller than h, orthonormal random rows R |
    /// | s half of `input_proj` | random, a hundredth of the variance of `rnn_w` |
    /// | LM head | the model's rows, 0 for what x has beyond h; with a smaller exit, the model's rows times Rᵀ |
    /// | norms of the taps | the model's final norm |
    /// | context block: its input | the identity for the last tap, else 0 |
    /// | its decoder layer | the model's last one, but its two output matrices are 0 |
    /// | where it adds to the hidden state | the norms are the model's final one, the projection is 0 |
    /// | votes of a match of m tokens | 0.5 m − 1.9, of 8 tokens at most, with the power 2.3: about what is learnt |
    ///
    /// So logits begin as those of the model for h (where the last tap is the last layer's), or of their projection onto R.
    public func initialParameters(_ model: ModelParts, seed: UInt64) -> [Float] {
        let headRows = model.headRows
        let (hidden, exit) = (configuration.hiddenSize, configuration.exitDimension)
        precondition(headRows.count == configuration.vocabularySize * hidden, "rows of another head")
        var values = [Float](repeating: 0, count: layout.count)
        var random = InitialValues(seed: seed)
        let scale = 1 / Float(hidden).squareRoot()
        if configuration.isRecurrent {
            random.fill(&values, layout[.token].range, deviation: scale)
            random.fill(&values, layout[.state].range, deviation: scale)
        }
        let basis = exit < hidden ? orthonormalRows(exit, hidden, &random) : nil
        if configuration.hasInputProjection {
            let start = layout[.inputProjection].offset
            for row in 0..<exit {
                let (h, s) = (start + row * 2 * hidden, start + (row * 2 + 1) * hidden)
                random.fill(&values, s..<s + hidden, deviation: scale / 10)
                if let basis {
                    values.replaceSubrange(h..<h + hidden, with: basis[row])
                } else if row < hidden {
                    values[h + row] = 1
                }
            }
        }
        let head = layout[.output(head: 0)].offset
        for row in 0..<configuration.vocabularySize {
            let source = headRows[row * hidden..<(row + 1) * hidden]
            let start = head + row * exit
            if let basis {
                for (column, direction) in basis.enumerated() {
                    values[start + column] = zip(source, direction).reduce(0) { $0 + $1.0 * $1.1 }
                }
            } else {
                values.replaceSubrange(start..<start + hidden, with: source)
            }
        }
        if let context = configuration.context { begin(context, model, &values) }
        if configuration.copyLengths > 0 {
            let votes = layout[.copyVotes]
            for index in 0..<votes.count {
                values[votes.offset + index] = 0.5 * Float(min(index + 1, 8)) - 1.9
            }
            values[layout[.copyPower].offset] = 2.3
        }
        return values
    }

    private func begin(_ sizes: ContextBlockSizes, _ model: ModelParts, _ values: inout [Float]) {
        let hidden = configuration.hiddenSize
        if sizes.normalizesTaps {
            let norm = model[.finalNorm]
            for tap in sizes.taps.indices {
                values.replaceSubrange(layout[.tapNorm(tap)].range, with: norm)
            }
        }
        let columns = (sizes.taps.count + 1) * hidden
        let input = layout[.contextInput].offset + (sizes.taps.count - 1) * hidden
        for row in 0..<hidden { values[input + row * columns + row] = 1 }
        if sizes.addsToHidden {
            for role in [DrafterRole.contextHiddenNorm, .contextOutputNorm] {
                values.replaceSubrange(layout[role].range, with: model[.finalNorm])
            }
        }
        guard sizes.layer != nil else { return }
        let parts: [(DrafterRole, ModelParts.Part)] = [
            (.contextAttentionNorm, .attentionNorm), (.contextFeedForwardNorm, .feedForwardNorm),
            (.contextQuery, .query), (.contextKey, .key), (.contextValue, .value), (.contextGate, .gate),
            (.contextUp, .up),
        ]
        for (role, part) in parts { values.replaceSubrange(layout[role].range, with: model[part]) }
    }

    /// Random directions at right angles to each other (Gram and Schmidt). `[count][size]`
    private func orthonormalRows(_ count: Int, _ size: Int, _ random: inout InitialValues) -> [[Float]] {
        var rows = [[Float]]()
        while rows.count < count {
            var row = (0..<size).map { _ in random.next(deviation: 1) }
            for other in rows {
                let overlap = zip(row, other).reduce(Float(0)) { $0 + $1.0 * $1.1 }
                for index in row.indices { row[index] -= overlap * other[index] }
            }
            let norm = row.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
            // A direction that is nearly spanned by the others has lost its digits: take another.
            guard norm > 1e-3 else { continue }
            rows.append(row.map { $0 / norm })
        }
        return rows
    }
}
