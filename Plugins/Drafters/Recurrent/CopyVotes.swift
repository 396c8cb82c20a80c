import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// What the text so far adds to the guesses of a recurrent drafter, which sees one hidden state alone: tokens that followed the same
/// tokens before are likelier to come again (a cache of the text, Grave and others, arXiv 1612.04426, with learnt weights).
///
///     votes(v) = Σ over earlier places after which v came: exp(a_m), m = length of the match, at most n
///     logit(v) = the head's + power · log(1 + votes(v))
///
/// The text ends with the tokens that the beam has drafted, and votes of `RejectedGuesses` are added to theirs. A token outside of the draft vocabulary, such as the name of a variable, is
/// guessed where the text votes for it: what votes would add to a probability of exp(`unlisted`). Training leaves such tokens out.
struct CopyVotes: Sendable {
    /// exp(a_m) for lengths from 1. `[n]`
    private let weights: [Float]
    private let power: Float
    /// The row of the head of each token of the model; −1 for none. Empty where rows are tokens.
    private let rows: [Int32]

    /// - Parameter weights: of a drafter with votes.
    init(_ weights: DrafterWeights) {
        self.weights = weights[.copyVotes].values.map { exp($0) }
        power = weights[.copyPower].values[0]
        var rows = [Int32]()
        if let tokens = weights.draftVocabulary {
            rows = [Int32](repeating: -1, count: Int(tokens.max() ?? -1) + 1)
            for (row, token) in tokens.enumerated() { rows[Int(token)] = Int32(row) }
        }
        self.rows = rows
    }

    /// A row's list with the votes of the text.
    /// - Parameters:
    ///   - list: log-probabilities of rows of the head, largest first; none where logits are not finite.
    ///   - logits: of the row. `[vocabulary]`
    ///   - text: what is remembered of it.
    ///   - path: tokens after it.
    /// - Returns: as many of the largest log-probabilities with the votes; none where they are not finite. From the size of the
    ///   vocabulary on, entries are tokens that the head has no row for, as `GuessRanking` reads them.
    func applied(
        to list: [TokenLogit], _ logits: UnsafeBufferPointer<Float>, _ text: TextMemory, path: [Int32]
    ) -> [TokenLogit] {
        guard let first = list.first else { return list }
        let votes = votes(text, path, rowCount: logits.count)
        guard !votes.isEmpty else { return list }
        let logSum = logits[Int(first.token)] - first.logit
        var raised = [TokenLogit]()
        var rest: Float = 1
        for vote in votes {
            let gain = power * log(1 + vote.weight)
            if Int(vote.row) < logits.count {
                let before = logits[Int(vote.row)] - logSum
                rest -= exp(before)
                raised.append(TokenLogit(token: vote.row, logit: before + gain))
            } else if gain > 0 {
                raised.append(TokenLogit(token: vote.row, logit: Self.unlisted + gain + log(1 - exp(-gain))))
            }
        }
        // What the others had; rounding may leave less than nothing.
        rest = max(rest, 0)
        let largest = raised.reduce(rest > 0 ? 0 : -.infinity) { max($0, $1.logit) }
        let mass = raised.reduce(rest * exp(-largest)) { $0 + exp($1.logit - largest) }
        let correction = largest + log(mass)
        raised += list.filter { entry in !votes.contains { $0.row == entry.token } }
        guard correction.isFinite, raised.allSatisfy(\.logit.isFinite) else { return [] }
        for index in raised.indices { raised[index].logit -= correction }
        raised.sort { $0.logit != $1.logit ? $0.logit > $1.logit : $0.token < $1.token }
        return Array(raised.prefix(list.count))
    }

    /// Logarithm of the probability that the votes of a token without a row in the head multiply.
    private static let unlisted: Float = -2

    /// Rows that votes can push down a list: with a power below 0 they make tokens less likely.
    var mayLose: Int { power < 0 ? TextIndex.places + RejectedGuesses.places : 0 }

    /// Weights of the rows that the text votes for; `rowCount` and up for tokens without one.
    private func votes(
        _ text: TextMemory, _ path: [Int32], rowCount: Int
    ) -> [(row: Int32, weight: Float)] {
        var votes = [(row: Int32, weight: Float)]()
        func add(_ token: Int32, _ weight: Float) {
            var row = rows.isEmpty ? token : Int(token) < rows.count ? rows[Int(token)] : -1
            if row < 0 { row = Int32(rowCount) + token }
            if let index = votes.firstIndex(where: { $0.row == row }) {
                votes[index].weight += weight
            } else {
                votes.append((row, weight))
            }
        }
        text.index.forEachMatch(after: path, lengths: weights.count) { token, length in
            add(token, weights[length - 1])
        }
        let end = text.index.tokens.suffix(2) + path
        if let last = end.last {
            text.rejected.forEachVote(
                after: last, previous: end.dropLast().last, isRoot: path.isEmpty, add)
        }
        return votes
    }
}

/// Parts of a recurrent drafter that copies.
extension DrafterRole {
    /// `copy.votes`: a_m for matches of m tokens. `[n]`
    public static let copyVotes = DrafterRole("copy votes", isBias: true)
    /// `copy.power`. `[1]`
    public static let copyPower = DrafterRole("copy power", isBias: true)
}
