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

    /// Tokens of a text as the tokenizer alone gives them: with what it puts before and behind every text.
    /// - Parameters:
    ///   - bytes: the text, which need not be UTF-8.
    ///   - parseSpecial: finds special tokens in the text; else they are plain text.
    ///   - addsSpecial: puts these tokens there; else the text alone.
    public func encode(bytes: [UInt8], parseSpecial: Bool, addsSpecial: Bool) -> Encoding {
        let text = encode(bytes: bytes, parseSpecial: parseSpecial)
        guard addsSpecial else { return text }
        return Encoding(
            tokens: definition.prefix + text.tokens + definition.suffix, droppedBytes: text.droppedBytes)
    }

    private func withPromptPrefix(_ encoding: Encoding) -> Encoding {
        guard let prefix = promptPrefix, encoding.tokens.first != prefix else { return encoding }
        return Encoding(tokens: definition.prefix + encoding.tokens, droppedBytes: encoding.droppedBytes)
    }

    /// - Parameter control: where control tokens are recognised; ascending, none empty.
    private func encode(bytes: [UInt8], control: [Range<Int>]) -> Encoding {
        var encoding = Encoding()
        var cache = WordCache(textBytes: bytes.count)
        func isAllowed(_ range: Range<Int>) -> Bool {
            let end = control.partitioningIndex { $0.upperBound >= range.upperBound }
            return end < control.count && control[end].lowerBound <= range.lowerBound
        }
        bytes.withUnsafeBufferPointer { bytes in
            var (start, resume, whitespace) = (0, 0, 0..<0)
            while true {
                let found = added.next(
                    in: bytes, from: resume, consumed: start, whitespace: &whitespace,
                    isControlAllowed: isAllowed)
                let end = found?.range.lowerBound ?? bytes.count
                if end > start {
                    let text = UnsafeBufferPointer(rebasing: bytes[start..<end])
                    encodeFragment(
                        text, startsText: start == 0, allowsControl: isAllowed(start..<end), &cache,
                        into: &encoding)
                }
                guard let found else { break }
                encoding.tokens.append(found.token)
                (start, resume) = (found.range.upperBound, found.resume)
            }
        }
        return encoding
    }

    /// Text between added tokens: normalized, then cut at the added tokens that are looked for in normalized text.
    private func encodeFragment(
        _ text: UnsafeBufferPointer<UInt8>, startsText: Bool, allowsControl: Bool, _ cache: inout WordCache,
        into encoding: inout Encoding
    ) {
        var startsText = startsText
        let normalized =
            definition.normalizers.isEmpty ? nil : definition.normalized(Array(text), startsText: &startsText)
        func encodeNormalized(_ text: UnsafeBufferPointer<UInt8>) {
            guard !addedNormalized.isEmpty else {
                return encodePiece(text, startsText: startsText, &cache, into: &encoding)
            }
            var (start, resume, whitespace) = (0, 0, 0..<0)
            while true {
                let found = addedNormalized.next(
                    in: text, from: resume, consumed: start, whitespace: &whitespace
                ) { _ in
                    allowsControl
                }
                let end = found?.range.lowerBound ?? text.count
                if end > start {
                    let piece = UnsafeBufferPointer(rebasing: text[start..<end])
                    encodePiece(piece, startsText: startsText && start == 0, &cache, into: &encoding)
                }
                guard let found else { break }
                encoding.tokens.append(found.token)
                (start, resume) = (found.range.upperBound, found.resume)
            }
        }
        if let normalized {
            normalized.withUnsafeBufferPointer { encodeNormalized($0) }
        } else {
            encodeNormalized(text)
        }
    }

    /// Positions inside a piece are kept in 32 bits; longer ones are cut.
    private static let longestPiece = 1 << 30

    private func encodePiece(
        _ text: UnsafeBufferPointer<UInt8>, startsText: Bool, _ cache: inout WordCache,
        into encoding: inout Encoding
    ) {
        var start = 0
        while start < text.count {
            let end = text.count - start > Self.longestPiece ? start + Self.longestPiece : text.count
            let part = UnsafeBufferPointer(rebasing: text[start..<end])
            let encoder = encoder
            words.forEachWord(in: part, startsText: startsText && start == 0) {
                encoder.encode($0, &cache, into: &encoding)
            }
            start = end
        }
    }
}

extension TokenizerDefinition {
    /// A piece of text as normalization leaves it.
    func normalized(_ text: [UInt8]) -> [UInt8] {
        var startsText = true
        return normalized(text, startsText: &startsText)
    }

    /// - Parameter startsText: false from then on where the start was stripped off.
    func normalized(_ text: [UInt8], startsText: inout Bool) -> [UInt8] {
        var text = text
        for step in normalizers {
            if case .strip(left: true, _) = step, let first = step.changed(Array(text.prefix(4))),
                first.first != text.first || first.isEmpty
            {
                startsText = false
            }
            if let changed = step.changed(text) { text = changed }
        }
        return text
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
