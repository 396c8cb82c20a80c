/// Answers that end in a loop: the same few tokens again and again, up to the limit of the answer's length. Small models fall into them.
public enum RepetitionLoop {
    /// Where the third repetition of an answer's end begins.
    /// - Returns: nil where the end does not repeat.
    /// - Complexity: O(n) for each of the periods tried.
    public static func start(of tokens: some RandomAccessCollection<Int32>) -> Int? {
        let tokens = Array(tokens)
        var start: Int?
        for period in 1...longestPeriod where period * leastRepetitions <= tokens.count {
            var first = tokens.count - period
            while first > 0, tokens[first - 1] == tokens[first - 1 + period] { first -= 1 }
            let length = tokens.count - first
            guard length >= max(period * leastRepetitions, leastLength) else { continue }
            start = min(start ?? tokens.count, first + 2 * period)
        }
        return start
    }

    private static let longestPeriod = 64
    private static let leastRepetitions = 3
    private static let leastLength = 24
}
