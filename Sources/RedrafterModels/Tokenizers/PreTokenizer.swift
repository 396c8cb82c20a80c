/// A step that cuts text into pieces, or pieces into smaller ones. Merges never reach over the border of a piece.
public enum PreTokenizer: Sendable, Hashable {
    /// One of the common patterns, each match and each gap a piece.
    case words(WordPattern)
    case split(TextPattern, SplitBehavior, isInverted: Bool = false)
    /// Numeric characters, alone or in runs.
    case digits(isSingle: Bool)
    case punctuation(SplitBehavior)
    /// Words and signs; whitespace is dropped (`Whitespace`).
    case wordsAndSigns
    /// Whitespace is dropped (`WhitespaceSplit`).
    case whitespace
    /// Pieces of so many characters.
    case length(Int)
    /// Blanks for spaces, and one in front.
    case blanks(replacement: [UInt8], BlankPrefix, splits: Bool)
    /// A space before pieces that begin with none (`add_prefix_space`).
    case spacePrefix
}

/// What becomes of the matches of a `Split`.
public enum SplitBehavior: String, Sendable, Hashable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
}

/// Where `Metaspace` puts a blank in front.
public enum BlankPrefix: String, Sendable, Hashable {
    case never
    /// Before every piece that begins with none.
    case always
    /// Before the text only, unless it begins with one.
    case first
}

/// Text that is being cut.
struct PieceList {
    private(set) var text: [UInt8]
    private(set) var pieces: [Range<Int>]  // ascending
    /// The first piece begins the whole text.
    private var startsText: Bool

    init(_ text: [UInt8], startsText: Bool) {
        self.text = text
        pieces = text.isEmpty ? [] : [0..<text.count]
        self.startsText = startsText
    }

    mutating func apply(_ step: PreTokenizer) {
        switch step {
        case .words(let pattern): cut(words: pattern)
        case .split(let pattern, let behavior, let isInverted):
            cut(behavior, isInverted) { pattern.forEachMatch(in: $0, $1) }
        case .digits(let isSingle):
            cut(isSingle ? .isolated : .contiguous, false) { bytes, body in
                Self.forEachCharacter(bytes) { scalar, range in
                    if scalar.map(Self.isNumeric) ?? false { body(range) }
                }
            }
        case .punctuation(let behavior):
            cut(behavior, false) { bytes, body in
                Self.forEachCharacter(bytes) { scalar, range in
                    if scalar.map(Self.isPunctuation) ?? false { body(range) }
                }
            }
        case .whitespace:
            cut(.removed, false) { bytes, body in
                Self.forEachCharacter(bytes) { scalar, range in
                    if scalar?.properties.isWhitespace ?? false { body(range) }
                }
            }
        case .wordsAndSigns: cut(.removed, true) { Self.forEachWordOrSign($0, $1) }
        case .length(let length):
            cut(.isolated, false) { bytes, body in
                var (start, count) = (0, 0)
                Self.forEachCharacter(bytes) { _, range in
                    count += 1
                    if count == length || range.upperBound == bytes.count {
                        body(start..<range.upperBound)
                        (start, count) = (range.upperBound, 0)
                    }
                }
            }
        case .blanks(let replacement, let prefix, let splits): putBlanks(replacement, prefix, splits)
        case .spacePrefix: putPrefix([UInt8(ascii: " ")]) { _ in true }
        }
    }

    private mutating func cut(words pattern: WordPattern) {
        var result = [Range<Int>]()
        result.reserveCapacity(pieces.count + text.count / 4)
        text.withUnsafeBufferPointer { bytes in
            let scanned = ScannedText(bytes, newestUnicode: pattern == .smollm)
            var first = 0
            for piece in pieces {
                first = scanned.character(at: piece.lowerBound, from: first)
                let last = scanned.character(at: piece.upperBound, from: first)
                pattern.words(in: scanned, from: first, to: last) { result.append($0) }
                first = last
            }
        }
        pieces = result
    }

    /// Cuts every piece at the matches that `matches` finds in it.
    private mutating func cut(
        _ behavior: SplitBehavior, _ isInverted: Bool,
        _ matches: (UnsafeBufferPointer<UInt8>, (Range<Int>) -> Void) -> Void
    ) {
        var result = PieceJoiner(behavior)
        text.withUnsafeBufferPointer { bytes in
            for piece in pieces {
                result.begin()
                var end = piece.lowerBound
                matches(UnsafeBufferPointer(rebasing: bytes[piece])) { match in
                    let range = match.lowerBound + piece.lowerBound..<match.upperBound + piece.lowerBound
                    if range.lowerBound > end { result.add(end..<range.lowerBound, isMatch: isInverted) }
                    result.add(range, isMatch: !isInverted)
                    end = range.upperBound
                }
                if end < piece.upperBound { result.add(end..<piece.upperBound, isMatch: isInverted) }
                result.finish()
            }
        }
        pieces = result.pieces
    }

    private mutating func putBlanks(_ replacement: [UInt8], _ prefix: BlankPrefix, _ splits: Bool) {
        var spelled = PieceList([], startsText: startsText)
        let isOneByte = replacement.count == 1
        for piece in pieces {
            let start = spelled.text.count
            for byte in text[piece] {
                if byte != UInt8(ascii: " ") {
                    spelled.text.append(byte)
                } else if isOneByte {
                    spelled.text.append(replacement[0])
                } else {
                    spelled.text += replacement
                }
            }
            spelled.pieces.append(start..<spelled.text.count)
        }
        let isStart = startsText && pieces.first?.lowerBound == 0
        self = spelled
        switch prefix {
        case .never: break
        case .always: putPrefix(replacement) { _ in true }
        case .first: putPrefix(replacement) { isStart && $0 == 0 }
        }
        if splits { apply(.split(TextPattern(literal: replacement), .mergedWithNext)) }
    }

    /// Puts bytes before those pieces that `belongs` names by their index and that do not begin so.
    private mutating func putPrefix(_ prefix: [UInt8], _ belongs: (Int) -> Bool) {
        var spelled = [UInt8]()
        spelled.reserveCapacity(text.count + prefix.count * pieces.count)
        for index in pieces.indices {
            let start = spelled.count
            if belongs(index), !text[pieces[index]].starts(with: prefix) { spelled += prefix }
            spelled += text[pieces[index]]
            pieces[index] = start..<spelled.count
        }
        text = spelled
    }
}

extension PieceList {
    /// Calls with each character, nil for a byte that is none.
    private static func forEachCharacter(
        _ bytes: UnsafeBufferPointer<UInt8>, _ body: (Unicode.Scalar?, Range<Int>) -> Void
    ) {
        var at = 0
        while at < bytes.count {
            let (scalar, length) = UTF8Scanner.scalar(in: bytes, at: at)
            body(scalar, at..<at + length)
            at += length
        }
    }

    private static func isNumeric(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
        default: GeneralCategory.bit(of: scalar) & GeneralCategory.punctuation != 0
        }
    }

    /// `\w+|[^\w\s]+`
    private static func forEachWordOrSign(
        _ bytes: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void
    ) {
        var run: (start: Int, isWord: Bool)?
        forEachCharacter(bytes) { scalar, range in
            let isWord = scalar.map(AddedTokenMatcher.isWord) ?? false
            if let open = run, open.isWord != isWord || scalar?.properties.isWhitespace ?? false {
                body(open.start..<range.lowerBound)
                run = nil
            }
            if run == nil, !(scalar?.properties.isWhitespace ?? false) { run = (range.lowerBound, isWord) }
        }
        if let run { body(run.start..<bytes.count) }
    }
}

/// Joins matches and what lies between them as a `SplitBehavior` says.
private struct PieceJoiner {
    let behavior: SplitBehavior
    private(set) var pieces: [Range<Int>] = []
    private var current: Range<Int>?
    private var isLastMatch = false

    init(_ behavior: SplitBehavior) { self.behavior = behavior }

    mutating func begin() {
        current = nil
        isLastMatch = false
    }

    /// Ranges come in order and touch.
    mutating func add(_ range: Range<Int>, isMatch: Bool) {
        defer { isLastMatch = isMatch }
        let joins: Bool
        switch behavior {
        case .isolated: joins = false
        case .removed:
            if isMatch { return }
            joins = false
        case .contiguous: joins = isMatch == isLastMatch
        case .mergedWithPrevious: joins = isMatch && !isLastMatch
        case .mergedWithNext: joins = !isMatch && isLastMatch
        }
        if joins, let open = current {
            current = open.lowerBound..<range.upperBound
        } else {
            finish()
            current = range
        }
    }

    mutating func finish() {
        if let current, !current.isEmpty { pieces.append(current) }
        current = nil
    }
}
