import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining

/// How far a drafter's guesses would have been confirmed on held-out answers: the real search, without the passes that would confirm
/// them.
///
/// For greedy answers this is what greedy decoding would do with trees of so many rows; what lies between is only the
/// calibration that a running decoder learns.
public struct DraftEvaluation: Sendable {
    /// Tokens of answers over steps of the loop.
    public private(set) var tokensPerStep = 0.0
    /// Share of steps in which at least so many guesses were confirmed, from 1 on.
    public private(set) var acceptancePerPosition: [Double] = []
    /// Rows of trees, on average.
    public private(set) var rowsPerStep = 0.0
    public private(set) var steps = 0

    /// Runs a drafter over answers.
    /// - Parameters:
    ///   - drafter: what is evaluated.
    ///   - model: whose answers the data holds.
    ///   - data: of which the held-out greedy answers are used.
    ///   - maximumRows: rows of a tree, the root included.
    ///   - tokens: to evaluate, about; data sets have equal shares.
    /// - Throws: `RedrafterError.backend`, `.transformer`.
    public init(
        _ drafter: any Drafter, of model: Model, on data: DistillationData, maximumRows: Int = 8,
        tokens: Int = .max
    ) throws(RedrafterError) {
        let taps = drafter.requirements.taps.sorted()
        let reader = taps.isEmpty ? nil : try TapReader(model, layers: taps)
        try run(drafter, model, data, maximumRows, tokens, reader)
    }

    private mutating func run(
        _ drafter: any Drafter, _ model: Model, _ data: DistillationData, _ maximumRows: Int, _ limit: Int,
        _ reader: TapReader?
    ) throws(RedrafterError) {
        let stream = reader?.stream ?? model.transformer.backend.makeStream()
        let embedding = model.transformer.weights.embedding
        let unread = try wrapping(
            RedrafterError.backend,
            try model.transformer.backend.makeTensor(rows: 1, columns: model.configuration.hiddenSize))
        var draft = try wrapping(RedrafterError.backend, try DraftSession.make(drafter))
        var builder = LearningTree(maximumRows: maximumRows)
        var confirmed = [Int](repeating: 0, count: maximumRows)
        var (tokens, rows) = (0, 0)
        for (index, shard) in data.shards.enumerated() {
            let set = data.sets.firstIndex { $0.contains(index) } ?? 0
            // One data set after the other, each up to its share.
            let share = limit == .max ? limit : limit * (set + 1) / data.sets.count
            for answer in shard.answers
            where DistillationData.isHeldOut(answer) && answer.isGreedy && tokens < share {
                let text = Array(shard.promptTokens[answer.prompt] + shard.tokens[answer.rows])
                try reader?.read(Array(text.dropLast()))
                var (place, told) = (0, 0)
                while place < answer.rows.count - 1 {
                    let certain = answer.prompt.count + place + 1
                    var hidden = unread
                    if let reader {
                        let rows = reader.confirmed(told..<certain - 1, of: text, embedding: embedding)
                        try wrapping(RedrafterError.backend, try draft.follow(rows))
                        told = certain - 1
                    } else {
                        hidden = try self.hidden(data, index, answer.rows.lowerBound + place, model)
                    }
                    let context = DraftContext(
                        tokens: Array(text[..<certain]), hidden: hidden,
                        embedding: embedding, evidence: builder.evidence, stream: stream)
                    var proposal = DraftProposal(root: text[certain - 1])
                    let depth = answer.rows.count - 1 - place
                    try wrapping(
                        RedrafterError.backend,
                        try draft.propose(
                            context,
                            budget: DraftBudget(nodes: maximumRows - 1, depth: depth, selection: .nodes()),
                            proposal: &proposal))
                    let path = builder.step(proposal.tree, truth: text[certain...])
                    rows += builder.rows
                    steps += 1
                    for position in 1..<max(path, 1) where position < confirmed.count {
                        confirmed[position] += 1
                    }
                    place += path
                }
                tokens += answer.rows.count - 1
            }
        }
        guard steps > 0 else { return }
        tokensPerStep = Double(tokens) / Double(steps)
        rowsPerStep = Double(rows) / Double(steps)
        acceptancePerPosition = confirmed.dropFirst().map { Double($0) / Double(steps) }
        while acceptancePerPosition.last == 0 { acceptancePerPosition.removeLast() }
    }

    private func hidden(
        _ data: DistillationData, _ shard: Int, _ row: Int, _ model: Model
    ) throws(RedrafterError) -> Tensor {
        let size = model.configuration.hiddenSize
        let values = [Float](unsafeUninitializedCapacity: size) { buffer, count in
            data.copyHidden(shard: shard, row: row, into: buffer.baseAddress.unsafelyUnwrapped)
            count = size
        }
        return try wrapping(
            RedrafterError.backend,
            try model.transformer.backend.makeTensor(rows: 1, columns: size, values: values))
    }
}

/// The most probable rows, with what a decoder learns on the way; prices have no part in it.
private struct LearningTree {
    let maximumRows: Int
    var evidence = DraftingEvidence()
    /// Of the last tree.
    var rows = 0

    /// - Returns: tokens of the step: the confirmed guesses, and the one after them.
    mutating func step(_ proposal: TokenTree, truth: ArraySlice<Int32>) -> Int {
        evidence.room = .max
        let tree = MostProbableTree(maximumRows: maximumRows).build(proposal, evidence)
        rows = tree.count
        var path = [0]
        for token in truth {
            guard let child = tree.child(of: path[path.count - 1], token: token) else { break }
            path.append(child)
        }
        evidence.calibration.observe(tree, path: path)
        return path.count
    }
}
