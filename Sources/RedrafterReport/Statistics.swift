/// Figures of a list of samples.
public struct Statistics: Sendable, Hashable {
    public let samples: [Double]
    public let mean: Double
    /// Sample standard deviation; 0 for fewer than two samples.
    public let standardDeviation: Double
    public let median: Double
    public let minimum: Double
    public let maximum: Double

    /// - Parameter samples: at least one.
    public init(_ samples: [Double]) {
        precondition(!samples.isEmpty, "statistics of nothing")
        let count = Double(samples.count)
        let mean = samples.reduce(0, +) / count
        let squares = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let sorted = samples.sorted()
        let middle = sorted.count / 2
        self.samples = samples
        self.mean = mean
        standardDeviation = samples.count > 1 ? (squares / (count - 1)).squareRoot() : 0
        median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        minimum = sorted[0]
        maximum = sorted[sorted.count - 1]
    }
}
