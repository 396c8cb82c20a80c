/// Running medians of what passes cost, by rows and range of context lengths.
struct PriceTable: Sendable {
    /// Durations in each median.
    private let window: Int
    private var passes: [[RunningMedian]] = []  // [context range][rows − 1]

    init(window: Int) { self.window = window }

    /// What is known of a number of rows in a range; nil if nothing is.
    func price(rows: Int, range: Int) -> RunningMedian? {
        guard rows > 0, passes.indices.contains(range), passes[range].count >= rows else { return nil }
        let price = passes[range][rows - 1]
        return price.isEmpty ? nil : price
    }

    mutating func add(_ seconds: Double, rows: Int, range: Int, pass: Int) {
        guard rows > 0 else { return }
        while passes.count <= range { passes.append([]) }
        while passes[range].count < rows { passes[range].append(RunningMedian(window: window)) }
        passes[range][rows - 1].add(seconds, pass: pass)
    }

    /// Ranges from 0 on of which something may be known.
    var rangeCount: Int { passes.count }

    /// The range in which most row counts were measured, and its prices.
    func largestCurve(oldest: Int) -> (range: Int, curve: PriceCurve)? {
        passes.indices.compactMap { range in curve(range: range, oldest: oldest).map { (range, $0) } }
            .max { $0.1.points.count < $1.1.points.count }
    }

    /// What is known of a range; nil if nothing is.
    /// - Parameter oldest: a price that was last seen before this pass is outdated.
    func curve(range: Int, oldest: Int) -> PriceCurve? {
        guard passes.indices.contains(range) else { return nil }
        let seen = passes[range].enumerated().filter { !$0.element.isEmpty && $0.element.lastPass >= oldest }
        guard !seen.isEmpty else { return nil }
        return PriceCurve(
            seen.map {
                PriceCurve.Point(
                    rows: $0.offset + 1, seconds: $0.element.median, weight: Double($0.element.count))
            })
    }
}
