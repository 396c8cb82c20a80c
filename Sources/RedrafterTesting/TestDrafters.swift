import RedrafterCore

/// Proposes trees of random shape around the right continuation, which it was told: some guesses are right, some are not,
/// the right one stands anywhere among its siblings. With `accuracy` 1 and no decoys it is always right, with 0 always wrong.
public struct ScriptedDrafter: Drafter {
    public let name = "scripted"
    /// The whole text, prompt included.
    public let text: [Int32]
    public let vocabularySize: Int
    /// Probability that the right token is among the guesses for its place.
    public let accuracy: Double
    /// Wrong guesses beside each node at most.
    public let decoys: Int
    public let seed: UInt64

    public init(
        text: [Int32], vocabularySize: Int, accuracy: Double = 0.7, decoys: Int = 2, seed: UInt64 = 1
    ) {
        self.text = text
        self.vocabularySize = vocabularySize
        self.accuracy = accuracy
        self.decoys = decoys
        self.seed = seed
    }

    public func makeState() -> SeededRandom { SeededRandom(seed: seed) }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout SeededRandom, proposal: inout DraftProposal
    ) {
        var places = [(node: 0, position: context.tokens.count)]
        while let place = places.popLast(), proposal.tree.count <= budget.nodes {
            let right = text.indices.contains(place.position) ? text[place.position] : nil
            var guesses = (0..<Int.random(in: 0...decoys, using: &state)).map { _ in
                Int32.random(in: 0..<Int32(vocabularySize), using: &state)
            }.filter { $0 != right }
            if let right, Double.random(in: 0..<1, using: &state) < accuracy {
                guesses.insert(right, at: Int.random(in: 0...guesses.count, using: &state))
            }
            for guess in guesses where proposal.tree.nodes[place.node].depth < budget.depth {
                let node = proposal.insert(
                    guess, after: place.node, logAcceptance: -Float.random(in: 0...2, using: &state))
                // Wrong guesses get children, too.
                if guess == right || Bool.random(using: &state) { places.append((node, place.position + 1)) }
            }
            places.shuffle(using: &state)
        }
    }
}

/// Always guesses the same token, as often as it may.
public struct ConstantDrafter: Drafter {
    public let name = "constant"
    public let token: Int32
    /// What it says of its guesses; may be NaN.
    public let logAcceptance: Float

    public init(_ token: Int32, logAcceptance: Float = 0) {
        self.token = token
        self.logAcceptance = logAcceptance
    }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout Void, proposal: inout DraftProposal
    ) {
        var node = 0
        for _ in 0..<budget.depth {
            node = proposal.insert(token, after: node, logAcceptance: logAcceptance)
        }
        if logAcceptance.isNaN { proposal.nonFiniteRows += 1 }
    }
}
