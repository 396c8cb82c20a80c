/// What passes cost here and now: the running median of measured durations for each number of rows and range of context
/// lengths, and that of a draft.
///
/// Plain passes, with one row for each text, have a price of their own: what they cost after other plain passes. Right after a pass
/// over more rows the same work takes longer, up to twice as long where other programs need the cache, since more time has gone by
/// since the weights were read last. Plain decoding does not pay that, so drafting has to be compared with what it does pay
/// (`PlainStreak`). While texts are drafted, a few plain passes in succession renew that price now and then (`isPlainKnown`).
///
/// Processors that others share change their speed within seconds. A row count that was not seen for a while is forgotten and its
/// price interpolated, so that one bad moment does not rule it out for ever, and plain passes are timed the more often the less
/// their last prices agree.
///
/// Between two measured row counts the price is interpolated, and a range of context lengths in which few were measured takes the
/// others from its neighbours (`PriceCurve`). `affordableRows` lets one step reach only a little beyond what is known; the step
/// itself replaces the guess by a measurement.
public struct PassPrices: Sendable {
    /// Of passes with more rows than texts, and of those right after them.
    private var drafted = PriceTable(window: 15)
    /// Of passes with one row for each text that followed such passes, as they are in a long streak.
    private var plain = PriceTable(window: 5)
    private var drafts = RunningMedian()
    private var passCount = 0
    private var streak = PlainStreak()
    /// When it was measured last how much faster plain passes become in succession.
    private var lastWholeStreak = 0
    /// Passes after which the price of plain ones is renewed.
    private var plainMemory = firstPlainMemory
    /// Plain passes follow each other until their price is known anew.
    private var isRenewing = false
    /// Plain passes of this renewal, whether or not prompts came between them.
    private var renewalPasses = 0
    /// What is renewed, and its price before.
    private var renewal: (texts: Int, range: Int, before: Double)?
    /// When a plain pass was timed last.
    private var lastPlainPass = 0
    /// Prices of the range of the last pass.
    private var latest: (range: Int, curve: PriceCurve?)?

    public init() {}

    /// Seconds of a draft; 0 before the first.
    public var draftSeconds: Double { drafts.median }

    /// Rows that the next pass may have: twice as many as were measured lately.
    public var affordableRows: Int { latest?.curve?.affordableRows ?? 1 }

    /// Seconds of a pass; nil before the first was measured.
    public func seconds(rows: Int, contextLength: Int) -> Double? {
        curve(contextLength: contextLength)?.seconds(rows: rows)
    }

    /// Seconds of a pass with one row for each text, where nothing is drafted; nil before the first pass was measured.
    public func plainSeconds(texts: Int = 1, contextLength: Int) -> Double? {
        let known = nearest(Self.range(contextLength)).lazy.compactMap {
            plain.price(rows: texts, range: $0)?.median
        }.first
        return known ?? seconds(rows: texts, contextLength: contextLength)
    }

    /// Prices of passes for so many texts, whatever their rows; nil before the first pass was measured.
    public func list(texts: Int = 1, contextLength: Int) -> PriceList? {
        guard let curve = curve(contextLength: contextLength),
            let plain = plainSeconds(texts: texts, contextLength: contextLength)
        else { return nil }
        return PriceList(texts: texts, plain: plain, curve: curve)
    }

    private func curve(contextLength: Int) -> PriceCurve? {
        let range = Self.range(contextLength)
        return latest?.range == range ? latest?.curve : curve(range)
    }

    /// Whether the price of a plain pass, with which everything is compared, was measured lately and often enough. Where it was
    /// not, the next pass should be one.
    public func isPlainKnown(texts: Int = 1, contextLength: Int) -> Bool {
        !isRenewing && isPlainKnown(texts, range: Self.range(contextLength))
    }

    /// The medians of the context range in which most row counts were measured; one row as plain decoding pays it.
    public var measured: [(rows: Int, seconds: Double)] {
        let (range, curve) = drafted.largestCurve(oldest: oldest) ?? (latest?.range ?? 0, nil)
        let known = curve?.points.map { ($0.rows, $0.seconds) } ?? []
        guard let one = plain.price(rows: 1, range: range)?.median else { return known }
        return [(1, one)] + known.filter { $0.0 > 1 }
    }

    /// Adds the duration of a pass over `rows` rows of `texts` texts behind `contextLength` committed tokens.
    public mutating func observePass(rows: Int, texts: Int = 1, contextLength: Int, duration: Duration) {
        let range = Self.range(contextLength)
        let seconds = duration / .seconds(1)
        passCount += 1
        if rows != texts {
            streak.end()
            drafted.add(seconds, rows: rows, range: range, pass: passCount)
        } else {
            if !isRenewing, !isPlainKnown(texts, range: range) { beginRenewal(texts, range: range) }
            if let settled = streak.add(seconds, texts: texts) {
                plain.add(settled, rows: rows, range: range, pass: passCount)
                lastPlainPass = passCount
            } else {
                drafted.add(seconds, rows: rows, range: range, pass: passCount)
            }
            if streak.isWhole { lastWholeStreak = passCount }
            renewalPasses += 1
            if isRenewing, max(streak.length, renewalPasses) >= passesOfRenewal {
                endRenewal(texts, range: range)
            }
            // After a rest everything may be different.
            if streak.length > PlainStreak.whole { plainMemory = Self.firstPlainMemory }
        }
        latest = (range, curve(range))
    }

    /// Rows of a prompt were in a pass, which has no price.
    public mutating func observePrompt() { streak.interrupt() }

    /// Adds the duration of a draft.
    public mutating func observeDraft(_ duration: Duration) { drafts.add(duration / .seconds(1)) }

    private mutating func beginRenewal(_ texts: Int, range: Int) {
        isRenewing = true
        renewalPasses = 0
        renewal = plain.price(rows: texts, range: range)
            .flatMap { $0.count >= Self.samplesNeeded ? (texts, range, $0.median) : nil }
    }

    private mutating func endRenewal(_ texts: Int, range: Int) {
        isRenewing = false
        guard let renewal, renewal.texts == texts, renewal.range == range,
            let now = plain.price(rows: texts, range: range)?.median
        else { return }
        let isSteady = abs(now - renewal.before) < Self.agreement * renewal.before
        plainMemory = isSteady ? min(plainMemory * 2, Self.longestPlainMemory) : Self.firstPlainMemory
    }

    private func isPlainKnown(_ texts: Int, range: Int) -> Bool {
        // A text that grows into another range takes its price along.
        lastPlainPass + plainMemory > passCount
            && [range, range - 1, range + 1].contains { range in
                guard range >= 0, let price = plain.price(rows: texts, range: range) else { return false }
                // Where the number of texts changes all the time, a price that is a little older does as well.
                return price.count >= Self.samplesNeeded
                    && price.lastPass + Self.memoryOfOthers * plainMemory > passCount
            }
    }

    /// Plain passes of a renewal: a whole streak where none was timed lately. A price that is new is known sooner.
    private var passesOfRenewal: Int {
        let isDue = renewal != nil && (!streak.isMeasured || lastWholeStreak < oldest)
        return isDue ? PlainStreak.whole : Self.shortestRenewal
    }

    /// What is known of a range, and what its neighbours know of row counts that were not measured in it.
    private func curve(_ range: Int) -> PriceCurve? {
        nearest(range).reduce(into: nil as PriceCurve?) { curve, range in
            guard let other = ownCurve(range) else { return }
            curve = curve?.filled(with: other) ?? other
        }
    }

    /// Ranges of which something may be known, the nearest first.
    private func nearest(_ range: Int) -> [Int] {
        (0..<max(drafted.rangeCount, plain.rangeCount)).sorted { abs($0 - range) < abs($1 - range) }
    }

    private func ownCurve(_ range: Int) -> PriceCurve? {
        let own = drafted.curve(range: range, oldest: oldest)
        guard let plain = plain.curve(range: range, oldest: oldest) else { return own }
        return own?.filled(with: plain) ?? plain
    }

    private var oldest: Int { passCount - Self.memory }

    /// Passes after which a row count that was not seen is forgotten: longer than a drafter rests.
    private static let memory = 1024
    /// The price of plain passes is renewed soon after drafting has begun, then ever more rarely.
    private static let firstPlainMemory = 32
    private static let longestPlainMemory = 256
    /// How much longer the price of another number of texts is believed.
    private static let memoryOfOthers = 4
    /// Passes after which a price is known well enough to compare with.
    private static let samplesNeeded = 3
    /// Plain passes that renew their price.
    private static let shortestRenewal = 5
    /// Prices that differ by this share at most agree.
    private static let agreement = 0.1

    /// Contexts up to 255, 511, 1023, … tokens.
    private static func range(_ contextLength: Int) -> Int {
        Int.bitWidth - (contextLength >> 8).leadingZeroBitCount
    }
}

/// What passes for some texts cost by their rows.
public struct PriceList: Sendable {
    fileprivate let texts: Int
    /// Seconds of a pass where each text has its root alone, as plain decoding pays it.
    public let plain: Double
    fileprivate let curve: PriceCurve

    /// Seconds of a pass over so many rows, the plain one included.
    public func seconds(rows: Int) -> Double { rows == texts ? plain : curve.seconds(rows: rows) }
}
