import RedrafterFormats

extension HuggingFacePipeline {
    private static let supportedNormalizers =
        "NFC, NFD, NFKC, NFKD, Lowercase, Replace, Prepend, Strip, StripAccents, Nmt, Sequence"
    private static let supportedPreTokenizers = """
        ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, CharDelimiterSplit, FixedLength, Metaspace, \
        Sequence
        """

    func readNormalizers(_ steps: [Step]) throws(TokenizerError) -> [Normalizer] {
        var result = [Normalizer]()
        var growth = Growth(subject: "the normalizer")
        for step in steps {
            switch step.type {
            case "NFC", "NFD", "NFKC", "NFKD":
                if let form = NormalizationForm(rawValue: step.type) { result.append(.form(form)) }
            case "Lowercase": result.append(.lowercase)
            case "Replace":
                guard let pattern = try pattern(step) else {
                    throw unsupported(step, "of an empty string", supported: Self.supportedNormalizers)
                }
                let content = try text(step, "content")
                try growth.grow(by: content.count, file: file)
                result.append(.replace(pattern, with: content))
            case "Prepend":
                let prefix = try text(step, "prepend")
                try growth.grow(by: prefix.count, file: file)
                result.append(.prepend(prefix))
            case "Strip":
                let left = try flag(step, "strip_left") ?? true
                result.append(.strip(left: left, right: try flag(step, "strip_right") ?? true))
            case "StripAccents": result.append(.stripAccents)
            case "Nmt": result.append(.plainBlanks)
            default: throw unsupported(step, supported: Self.supportedNormalizers)
            }
        }
        return result
    }

    mutating func readPreTokenizers(_ steps: [Step]) throws(TokenizerError) {
        for step in steps {
            guard !isByteLevel else {
                throw unsupported(step, "behind ByteLevel", supported: "ByteLevel as the last step")
            }
            switch step.type {
            case "ByteLevel":
                if try flag(step, "add_prefix_space") ?? true { preTokenizers.append(.spacePrefix) }
                if try flag(step, "use_regex") ?? true { preTokenizers.append(.words(.gpt2)) }
                isByteLevel = true
            case "Split":
                let split = try split(step)
                if !findsNothing(split) { preTokenizers.append(split) }
            case "Digits":
                preTokenizers.append(.digits(isSingle: try flag(step, "individual_digits") ?? false))
            case "Punctuation":
                preTokenizers.append(.punctuation(try behavior(step, ifMissing: .isolated)))
            case "Whitespace": preTokenizers.append(.wordsAndSigns)
            case "WhitespaceSplit": preTokenizers.append(.whitespace)
            case "CharDelimiterSplit":
                let delimiter = try text(step, "delimiter")
                guard !delimiter.isEmpty else {
                    throw invalid("\(step.field).delimiter", "a character", step.value)
                }
                preTokenizers.append(.split(TextPattern(literal: delimiter), .removed))
            case "FixedLength":
                guard let length = step.value["length"]?.integer, length > 0 else {
                    throw invalid("\(step.field).length", "a number above 0", step.value["length"] ?? .null)
                }
                preTokenizers.append(.length(length))
            case "Metaspace": preTokenizers.append(try metaspace(step))
            default: throw unsupported(step, supported: Self.supportedPreTokenizers)
            }
        }
        preTokenizers = preTokenizers.simplified
    }

    private func split(_ step: Step) throws(TokenizerError) -> PreTokenizer {
        let behavior = try behavior(step, ifMissing: nil)
        let isInverted = try flag(step, "invert") ?? false
        guard let pattern = try pattern(step) else {
            throw unsupported(step, "at an empty string", supported: Self.supportedPreTokenizers)
        }
        return .split(pattern, behavior, isInverted: isInverted)
    }

    /// Gemma cuts at spaces where normalization has left none.
    private func findsNothing(_ step: PreTokenizer) -> Bool {
        guard case .split(let pattern, _, isInverted: false) = step, case .literal(let literal) = pattern.kind
        else {
            return false
        }
        return normalizers.last.map {
            if case .replace(pattern, let content) = $0 { !content.contains(literal[0]) } else { false }
        } ?? false
    }

    private func behavior(_ step: Step, ifMissing: SplitBehavior?) throws(TokenizerError) -> SplitBehavior {
        let value = step.value["behavior"]
        if value == nil, let ifMissing { return ifMissing }
        guard let behavior = value?.string.flatMap(SplitBehavior.init(rawValue:)) else {
            throw invalid(
                "\(step.field).behavior",
                "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous",
                value ?? .null)
        }
        return behavior
    }

    private func metaspace(_ step: Step) throws(TokenizerError) -> PreTokenizer {
        let replacement = try text(step, "replacement")
        guard !replacement.isEmpty else {
            throw invalid("\(step.field).replacement", "a character", step.value)
        }
        return .blanks(
            replacement: replacement, try blankPrefix(step), splits: try flag(step, "split") ?? true)
    }

    /// `prepend_scheme`, or in older files `add_prefix_space`.
    func blankPrefix(_ step: Step) throws(TokenizerError) -> BlankPrefix {
        guard let value = step.value["prepend_scheme"], !value.isNull else {
            return try flag(step, "add_prefix_space") == false ? .never : .always
        }
        guard let prefix = value.string.flatMap(BlankPrefix.init(rawValue:)) else {
            throw invalid("\(step.field).prepend_scheme", "always, first or never", value)
        }
        return prefix
    }
}

extension HuggingFacePipeline {
    private static let supportedDecoders = """
        ByteLevel behind a ByteLevel pre-tokenizer; else Replace of strings, ByteFallback, Metaspace, Fuse and Strip of \
        the start
        """

    mutating func readDecoder(_ steps: [Step], _ value: JSONValue?) throws(TokenizerError) {
        decoder.decodesBytes = false
        guard !steps.isEmpty else {
            guard !isByteLevel else {
                throw .unsupported(
                    file: file, what: "a ByteLevel tokenizer without decoder",
                    supported: Self.supportedDecoders)
            }
            decoder.joinsWithSpaces = value?.isNull ?? true
            return
        }
        var isFused = false
        var growth = Growth(subject: "the decoder")
        for step in steps {
            switch (step.type, isByteLevel) {
            case ("ByteLevel", true): continue
            case ("ByteFallback", false): decoder.decodesBytes = true
            case ("Fuse", false): isFused = true
            case ("Replace", false) where !isFused:
                guard case .literal(let literal) = try pattern(step)?.kind else {
                    throw unsupported(step, "with a Regex", supported: Self.supportedDecoders)
                }
                let content = try text(step, "content")
                try growth.grow(by: content.count / max(literal.count, 1) + 1, file: file)
                decoder.replacements.append(TokenDecoder.Replacement(pattern: literal, content: content))
            case ("Strip", false): try readStrip(step, isFused)
            case ("Metaspace", false) where !isFused:
                let blank = try text(step, "replacement")
                decoder.replacements.append(
                    TokenDecoder.Replacement(pattern: blank, content: [UInt8(ascii: " ")]))
                if try blankPrefix(step) != .never { decoder.dropsBlanksOfFirst = blank }
            default: throw unsupported(step, supported: Self.supportedDecoders)
            }
        }
    }

    private mutating func readStrip(_ step: Step, _ isFused: Bool) throws(TokenizerError) {
        guard let start = step.value["start"]?.integer, let stop = step.value["stop"]?.integer, start >= 0,
            stop >= 0
        else { throw invalid("\(step.field).start", "numbers of characters at start and stop", step.value) }
        if start == 0, stop == 0 { return }
        // What is taken off the end, or off each token, cannot be shown as it comes.
        guard isFused, stop == 0, decoder.trimCount == 0 else {
            throw unsupported(step, supported: Self.supportedDecoders)
        }
        decoder.trimmed = try text(step, "content")
        guard !decoder.trimmed.isEmpty else {
            throw invalid("\(step.field).content", "a character", step.value)
        }
        decoder.trimCount = start
    }
}

extension [PreTokenizer] {
    /// The same with known patterns in their fast form.
    var simplified: [PreTokenizer] {
        var result = [PreTokenizer]()
        for step in self {
            var step = step
            if case .split(let pattern, .isolated, false) = step, let source = pattern.source,
                let known = WordPattern.allCases.first(where: {
                    $0.pattern?.utf8.elementsEqual(source.utf8) ?? false
                })
            {
                step = .words(known)
            }
            if step == .words(.gpt2), result.last == .digits(isSingle: true) {
                result.removeLast()
                step = .words(.smollm)
            }
            result.append(step)
        }
        return result
    }
}

/// How much longer a text can become, at most: replacements multiply.
private struct Growth {
    let subject: String
    private var factor = 1

    init(subject: String) { self.subject = subject }

    /// Tokenizers make a byte at most a few times longer.
    private static let most = 4096

    mutating func grow(by bytes: Int, file: String) throws(TokenizerError) {
        let (product, overflow) = factor.multipliedReportingOverflow(by: max(bytes, 1))
        guard !overflow, product <= Self.most else {
            throw .invalid(
                file: file, field: subject,
                expected: "replacements that make a byte at most \(Self.most) bytes",
                got: "more")
        }
        factor = product
    }
}
