/// A line on the terminal for work that takes longer than two seconds; silent where stderr is no terminal.
struct ProgressBar {
    private let title: String
    private let start = ContinuousClock.now
    private var lastShown: ContinuousClock.Instant?

    init(_ title: String) { self.title = title }

    /// - Parameters:
    ///   - part: 0 to 1.
    ///   - detail: shown before the time that is left.
    ///   - secondsLeft: where that is not what the part and the time so far say.
    mutating func update(_ part: Double, detail: String = "", secondsLeft: Double? = nil) {
        let now = ContinuousClock.now
        guard Terminal.isErrorTTY, now - start > .seconds(2) else { return }
        if let lastShown, now - lastShown < .milliseconds(100), part < 1 { return }
        lastShown = now
        let width = 30
        let filled = min(width, max(0, Int(part * Double(width))))
        let elapsed = (now - start) / .seconds(1)
        let seconds = secondsLeft ?? (part > 0.01 ? elapsed / part - elapsed : nil)
        let left = seconds.map { "\(detail.isEmpty ? "" : ", ")\(Int(min($0, 1e9))) s left" } ?? ""
        Terminal.note(
            "\r\(title) [\(String(repeating: "=", count: filled))\(String(repeating: " ", count: width - filled))] "
                + "\(Int(part * 100)) % \(detail)\(left)   ")
    }

    /// Removes the line.
    mutating func finish() {
        guard lastShown != nil else { return }
        Terminal.note("\r\u{1B}[K")
        lastShown = nil
    }
}
