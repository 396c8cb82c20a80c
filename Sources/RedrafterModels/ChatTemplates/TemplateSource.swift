/// The Jinja source of a chat template, as far as recognising its family needs it: no engine, nothing is run.
///
/// Works on bytes in linear time, whatever the file holds.
struct TemplateSource {
    /// The source with double quotes as single ones, runs of blanks as one, `.content` as `['content']`.
    let text: [UInt8]
    /// String literals in order, unescaped.
    let literals: [String]

    init(_ source: String) {
        let bytes = Array(source.utf8)
        text = Self.simplified(bytes)
        literals = Self.literals(bytes)
    }

    func contains(_ other: String) -> Bool { position(of: other, from: 0) != nil }

    /// The first literal for which `matches` holds.
    func literal(where matches: (String) -> Bool) -> String? { literals.first(where: matches) }

    /// The unescaped literal that begins behind `opening`, which ends with a quote.
    func literal(behind opening: String) -> String? {
        guard let at = position(of: opening, from: 0) else { return nil }
        return Self.literals([UInt8(ascii: "'")] + text[(at + opening.utf8.count)...]).first
    }

    private func position(of other: String, from start: Int) -> Int? {
        let wanted = Array(other.utf8)
        guard let first = wanted.first else { return nil }
        var at = start
        while at + wanted.count <= text.count {
            if text[at] == first, text[at..<at + wanted.count].elementsEqual(wanted) { return at }
            at += 1
        }
        return nil
    }

    private static func simplified(_ bytes: [UInt8]) -> [UInt8] {
        var result = [UInt8]()
        result.reserveCapacity(bytes.count)
        let member = Array(".content".utf8)
        var at = 0
        while at < bytes.count {
            var byte = bytes[at]
            if byte == UInt8(ascii: "\"") { byte = UInt8(ascii: "'") }
            if byte == UInt8(ascii: "."), bytes[at...].starts(with: member) {
                result.append(contentsOf: "['content']".utf8)
                at += member.count
                continue
            }
            if byte != UInt8(ascii: " ") || result.last != byte { result.append(byte) }
            at += 1
        }
        return result
    }

    private static func literals(_ bytes: [UInt8]) -> [String] {
        var result = [String]()
        var at = 0
        while at < bytes.count {
            let quote = bytes[at]
            at += 1
            guard quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { continue }
            var literal = [UInt8]()
            while at < bytes.count, bytes[at] != quote {
                if bytes[at] == UInt8(ascii: "\\"), at + 1 < bytes.count {
                    at += 1
                    switch bytes[at] {
                    case UInt8(ascii: "n"): literal.append(UInt8(ascii: "\n"))
                    case UInt8(ascii: "t"): literal.append(UInt8(ascii: "\t"))
                    default: literal.append(bytes[at])
                    }
                } else {
                    literal.append(bytes[at])
                }
                at += 1
            }
            if at < bytes.count { result.append(String(decoding: literal, as: UTF8.self)) }
            at += 1
        }
        return result
    }
}

extension String {
    /// The text without whitespace (as Jinja's `trim` sees it) at both ends.
    func trimmed(start: Bool = true, end: Bool = true) -> String {
        var scalars = unicodeScalars[...]
        while start, let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        while end, let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        return String(scalars)
    }
}
