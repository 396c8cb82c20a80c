/// A place in the text of an expression that is being parsed.
protocol PatternCursor {
    var text: [Unicode.Scalar] { get }
    var at: Int { get set }
}

extension PatternCursor {
    /// The character here; nil behind the last.
    var peek: Unicode.Scalar? { at < text.count ? text[at] : nil }

    /// Steps over the character if it is this one.
    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        at += 1
        return true
    }

    /// An error that names the place.
    func problem(_ what: String) -> PatternError {
        PatternError(problem: "\(what), at character \(at)")
    }
}
