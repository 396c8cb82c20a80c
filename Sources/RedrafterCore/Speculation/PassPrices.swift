/// The last durations of something that is done again and again, and their median.
struct RunningMedian: Sendable {
    private var samples: [Double] = []
    private var next = 0
    private(set) var median = 0.0
    /// When the last sample came, in passes.
    private(set) var lastPass = 0

    var isEmpty: Bool { samples.isEmpty }
    var count: Int { samples.count }

    mutating func add(_ sample: Double, pass: Int = 0) {
        lastPass = pass
        if samples.count < Self.window { samples.append(sample) } else { samples[next] = sample }
        next = (next + 1) % Self.window
        median = samples.sorted()[samples.count / 2]
    }

    private static let window = 15
}

/// What passes cost here and now: the running median of measured durations for each number of rows and range of context
/// lengths, and that of a draft.
///
/// Between two measured row counts the price is interpolated, beyond the largest it goes on rising as it did before.
/// `affordableRows` lets one step reach only a little beyond what is known; the step itself replaces the guess by a
/// measurement.
///
/// Processors that others share change their prices within seconds. A row count that was not seen for a while is forgotten and
/// its price interpolated, so that one bad moment does not rule it out for ever; and as fewer rows never cost more, a price above
/// that of more rows counts as theirs.
public struct PassPrices: Sendable {
    private var passes: [[RunningMedian]] = []  // [context range][rows − 1]
    private var drafts = RunningMedian()
    private var largestMeasured = 0
    private var passCount = 0

    public init() {}

    /// Seconds of a draft; 0 before the first.
    public var draftSeconds: Double { drafts.median }

    /// Rows that the next pass may have: twice as many as were measured so far.
    public var affordableRows: Int { max(1, largestMeasured * 2) }

    /// How often a pass over one row was measured.
    public private(set) var plainPasses = 0

    /// Seconds of a pass; nil before the first was measured.
    public func seconds(rows: Int, contextLength: Int) -> Double? {
        let range = Self.range(contextLength)
        // Ranges that were not measured yet borrow from the nearest one that was.
        let nearest = passes.indices.filter { passes[$0].contains { !$0.isEmpty } }
            .min { abs($0 - range) < abs($1 - range) }
        guard let nearest else { return nil }
        return interpolated(passes[nearest], rows: rows)
    }

    /// Whether passes over exactly so many rows were measured lately, more than once.
    func isMeasured(rows: Int, contextLength: Int) -> Bool {
        let range = Self.range(contextLength)
        guard passes.indices.contains(range), passes[range].count >= rows else { return false }
        let price = passes[range][rows - 1]
        return price.count > 1 && price.lastPass + Self.memory >= passCount
    }

    /// The medians of the context range in which most row counts were measured.
    public var measured: [(rows: Int, seconds: Double)] {
        let ranges = passes.map(known)
        return ranges.max { $0.count < $1.count } ?? []
    }

    /// Adds the duration of a pass over `rows` rows behind `contextLength` committed tokens.
    public mutating func observePass(rows: Int, contextLength: Int, duration: Duration) {
        let range = Self.range(contextLength)
        while passes.count <= range { passes.append([]) }
        while passes[range].count < rows { passes[range].append(RunningMedian()) }
        passCount += 1
        passes[range][rows - 1].add(duration / .seconds(1), pass: passCount)
        largestMeasured = max(largestMeasured, rows)
        if rows == 1 { plainPasses += 1 }
    }

    /// Adds the duration of a draft.
    public mutating func observeDraft(_ duration: Duration) { drafts.add(duration / .seconds(1)) }

    /// Prices that are known and not outdated. That of one row is always kept: everything is compared with it.
    private func known(_ medians: [RunningMedian]) -> [(rows: Int, seconds: Double)] {
        var known = [(rows: Int, seconds: Double)]()
        for (index, price) in medians.enumerated() where !price.isEmpty {
            let isOutdated = price.lastPass + Self.memory < passCount
            if index == 0 || !isOutdated { known.append((index + 1, price.median)) }
        }
        if known.isEmpty,
            let last = medians.enumerated().max(by: { $0.element.lastPass < $1.element.lastPass })
        {
            known = [(last.offset + 1, last.element.median)]
        }
        for index in known.indices.dropLast().reversed() {
            known[index].seconds = min(known[index].seconds, known[index + 1].seconds)
        }
        return known
    }

    /// Passes after which a row count that was not seen is forgotten.
    private static let memory = 256

    private func interpolated(_ measured: [RunningMedian], rows: Int) -> Double {
        let known = known(measured)
        guard let first = known.first, let last = known.last else { return 0 }
        guard rows > first.rows, known.count > 1 else { return first.seconds }
        // The two known counts around `rows`, or the last two.
        let upper = known.firstIndex { $0.rows >= rows } ?? known.count - 1
        let (below, above) = (known[upper - 1], known[upper])
        let slope = (above.seconds - below.seconds) / Double(above.rows - below.rows)
        return rows <= last.rows
            ? below.seconds + slope * Double(rows - below.rows)
            : last.seconds + max(slope, 0) * Double(rows - last.rows)
    }

    /// Contexts up to 255, 511, 1023, … tokens.
    private static func range(_ contextLength: Int) -> Int {
        Int.bitWidth - (contextLength >> 8).leadingZeroBitCount
    }
}
