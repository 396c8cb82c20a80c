import RedrafterCore

/// Turns the merges of a file, spelled in the byte-level alphabet or plainly, into merges of token ids.
///
/// Both halves and the whole must be tokens, else the file is rejected: a merge that leads nowhere would silently
/// change how every later merge of that word goes. Of equal merges the first counts.
struct MergeReader {
    let file: String
    let field: String
    let vocabulary: Vocabulary
    /// The halves are spelled in the byte-level alphabet.
    var isByteLevel = true
    private(set) var merges: [TokenizerDefinition.Merge] = []
    private var scratch: [UInt8] = []

    init(file: String, field: String, vocabulary: Vocabulary, isByteLevel: Bool = true, count: Int) {
        self.file = file
        self.field = field
        self.vocabulary = vocabulary
        self.isByteLevel = isByteLevel
        merges.reserveCapacity(count)
    }

    /// A merge as one string with a space between the halves.
    mutating func append(_ line: UnsafeRawBufferPointer) throws(TokenizerError) {
        let space = UInt8(ascii: " ")
        guard let cut = line.firstIndex(of: space), cut > 0, cut + 1 < line.count,
            !line[(cut + 1)...].contains(space)
        else {
            throw .invalid(
                file: file, field: "\(field)[\(merges.count)]",
                expected: "two pieces with one space between",
                got: "\"\(String(decoding: line.prefix(64), as: UTF8.self))\"")
        }
        try append(
            UnsafeRawBufferPointer(rebasing: line[..<cut]),
            UnsafeRawBufferPointer(rebasing: line[(cut + 1)...]))
    }

    /// A merge as two strings.
    mutating func append(
        _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
    ) throws(TokenizerError) {
        scratch.removeAll(keepingCapacity: true)
        decode(left)
        let cut = scratch.count
        decode(right)
        let merge = scratch.withUnsafeBufferPointer { both -> TokenizerDefinition.Merge? in
            guard cut > 0, cut < both.count,
                let left = vocabulary.id(of: UnsafeBufferPointer(rebasing: both[..<cut])),
                let right = vocabulary.id(of: UnsafeBufferPointer(rebasing: both[cut...])),
                let result = vocabulary.id(of: both)
            else { return nil }
            return TokenizerDefinition.Merge(left: left, right: right, result: result)
        }
        guard let merge else {
            let halves = [left, right].map { String(decoding: $0.prefix(32), as: UTF8.self) }
            throw .invalid(
                file: file, field: "\(field)[\(merges.count)]",
                expected: "pieces that are tokens and make a token",
                got: "\"\(halves[0])\" and \"\(halves[1])\"")
        }
        merges.append(merge)
    }

    private mutating func decode(_ spelling: UnsafeRawBufferPointer) {
        if isByteLevel, ByteLevelAlphabet.decode(spelling, into: &scratch) { return }
        scratch.append(contentsOf: spelling)
    }
}
