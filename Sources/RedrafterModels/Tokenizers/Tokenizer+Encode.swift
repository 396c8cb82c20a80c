import RedrafterCore

extension Tokenizer {
    /// Tokens of a text.
    /// - Parameters:
    ///   - text: any text; characters without tokens of their own become bytes where the tokenizer has those.
    ///   - parseSpecial: recognises control tokens written in the text; else they are plain text. Added
    ///     tokens that the file does not call special are text of their own and are recognised always.
    public func encode(_ text: String, parseSpecial: Bool) -> [Int32] {
        encode(bytes: Array(text.utf8), parseSpecial: parseSpecial).tokens
    }

    /// The same for bytes, which need not be UTF-8.
    public func encode(bytes: [UInt8], parseSpecial: Bool) -> Encoding {
        encode(bytes: bytes, control: parseSpecial ? [0..<bytes.count] : [])
    }

    /// Tokens of a prompt: the text with the model's begin-of-sequence token where it wants one.
    public func encodePrompt(_ text: String, parseSpecial: Bool = true) -> Encoding {
        withPromptPrefix(encode(bytes: Array(text.utf8), parseSpecial: parseSpecial))
    }

    /// Tokens of a rendered prompt, with the model's begin-of-sequence token where it wants one.
    ///
    /// The segments are one text to the tokenizer: words reach over their borders. Control tokens are recognised
    /// within one control segment only.
    public func encode(_ segments: [PromptSegment]) -> Encoding {
        var bytes = [UInt8]()
        var control = [Range<Int>]()
        for segment in segments {
            let start = bytes.count
            bytes.append(contentsOf: segment.text.utf8)
            if case .control = segment, bytes.count > start { control.append(start..<bytes.count) }
        }
        return withPromptPrefix(encode(bytes: bytes, control: control))
    }

    private func withPromptPrefix(_ encoding: Encoding) -> Encoding {
        guard let prefix = promptPrefix, encoding.tokens.first != prefix else { return encoding }
        return Encoding(tokens: [prefix] + encoding.tokens, droppedBytes: encoding.droppedBytes)
    }

    /// - Parameter control: where control tokens are recognised; ascending, none empty.
    private func encode(bytes: [UInt8], control: [Range<Int>]) -> Encoding {
        var encoding = Encoding()
        func isAllowed(_ range: Range<Int>) -> Bool {
            let end = control.partitioningIndex { $0.upperBound >= range.upperBound }
            return end < control.count && control[end].lowerBound <= range.lowerBound
        }
        bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            while start < bytes.count {
                let found = added.next(in: bytes, from: start, isControlAllowed: isAllowed)
                let end = found?.range.lowerBound ?? bytes.count
                if end > start {
                    let text = UnsafeBufferPointer(rebasing: bytes[start..<end])
                    encodeFragment(
                        text, startsText: start == 0, allowsControl: isAllowed(start..<end), into: &encoding)
                }
                guard let found else { break }
                encoding.tokens.append(found.token)
                start = found.range.upperBound
            }
        }
        return encoding
    }

    /// Text between added tokens: normalized, then cut at the added tokens that are looked for in normalized text.
    private func encodeFragment(
        _ text: UnsafeBufferPointer<UInt8>, startsText: Bool, allowsControl: Bool,
        into encoding: inout Encoding
    ) {
        let normalized = definition.normalizes ? definition.normalized(Array(text)) : nil
        let body = { (text: UnsafeBufferPointer<UInt8>, encoding: inout Encoding) in
            guard !addedNormalized.isEmpty else {
                return encodePiece(text, startsText: startsText, into: &encoding)
            }
            var start = 0
            while start < text.count {
                let found = addedNormalized.next(in: text, from: start) { _ in allowsControl }
                let end = found?.range.lowerBound ?? text.count
                if end > start {
                    let piece = UnsafeBufferPointer(rebasing: text[start..<end])
                    encodePiece(piece, startsText: startsText && start == 0, into: &encoding)
                }
                guard let found else { break }
                encoding.tokens.append(found.token)
                start = found.range.upperBound
            }
        }
        if let normalized {
            normalized.withUnsafeBufferPointer { body($0, &encoding) }
        } else {
            body(text, &encoding)
        }
    }

    /// Positions inside a piece are kept in 32 bits; longer ones are cut.
    private static let longestPiece = 1 << 30

    private func encodePiece(
        _ text: UnsafeBufferPointer<UInt8>, startsText: Bool, into encoding: inout Encoding
    ) {
        var start = 0
        while start < text.count {
            let end = text.count - start > Self.longestPiece ? start + Self.longestPiece : text.count
            let part = UnsafeBufferPointer(rebasing: text[start..<end])
            switch definition.model {
            case .byteLevelBPE(let preTokenizer): encodeWords(part, preTokenizer, into: &encoding)
            case .sentencePieceBPE: encodeBlanks(part, startsText: startsText && start == 0, into: &encoding)
            }
            start = end
        }
    }

    private func encodeWords(
        _ text: UnsafeBufferPointer<UInt8>, _ preTokenizer: PreTokenizer, into encoding: inout Encoding
    ) {
        var symbols = [Int32]()
        let scanned = ScannedText(text, newestUnicode: preTokenizer == .smollm)
        preTokenizer.words(in: scanned) { range in
            let word = UnsafeBufferPointer(rebasing: text[range])
            if definition.prefersWholeWords, let whole = vocabulary.id(of: word) {
                encoding.tokens.append(whole)
                return
            }
            symbols.removeAll(keepingCapacity: true)
            for byte in word {
                let token = byteTokens[Int(byte)]
                if token >= 0 { symbols.append(token) } else { appendMissing(&symbols, &encoding) }
            }
            merger.merge(&symbols)
            encoding.tokens.append(contentsOf: symbols)
        }
    }

    /// SentencePiece: one word, or one for each blank.
    private func encodeBlanks(
        _ text: UnsafeBufferPointer<UInt8>, startsText: Bool, into encoding: inout Encoding
    ) {
        var spelled = Array(text)
        if !definition.isBlankNormalized {
            spelled = Blank.spelled(text, prefix: false)
            let isPrefixed: Bool =
                switch definition.spacePrefix {
                case .everyPieceWithoutBlank: !spelled.starts(with: Blank.bytes)
                case .textWithoutBlank: startsText && !spelled.starts(with: Blank.bytes)
                case .never, .everyPiece: false
                }
            if isPrefixed { spelled.insert(contentsOf: Blank.bytes, at: 0) }
        }
        spelled.withUnsafeBufferPointer { spelled in
            var start = 0
            while start < spelled.count {
                let end = definition.splitsAtBlanks ? Blank.next(in: spelled, after: start) : spelled.count
                encodeCharacters(UnsafeBufferPointer(rebasing: spelled[start..<end]), into: &encoding)
                start = end
            }
        }
    }

    /// A SentencePiece word: characters, those without a token as bytes, then merges.
    private func encodeCharacters(_ word: UnsafeBufferPointer<UInt8>, into encoding: inout Encoding) {
        var symbols = [Int32]()
        symbols.reserveCapacity(word.count)
        var at = 0
        while at < word.count {
            let (_, length) = UTF8Scanner.scalar(in: word, at: at)
            let character = UnsafeBufferPointer(rebasing: word[at..<at + length])
            if let token = vocabulary.id(of: character) {
                symbols.append(token)
            } else if character.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
                for byte in character { symbols.append(byteTokens[Int(byte)]) }
            } else {
                appendMissing(&symbols, &encoding, bytes: length)
            }
            at += length
        }
        merger.merge(&symbols)
        encoding.tokens.append(contentsOf: symbols)
    }

    private func appendMissing(_ symbols: inout [Int32], _ encoding: inout Encoding, bytes: Int = 1) {
        if definition.replacesMissingByUnknown, let unknown = definition.unknown {
            if !definition.fusesUnknown || symbols.last != unknown { symbols.append(unknown) }
        } else {
            encoding.droppedBytes += bytes
        }
    }
}

/// U+2581, which stands for a space in SentencePiece vocabularies.
enum Blank {
    static let bytes: [UInt8] = [0xE2, 0x96, 0x81]

    /// The text with blanks for spaces.
    static func spelled(_ text: some Collection<UInt8>, prefix: Bool) -> [UInt8] {
        var result = [UInt8]()
        result.reserveCapacity(text.count + text.count / 4 + 3)
        if prefix { result += bytes }
        for byte in text {
            if byte == UInt8(ascii: " ") { result += bytes } else { result.append(byte) }
        }
        return result
    }

    /// Where the next blank behind the character at `start` begins, or the end.
    static func next(in text: UnsafeBufferPointer<UInt8>, after start: Int) -> Int {
        var at = start + 1
        while at < text.count {
            if text[at] == 0xE2, at + 2 < text.count, text[at + 1] == 0x96, text[at + 2] == 0x81 { return at }
            at += 1
        }
        return text.count
    }
}

extension TokenizerDefinition {
    /// Blanks are put in by normalization, before added tokens of the normalized kind are looked for.
    var isBlankNormalized: Bool { spacePrefix == .never || spacePrefix == .everyPiece }

    /// Text changes before it is cut into words.
    var normalizes: Bool { normalizesToNFC || (model == .sentencePieceBPE && isBlankNormalized) }

    /// A piece of text as normalization leaves it.
    func normalized(_ text: [UInt8]) -> [UInt8] {
        let composed = normalizesToNFC ? text.withUnsafeBufferPointer(CanonicalComposition.normalized) : nil
        guard model == .sentencePieceBPE, isBlankNormalized else { return composed ?? text }
        return Blank.spelled(composed ?? text, prefix: spacePrefix == .everyPiece)
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index for which `belongs` holds, when it holds for all behind it.
    fileprivate func partitioningIndex(where belongs: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if belongs(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
