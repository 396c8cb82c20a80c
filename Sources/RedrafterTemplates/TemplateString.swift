/// A text that knows which parts of it came from the conversation and which the template wrote.
///
/// UTF-8; two texts are equal when their bytes are, whatever their origin. Slices, concatenations and all methods carry
/// the origin along, so that a special token spelled in a message stays text wherever the template puts it.
struct TemplateString: Sendable, Hashable {
    /// Bytes up to `end` that the run before does not have.
    struct Run: Sendable, Hashable {
        var end: Int
        var isInput: Bool
    }

    private(set) var bytes: [UInt8]
    /// Ascending; neighbours differ; the last one ends with the bytes. Empty: all of it is the template's.
    private(set) var runs: [Run] = []
    /// Marked as HTML that needs no escaping (`safe`).
    var isMarkup = false

    init(_ bytes: [UInt8] = [], isInput: Bool = false) {
        self.bytes = bytes
        if isInput, !bytes.isEmpty { runs = [Run(end: bytes.count, isInput: true)] }
    }

    init(_ text: String) { self.init(Array(text.utf8)) }

    var count: Int { bytes.count }
    var isEmpty: Bool { bytes.isEmpty }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    static func == (a: TemplateString, b: TemplateString) -> Bool { a.bytes == b.bytes }
    func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

    /// Order of code points, which is that of UTF-8 bytes.
    static func < (a: TemplateString, b: TemplateString) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }

    /// Compares with ASCII text without a copy.
    static func == (string: TemplateString, text: StaticString) -> Bool {
        string.bytes.count == text.utf8CodeUnitCount
            && string.bytes.elementsEqual(
                UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Bytes that it occupies, for the budget.
    var cost: Int { bytes.count + runs.count * 16 + 48 }

    // MARK: Origin

    /// True for a byte of the conversation.
    func isInput(at index: Int) -> Bool {
        guard !runs.isEmpty else { return false }
        return runs[runIndex(at: index)].isInput
    }

    private func runIndex(at index: Int) -> Int {
        var (low, high) = (0, runs.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].end > index { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Stretches of one origin, in order.
    var segments: [(range: Range<Int>, isInput: Bool)] {
        guard !runs.isEmpty else { return bytes.isEmpty ? [] : [(0..<bytes.count, false)] }
        var start = 0
        return runs.map { run in
            defer { start = run.end }
            return (start..<run.end, run.isInput)
        }
    }

    // MARK: Making

    private mutating func mark(_ count: Int, isInput: Bool) {
        // `bytes` has the new ones already.
        guard count > 0 else { return }
        if runs.isEmpty {
            guard isInput else { return }
            if bytes.count > count { runs.append(Run(end: bytes.count - count, isInput: false)) }
        }
        if let last = runs.last, last.isInput == isInput {
            runs[runs.count - 1].end = bytes.count
        } else {
            runs.append(Run(end: bytes.count, isInput: isInput))
        }
    }

    mutating func append(_ other: some Collection<UInt8>, isInput: Bool = false) {
        bytes.append(contentsOf: other)
        mark(other.count, isInput: isInput)
    }

    mutating func append(byte: UInt8, isInput: Bool = false) {
        bytes.append(byte)
        mark(1, isInput: isInput)
    }

    mutating func append(_ text: String) { append(text.utf8) }

    mutating func append(_ scalar: Unicode.Scalar, isInput: Bool) {
        if let encoded = UTF8.encode(scalar) { append(encoded, isInput: isInput) }
    }

    mutating func append(_ other: TemplateString) {
        if other.runs.isEmpty, runs.isEmpty {
            bytes.append(contentsOf: other.bytes)
        } else {
            append(other, in: 0..<other.count)
        }
    }

    /// Appends a part of another text.
    mutating func append(_ other: TemplateString, in range: Range<Int>) {
        guard !range.isEmpty else { return }
        guard !other.runs.isEmpty else { return append(other.bytes[range]) }
        var start = range.lowerBound
        var run = other.runIndex(at: start)
        while start < range.upperBound {
            let end = min(other.runs[run].end, range.upperBound)
            append(other.bytes[start..<end], isInput: other.runs[run].isInput)
            start = end
            run += 1
        }
    }

    mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

    /// The part with these bytes.
    subscript(range: Range<Int>) -> TemplateString {
        if range.count == bytes.count { return self }
        var result = TemplateString()
        result.append(self, in: range)
        result.isMarkup = isMarkup
        return result
    }
}
