import HeadTraining
import RecurrentDrafter
import RedrafterFormats
import RedrafterTraining

/// One chunk of positions through the recurrent drafter, forward and backward.
///
/// States lie step by step, so that all steps share one product with `rnn_w` and each step is a matrix of its own:
///
///     step 0: position 0, 1, … n − 1 | step 1: position 0, 1, … | … | step L − 1     [L · n, hidden]
///
/// Only rows with a loss term go on to the projection and the head.
struct RecurrentPass {
    private let chunk: TrainingChunk
    private let configuration: RecurrentConfiguration
    private let condition: PositionCondition
    private let terms: [Int32]
    /// Which row of the states each term belongs to, and which position. `[terms]`
    private let stateRows: [Int32]
    private let positionRows: [Int32]
    private let positions: Int
    private let steps: Int

    /// - Parameters:
    ///   - chunk: the positions.
    ///   - configuration: of the drafter.
    ///   - condition: of the positions; receives their gradient.
    ///   - terms: indices of the loss terms.
    init(
        _ chunk: TrainingChunk, configuration: RecurrentConfiguration, _ condition: PositionCondition,
        terms: [Int32]
    ) {
        self.chunk = chunk
        self.condition = condition
        self.configuration = configuration
        self.terms = terms
        positions = chunk.positions.count
        steps = chunk.batch.draftLength
        let (length, count) = (Int32(steps), Int32(positions))
        positionRows = terms.map { [first = Int32(chunk.positions.lowerBound)] in $0 / length - first }
        stateRows = zip(terms, positionRows).map { term, position in term % length * count + position }
    }

    func run(into result: inout BatchResult) {
        let embedded = embeddings()
        let states = chunk.scratch.matrix(embedded.rows, embedded.columns)
        let sums = configuration.isRecurrent ? recur(embedded, into: states) : add(embedded, into: states)
        let selected = chunk.scratch.matrix(terms.count, configuration.hiddenSize)
        stateRows.withUnsafeBufferPointer { selected.gather(states, rows: $0) }
        let copies =
            configuration.copyLengths > 0 ? CopyPass(chunk, votes: .copyVotes, power: .copyPower) : nil
        let head = ResidualHeadPass(
            chunk, head: 0, layers: configuration.layers, terms: terms, copies: copies)
        guard let gradient = head.run(headInput(selected), into: &result) else { return }
        let selectedGradient = inputGradient(gradient, selected)
        guard let sums else { return }
        let stateGradients = chunk.scratch.matrix(states.rows, states.columns)
        stateGradients.clear()
        stateRows.withUnsafeBufferPointer { stateGradients.scatterAdd(selectedGradient, rows: $0) }
        recurBack(stateGradients, states: states, sums: sums, embedded: embedded)
    }

    /// E[token] of every step. `[L · n, hidden]`
    private func embeddings() -> Matrix {
        var tokens = [Int32]()
        tokens.reserveCapacity(steps * positions)
        for step in 0..<steps {
            for position in chunk.positions { tokens.append(chunk.batch.tokens[position * steps + step]) }
        }
        let embedded = chunk.scratch.matrix(tokens.count, configuration.hiddenSize)
        tokens.withUnsafeBufferPointer { embedded.gather(chunk.embedding, rows: $0) }
        return embedded
    }

    /// Rows of a step.
    private func rows(_ step: Int) -> Range<Int> { step * positions..<(step + 1) * positions }

    /// s_t = SiLU(rnn_w E + rnn_u s_{t−1} + b)
    /// - Returns: what SiLU was applied to. `[L · n, hidden]`
    private func recur(_ embedded: Matrix, into states: Matrix) -> Matrix? {
        let sums = chunk.scratch.matrix(embedded.rows, embedded.columns)
        sums.fill(rows: chunk.parameter(.stateBias).base)
        sums.assign(embedded, timesTransposed: chunk.parameter(.token), accumulates: true)
        for step in 0..<steps {
            let sum = sums[rows: rows(step)]
            if step > 0 {
                sum.assign(
                    states[rows: rows(step - 1)], timesTransposed: chunk.parameter(.state), accumulates: true)
            }
            states[rows: rows(step)].assign(siluOf: sum)
        }
        return sums
    }

    /// s_t = E + s_{t−1}, which has no parameters.
    private func add(_ embedded: Matrix, into states: Matrix) -> Matrix? {
        states.copy(embedded)
        for step in 1..<max(steps, 1) { states[rows: rows(step)].add(states[rows: rows(step - 1)]) }
        return nil
    }

    /// Back through the steps.
    /// - Parameter gradients: with respect to each state from its own step; overwritten.
    private func recurBack(_ gradients: Matrix, states: Matrix, sums: Matrix, embedded: Matrix) {
        for step in (0..<steps).reversed() {
            let gradient = gradients[rows: rows(step)]
            gradient.assign(siluGradientAt: sums[rows: rows(step)], upstream: gradient)
            guard step > 0 else { break }
            gradients[rows: rows(step - 1)]
                .assign(gradient, times: chunk.parameter(.state), accumulates: true)
        }
        chunk.gradient(.token)?.add(transposed: gradients, times: embedded)
        if let bias = chunk.gradient(.stateBias) { gradients.addColumnSums(to: bias.base) }
        guard steps > 1 else { return }
        chunk.gradient(.state)?.add(
            transposed: gradients[rows: positions..<gradients.rows],
            times: states[rows: 0..<states.rows - positions])
    }

    /// [h, s] of each term, projected where there is a projection, plus what is added. `[terms, exit]`
    ///
    /// The projection of h is computed once for all steps of a position.
    private func headInput(_ selected: Matrix) -> Matrix {
        let size = configuration.hiddenSize
        let input = chunk.scratch.matrix(terms.count, configuration.exitDimension)
        let shared = chunk.scratch.matrix(positions, configuration.exitDimension)
        if configuration.hasInputProjection {
            shared.fill(rows: chunk.parameter(.inputProjectionBias).base)
            shared.assign(
                condition.hidden, timesTransposed: chunk.parameter(.inputProjection)[columns: 0..<size],
                accumulates: true)
        } else {
            shared.clear()
            shared[columns: 0..<size].copy(condition.hidden)
        }
        if let addition = condition.addition { shared.add(addition) }
        positionRows.withUnsafeBufferPointer { input.gather(shared, rows: $0) }
        if configuration.hasInputProjection {
            let weight = chunk.parameter(.inputProjection)
            input.assign(selected, timesTransposed: weight[columns: size..<2 * size], accumulates: true)
        } else {
            for row in 0..<terms.count {
                input[rows: row..<row + 1][columns: size..<2 * size].add(selected[rows: row..<row + 1])
            }
        }
        return input
    }

    /// The gradient with respect to the states of the terms; those of the projection and of the condition are added up.
    /// `[terms, hidden]`
    private func inputGradient(_ gradient: Matrix, _ selected: Matrix) -> Matrix {
        let size = configuration.hiddenSize
        let result = chunk.scratch.matrix(terms.count, size)
        let shared = condition.additionGradient ?? chunk.scratch.matrix(positions, gradient.columns)
        shared.clear()
        positionRows.withUnsafeBufferPointer { shared.scatterAdd(gradient, rows: $0) }
        guard configuration.hasInputProjection else {
            result.copy(gradient[columns: size..<2 * size])
            condition.hiddenGradient?.copy(shared[columns: 0..<size])
            return result
        }
        if let weight = chunk.gradient(.inputProjection), let bias = chunk.gradient(.inputProjectionBias) {
            gradient.addColumnSums(to: bias.base)
            weight[columns: size..<2 * size].add(transposed: gradient, times: selected)
            weight[columns: 0..<size].add(transposed: shared, times: condition.hidden)
        }
        let weight = chunk.parameter(.inputProjection)
        condition.hiddenGradient?.assign(shared, times: weight[columns: 0..<size])
        result.assign(gradient, times: weight[columns: size..<2 * size])
        return result
    }
}
