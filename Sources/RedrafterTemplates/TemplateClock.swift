import RedrafterPlatform

/// The date that `strftime_now` shows.
public struct TemplateClock: Sendable, Equatable {
    private let seconds: Int?

    /// The time at which a template runs, in the local time zone.
    public static let system = TemplateClock(seconds: nil)

    /// Always the same time, in seconds since 1970: for tests.
    public static func fixed(_ seconds: Int) -> TemplateClock { TemplateClock(seconds: seconds) }

    /// The time in a format of C's `strftime`.
    func text(_ format: String) throws(Fault) -> String {
        var moment = timespec()
        clock_gettime(CLOCK_REALTIME, &moment)
        if let seconds { moment = timespec(tv_sec: seconds, tv_nsec: 0) }
        var parts = tm()
        var time = moment.tv_sec
        localtime_r(&time, &parts)
        let prepared = Self.prepared(format, microseconds: moment.tv_nsec / 1000)
        guard prepared.utf8.count <= Self.longestFormat else {
            throw .limit("a date format of \(prepared.utf8.count) bytes", allowed: "\(Self.longestFormat)")
        }
        guard !prepared.isEmpty else { return "" }
        var buffer = [CChar](repeating: 0, count: 64 * Self.longestFormat)
        // The blank tells an empty result from one that does not fit.
        let count = strftime(&buffer, buffer.count, prepared + " ", &parts)
        guard count > 0 else { throw .failed("the date format cannot be shown") }
        return String(decoding: buffer[..<(count - 1)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static let longestFormat = 1024

    /// What Python does itself: microseconds, and no time zone. Anything behind NUL is left out.
    private static func prepared(_ format: String, microseconds: Int) -> String {
        var result = ""
        var isDirective = false
        for scalar in format.unicodeScalars.prefix(while: { $0.value != 0 }) {
            guard isDirective else {
                if scalar == "%" { isDirective = true } else { result.unicodeScalars.append(scalar) }
                continue
            }
            isDirective = false
            switch scalar {
            case "f":
                let digits = String(microseconds)
                result += String(repeating: "0", count: max(0, 6 - digits.count)) + digits
            case "z", "Z": break
            // Widths of GNU's strftime could fill any buffer.
            case "0"..."9", "_", "^", "#", "+": result += "%%\(scalar)"
            default: result += "%\(scalar)"
            }
        }
        return isDirective ? result + "%%" : result
    }
}
