/// The last durations of something that is done again and again, and their median.
struct RunningMedian: Sendable {
    /// Samples that are kept.
    private let window: Int
    private var samples: [Double] = []
    private var next = 0
    private(set) var median = 0.0
    /// When the last sample came, in passes.
    private(set) var lastPass = 0

    init(window: Int = 15) { self.window = window }

    var isEmpty: Bool { samples.isEmpty }
    var count: Int { samples.count }

    mutating func add(_ sample: Double, pass: Int = 0) {
        lastPass = pass
        if samples.count < window { samples.append(sample) } else { samples[next] = sample }
        next = (next + 1) % window
        median = samples.sorted()[samples.count / 2]
    }
}
