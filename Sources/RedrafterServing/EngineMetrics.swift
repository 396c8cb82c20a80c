import RedrafterCore

/// What an engine has done since it was made, and what it is doing now.
public struct EngineMetrics: Sendable {
    /// Texts in slots.
    public var running = 0
    /// Requests in the queue.
    public var waiting = 0
    public var slots = 0
    /// Tokens that the caches hold, and could hold.
    public var cachedTokens = 0
    public var cacheCapacity = 0

    /// Requests by how they ended.
    public var finished = EndedRequests()
    /// Prompt tokens of all requests that were admitted, and those of them whose keys and values were there already.
    public var promptTokens = 0
    public var promptTokensCached = 0
    public var generatedTokens = 0
    /// Passes over the model, and rows of all of them; rows of prompts among these.
    public var passes = 0
    public var rows = 0
    public var promptRows = 0
    /// Time spent drafting, in passes (choosing tokens included), and in all else.
    public var durations = StepDurations()
    /// Counters of speculation of all texts.
    public var speculation = SpeculationMetrics()
    /// Milliseconds of a pass with one row for each text, and of the passes that were chosen: medians of the last ones; 0 where
    /// none was measured.
    public var plainPassMilliseconds = 0.0
    public var chosenPassMilliseconds = 0.0

    /// Seconds from submission to the first token, between tokens, from submission to the end, in the queue.
    public var timeToFirstToken = Histogram(bounds: Histogram.seconds)
    public var timePerOutputToken = Histogram(bounds: Histogram.tokenSeconds)
    public var endToEnd = Histogram(bounds: Histogram.seconds)
    public var queueTime = Histogram(bounds: Histogram.seconds)
    /// Rows of a pass.
    public var rowsPerPass = Histogram(bounds: [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128])

    public init() {}

    /// How requests ended.
    public struct EndedRequests: Sendable, Hashable {
        public var stop = 0
        public var length = 0
        public var cancelled = 0
        public var failed = 0
        /// Refused: the queue was full, or the engine was stopping.
        public var refused = 0
    }
}

/// Counts of observations up to bounds, as Prometheus wants them.
public struct Histogram: Sendable, Hashable {
    /// Upper bounds, rising; the last class has none.
    public let bounds: [Double]
    /// Observations in each class, not cumulated. `[bounds + 1]`
    public private(set) var counts: [Int]
    public private(set) var sum = 0.0

    public init(bounds: [Double]) {
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.count + 1)
    }

    public var count: Int { counts.reduce(0, +) }

    public mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }

    /// For requests.
    public static let seconds = [
        0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
    ]
    /// For tokens.
    public static let tokenSeconds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5,
    ]
}
