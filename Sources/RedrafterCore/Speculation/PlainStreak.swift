/// Plain passes in succession, and how much faster they become while they follow each other.
///
/// The first plain passes after drafted ones or a prompt take longer than those of plain decoding, by up to a third on a shared
/// machine: the weights come back into the cache bit by bit, over some ten passes. How much time that takes is measured within one
/// streak, so that the speed of the machine, which changes as well, has no part in it. It is about the same for all numbers of
/// texts, as the weights are. From then on a few passes tell what plain decoding pays.
struct PlainStreak: Sendable {
    /// What came before a streak.
    private enum Origin: Int {
        case draft, prompt
    }

    /// Plain passes until now. A new process begins as if some had been.
    private(set) var length = first
    private var origin = Origin.prompt
    /// Seconds by which the first passes take longer than the later ones, by origin; nil before the first long streak.
    private var excess: [Double?] = [nil, nil]
    private var early = RunningMedian(window: samples)
    private var late = RunningMedian(window: samples)
    private var texts = 0

    /// It is known how much faster passes become after drafted ones.
    var isMeasured: Bool { excess[Origin.draft.rawValue] != nil }

    /// The streak came after a draft, and has told how much faster its passes become.
    var isWhole: Bool { origin == .draft && length >= Self.whole }

    /// A pass over more rows than texts ends the streak.
    mutating func end() { (length, origin) = (0, .draft) }

    /// After a pass with rows of a prompt, the next ones are the first again.
    mutating func interrupt() { (length, origin) = (min(length, Self.first), .prompt) }

    /// Adds a plain pass.
    /// - Returns: seconds that it would take in a long streak; nil for those right after a draft.
    mutating func add(_ seconds: Double, texts: Int) -> Double? {
        defer { length += 1 }
        guard length >= Self.first else { return nil }
        if length == Self.first || texts != self.texts {
            (early, late) = (RunningMedian(window: Self.samples), RunningMedian(window: Self.samples))
            self.texts = texts
        }
        if length < Self.first + Self.samples { early.add(seconds) }
        if length >= Self.settled { late.add(seconds) }
        if length == Self.whole - 1, early.count == Self.samples, late.count == Self.samples { measure() }
        return max(seconds - (excess[origin.rawValue] ?? 0) * (1 - progress), seconds * Self.leastShare)
    }

    /// How far the passes have come from the first ones' price to the last ones', fast at first. 0 to 1
    private var progress: Double {
        let begin = Self.first + Self.samples
        let left = 1 - min(max(Double(length - begin) / Double(Self.settled - begin), 0), 1)
        return 1 - left * left
    }

    private mutating func measure() {
        // Passes that have become slower tell of the machine, not of the streak.
        let found = max(early.median - late.median, 0)
        let known = excess[origin.rawValue] ?? found
        // The longer a pass takes, the less such a difference says.
        excess[origin.rawValue] = known + (found - known) * Self.learningRate / Double(texts)
    }

    /// Passes after which a streak has told how much faster they become.
    static let whole = settled + samples

    /// Plain passes before the first that is timed.
    private static let first = 2
    private static let samples = 5
    /// Passes after which they become no faster.
    private static let settled = 16
    private static let learningRate = 0.25
    /// The least that is left of a pass, in case the machine is much faster now than when the excess was measured.
    private static let leastShare = 0.5
}
