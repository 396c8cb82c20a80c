/// Finds stop texts in a stream of text and holds back what could be the beginning of one.
struct StopScanner {
    private let stops: [[UInt8]]
    private var pending: [UInt8] = []
    /// A stop text was found; nothing more comes out.
    private(set) var isStopped = false

    init(_ stops: [String]) { self.stops = stops.map { Array($0.utf8) } }

    /// Takes text and returns what is certainly before any stop text.
    mutating func append(_ text: String) -> String {
        guard !isStopped else { return "" }
        pending.append(contentsOf: text.utf8)
        if let start = firstStop() {
            isStopped = true
            pending.removeSubrange(start...)
            return take(pending.count)
        }
        return take(pending.count - heldBack())
    }

    /// The text that was held back, at the end of the stream.
    mutating func finish() -> String { take(pending.count) }

    private mutating func take(_ count: Int) -> String {
        defer { pending.removeFirst(count) }
        return String(decoding: pending[..<count], as: UTF8.self)
    }

    /// Where the first stop text begins.
    private func firstStop() -> Int? {
        pending.indices.first { start in stops.contains { pending[start...].starts(with: $0) } }
    }

    /// Length of the longest end that is the beginning of a stop text. Stop texts begin with a whole character, so no
    /// character is cut.
    private func heldBack() -> Int {
        let longest = stops.reduce(0) { max($0, $1.count - 1) }
        for count in stride(from: min(longest, pending.count), to: 0, by: -1) {
            let end = pending.suffix(count)
            if stops.contains(where: { $0.count > count && $0.starts(with: end) }) { return count }
        }
        return 0
    }
}
