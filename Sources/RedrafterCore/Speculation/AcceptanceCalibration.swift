import RedrafterPlatform

/// Puts the estimates of all drafters on one scale: how often the model confirmed guesses with such an estimate.
///
/// Guesses of a source are sorted by their estimate into classes of equal width in log-odds. A class begins with the belief
/// that the estimate is right, worth a few observations; what is seen later counts more than what was seen long ago.
public struct AcceptanceCalibration: Sendable, Hashable {
    private struct Class: Sendable, Hashable {
        var tried = 0.0
        var accepted = 0.0
    }

    private var classes: [[Class]] = []  // [source][class]

    public init() {}

    /// The probability that the model confirms a guess with this estimate, given that it confirms the parent.
    public func probability(_ logAcceptance: Float, source: DraftSource) -> Double {
        let estimate = exp(Double(logAcceptance))
        guard Int(source.index) < classes.count else { return estimate }
        let seen = classes[Int(source.index)][Self.classIndex(estimate)]
        return (seen.accepted + Self.priorWeight * estimate) / (seen.tried + Self.priorWeight)
    }

    /// Probability of each node that it and all its ancestors are confirmed; 1 for the root. `[nodes]`
    public func pathProbabilities(_ tree: TokenTree) -> [Double] {
        var result = [1.0]
        result.reserveCapacity(tree.count)
        for node in tree.nodes.dropFirst() {
            result.append(result[node.parent] * probability(node.logAcceptance, source: node.source))
        }
        return result
    }

    /// Learns from a verified tree: each guess whose parent was confirmed was tried.
    /// - Parameters:
    ///   - tree: what was verified, with its estimates.
    ///   - path: the confirmed nodes from the root on.
    public mutating func observe(_ tree: TokenTree, path: [Int]) {
        for (depth, node) in path.enumerated() {
            for child in tree.children(of: node) {
                let guess = tree.nodes[child]
                count(guess, isAccepted: depth + 1 < path.count && path[depth + 1] == child)
            }
        }
    }

    private mutating func count(_ guess: TokenTree.Node, isAccepted: Bool) {
        let source = Int(guess.source.index)
        while classes.count <= source {
            classes.append([Class](repeating: Class(), count: Self.classCount))
        }
        let index = Self.classIndex(exp(Double(guess.logAcceptance)))
        classes[source][index].tried = classes[source][index].tried * Self.memory + 1
        classes[source][index].accepted = classes[source][index].accepted * Self.memory + (isAccepted ? 1 : 0)
    }

    private static func classIndex(_ estimate: Double) -> Int {
        let bounded = min(max(estimate, 1e-6), 1 - 1e-6)
        let logOdds = log(bounded / (1 - bounded))
        let scaled = (logOdds + logOddsRange) / (2 * logOddsRange) * Double(classCount)
        return min(max(Int(scaled), 0), classCount - 1)
    }

    private static let classCount = 24
    private static let logOddsRange = 6.0
    /// Observations that the first belief is worth.
    private static let priorWeight = 4.0
    /// Weight of an observation when the next of its class comes: about the last 100 count.
    private static let memory = 0.99
}
