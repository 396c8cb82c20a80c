/// Text as a list of characters (Unicode scalars) with the class each has for pre-tokenizers.
///
/// Bytes that are no UTF-8 are characters of class `other`, one each.
struct ScannedText {
    enum Kind: UInt8 {
        case letter, number, newline, space, other

        var isWhitespace: Bool { self == .space || self == .newline }
    }

    let source: UnsafeBufferPointer<UInt8>
    private(set) var kinds: ContiguousArray<Kind> = []
    private var offsets: ContiguousArray<UInt32> = []  // [count + 1]

    var count: Int { kinds.count }

    /// - Parameter newestUnicode: numbers of the newest Unicode are numbers; see `isKnown`.
    init(_ source: UnsafeBufferPointer<UInt8>, newestUnicode: Bool) {
        self.source = source
        kinds.reserveCapacity(source.count)
        offsets.reserveCapacity(source.count + 1)
        var at = 0
        while at < source.count {
            let (scalar, length) = UTF8Scanner.scalar(in: source, at: at)
            kinds.append(Self.kind(of: scalar, newestUnicode))
            offsets.append(UInt32(truncatingIfNeeded: at))
            at += length
        }
        offsets.append(UInt32(truncatingIfNeeded: at))
    }

    /// Bytes of a range of characters.
    func bytes(_ range: Range<Int>) -> Range<Int> {
        Int(offsets[range.lowerBound])..<Int(offsets[range.upperBound])
    }

    /// The index of the character that begins at a byte, `first` or behind; `count` for the end.
    func character(at byte: Int, from first: Int) -> Int {
        var index = first
        while offsets[index] < byte { index += 1 }
        return index
    }

    /// The character where it is ASCII, else 0.
    func ascii(_ index: Int) -> UInt8 {
        let byte = source[Int(offsets[index])]
        return byte < 0x80 ? byte : 0
    }

    func isSpace(_ index: Int) -> Bool { ascii(index) == UInt8(ascii: " ") }

    /// U+017F, the one character outside ASCII that case folding takes to a letter of a contraction.
    func isLongS(_ index: Int) -> Bool {
        let at = Int(offsets[index])
        return source[at] == 0xC5 && at + 1 < source.count && source[at + 1] == 0xBF
    }

    private static let asciiKinds: [Kind] = (0..<128).map { kind(ofAny: Unicode.Scalar(UInt8($0)), false) }

    private static func kind(of scalar: Unicode.Scalar?, _ newestUnicode: Bool) -> Kind {
        guard let scalar else { return .other }
        return scalar.value < 128 ? asciiKinds[Int(scalar.value)] : kind(ofAny: scalar, newestUnicode)
    }

    private static func kind(ofAny scalar: Unicode.Scalar, _ newestUnicode: Bool) -> Kind {
        let properties = scalar.properties
        if scalar == "\n" || scalar == "\r" { return .newline }
        if properties.isWhitespace { return .space }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            return isKnown(properties) ? .letter : .other
        case .decimalNumber, .letterNumber, .otherNumber:
            return newestUnicode || isKnown(properties) ? .number : .other
        default: return .other
        }
    }

    /// The regular expressions of Hugging Face `tokenizers` know Unicode 16; what is newer is neither letter nor number
    /// to them. Its split into digits knows newer numbers, too.
    private static func isKnown(_ properties: Unicode.Scalar.Properties) -> Bool {
        properties.age.map { $0.major <= 16 } ?? false
    }
}
