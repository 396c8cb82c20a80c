/// A text and, for each token of it, where the same token stood before: finds the earlier places that resemble its end, and how the
/// text went on there.
///
///     var index = TextIndex()
///     index.follow([5, 6, 7, 5, 6])
///     index.forEachMatch(after: [], lengths: 8) { token, length in … }  // 7, 2
public struct TextIndex: Sendable {
    /// Tokens so far.
    public private(set) var tokens: [Int32] = []
    /// The last place before each one where its token stood; −1 for none. `[tokens]`
    private var previous: [Int32] = []
    /// The last place of each token.
    private var latest: [Int32: Int32] = [:]

    public init() {}

    /// Takes in what is new in a text; one that is no continuation of the text so far is read from its start.
    /// - Returns: whether it was one.
    @discardableResult
    public mutating func follow(_ text: [Int32]) -> Bool {
        let isContinuation = text.starts(with: tokens)
        if !isContinuation { self = TextIndex() }
        for token in text[tokens.count...] { append(token) }
        return isContinuation
    }

    /// Adds a token at the end.
    public mutating func append(_ token: Int32) {
        previous.append(latest.updateValue(Int32(tokens.count), forKey: token) ?? -1)
        tokens.append(token)
    }

    /// Earlier places of a token that are looked at, the latest: a frequent token in a long text has hundreds.
    public static let places = 64

    /// Lengths of matches that a drafter may tell apart, at most.
    public static let matchLengths = 0...32

    /// Calls `body` for the earlier places of the last token, latest first, `places` of them at most, with the token that came after
    /// and how many tokens up to the place are the same as those up to the end.
    /// - Parameters:
    ///   - path: tokens that stand after the text in this question.
    ///   - lengths: at which a match is as long as need be.
    ///   - body: receives the following token and the length of the match, 1 to `lengths`.
    public func forEachMatch(
        after path: some RandomAccessCollection<Int32>, lengths: Int,
        _ body: (_ token: Int32, _ length: Int) -> Void
    ) {
        let path = Array(path)
        let count = tokens.count
        func token(_ place: Int) -> Int32 { place < count ? tokens[place] : path[place - count] }
        let end = count + path.count - 1
        guard end >= 0 else { return }
        let last = token(end)
        var left = Self.places
        func look(_ place: Int) {
            var length = 1
            while length < lengths, length <= place, token(place - length) == token(end - length) {
                length += 1
            }
            body(token(place + 1), length)
            left -= 1
        }
        var place = end - 1
        while place >= count, left > 0 {
            if token(place) == last { look(place) }
            place -= 1
        }
        place = path.isEmpty ? Int(previous[end]) : latest[last].map(Int.init) ?? -1
        while place >= 0, left > 0 {
            look(place)
            place = Int(previous[place])
        }
    }
}
