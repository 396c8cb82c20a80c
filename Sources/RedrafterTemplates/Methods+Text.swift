extension Interpreter {
    func callTextMethod(
        _ name: String, _ text: TemplateString, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        try allocate(text.cost)
        switch name {
        case "strip", "lstrip", "rstrip":
            let bound = try arguments.bind(["chars"], name)
            return .string(
                text.trimmed(try characters(bound[0]), start: name != "rstrip", end: name != "lstrip"))
        case "split", "rsplit", "splitlines", "partition", "rpartition":
            return try divide(name, text, arguments)
        case "startswith", "endswith": return .bool(try hasEnd(name, text, arguments))
        case "removeprefix", "removesuffix":
            let part = try string(try arguments.bind(["part"], required: 1, name)[0] ?? .none, name)
            let isPrefix = name == "removeprefix"
            guard isPrefix ? text.bytes.starts(with: part.bytes) : text.hasSuffix(part) else {
                return .string(text)
            }
            return .string(
                isPrefix ? text[part.count..<text.count] : text[0..<text.count - part.count])
        case "replace":
            let bound = try arguments.bind(["old", "new", "count"], required: 2, name)
            let new = try string(bound[1] ?? .none, name)
            return try string(
                try replaced(text, try string(bound[0] ?? .none, name), new, limit: try limit(bound[2], name))
            )
        case "find", "rfind", "index", "rindex", "count": return try search(name, text, arguments)
        case "join":
            let bound = try arguments.bind(["items"], required: 1, name)
            return try join(try items(bound[0] ?? .none), by: text)
        case "center", "ljust", "rjust", "zfill": return try pad(name, text, arguments)
        default:
            _ = try arguments.bind([], name)
            try allocate(text.count * 40)
            return try caseMethod(name, text)
        }
    }

    private func caseMethod(_ name: String, _ text: TemplateString) throws(Fault) -> TemplateValue {
        switch name {
        case "upper": .string(text.uppercased)
        case "lower": .string(text.lowercased)
        case "casefold": .string(text.lowercased)
        case "capitalize": .string(text.capitalized)
        case "title": .string(text.titled)
        case "swapcase": .string(text.swappedCase)
        case "islower": .bool(text.isLowercase)
        case "isupper": .bool(text.isUppercase)
        case "istitle": .bool(text.isTitled)
        default: .bool(text.isAll(name))
        }
    }

    private func hasEnd(
        _ name: String, _ text: TemplateString, _ arguments: CallArguments
    ) throws(Fault) -> Bool {
        let bound = try arguments.bind(["part", "start", "end"], required: 1, name)
        var candidates = [TemplateValue]()
        if case .tuple(let list)? = bound[0] {
            candidates = list.items
        } else {
            candidates = [bound[0] ?? .none]
        }
        let part = text[try window(text, bound[1], bound[2])]
        for candidate in candidates {
            let candidate = try string(candidate, name)
            if name == "startswith" ? part.bytes.starts(with: candidate.bytes) : part.hasSuffix(candidate) {
                return true
            }
        }
        return false
    }

    /// Bytes from one code point to another, as Python's slices go.
    private func window(
        _ text: TemplateString, _ start: TemplateValue?, _ end: TemplateValue?
    ) throws(Fault) -> Range<Int> {
        guard start != nil || end != nil else { return 0..<text.count }
        let count = text.scalarCount
        func place(_ value: TemplateValue?, _ standard: Int) throws(Fault) -> Int {
            if case .none? = value { return standard }
            guard let place = try integer(value, "a part of a text") else { return standard }
            return min(max(place < 0 ? place + count : place, 0), count)
        }
        let low = text.offset(ofScalar: try place(start, 0))
        return low..<max(low, text.offset(ofScalar: try place(end, count)))
    }

    private func search(
        _ name: String, _ text: TemplateString, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        let bound = try arguments.bind(["part", "start", "end"], required: 1, name)
        let part = try string(bound[0] ?? .none, name)
        let window = try window(text, bound[1], bound[2])
        let inside = text[window]
        if name == "count" {
            if part.isEmpty { return .integer(inside.scalarCount + 1) }
            var (count, at) = (0, 0)
            while let found = try find(part, in: inside, from: at) {
                (count, at) = (count + 1, found + part.count)
            }
            return .integer(count)
        }
        let found =
            name.utf8.starts(with: "r".utf8)
            ? try findLast(part, in: inside, before: inside.count) : try find(part, in: inside, from: 0)
        if let found {
            return .integer(text[0..<window.lowerBound + found].scalarCount)
        }
        guard name.hasSuffix("find") else { throw .failed("'\(name)' of something that is not in the text") }
        return .integer(-1)
    }

    private func join(_ items: [TemplateValue], by separator: TemplateString) throws(Fault) -> TemplateValue {
        var result = TemplateString()
        for (index, item) in items.enumerated() {
            if index > 0 {
                try allocate(separator.count)
                result.append(separator)
            }
            let part = try string(item, "'join'")
            try allocate(part.count)
            result.append(part)
        }
        return try string(result)
    }

    private func pad(_ name: String, _ text: TemplateString, _ arguments: CallArguments) throws(Fault)
        -> TemplateValue
    {
        let bound = try arguments.bind(["width", "fill"], required: 1, name)
        let width = try integer(bound[0], name) ?? 0
        guard name != "zfill" else {
            let count = max(0, max(0, width) - text.scalarCount)
            try allocate(count)
            let hasSign = text.bytes.first == UInt8(ascii: "-") || text.bytes.first == UInt8(ascii: "+")
            var result = text[0..<(hasSign ? 1 : 0)]
            result.append(repeatElement(UInt8(ascii: "0"), count: count))
            result.append(text, in: (hasSign ? 1 : 0)..<text.count)
            return .string(result)
        }
        let side: Side = name == "ljust" ? .right : name == "rjust" ? .left : .both
        let fill =
            try bound[1].map { (value) throws(Fault) in try string(value, name) } ?? TemplateString(" ")
        guard fill.scalarCount == 1 else { throw .failed("'\(name)' fills up with one character") }
        return .string(try padded(text, to: width, side: side, fill: fill))
    }

    /// Where padding goes.
    enum Side { case left, right, both }

    func padded(
        _ text: TemplateString, to width: Int, side: Side, fill: TemplateString = TemplateString(" ")
    ) throws(Fault) -> TemplateString {
        let length = text.scalarCount
        guard width > length else { return text }
        let missing = width - length
        let (bytes, overflow) = missing.multipliedReportingOverflow(by: fill.count)
        try allocate(overflow ? Int.max / 2 : bytes)
        // An odd blank goes to the left where the width is odd, as in Python.
        let left = side == .left ? missing : side == .right ? 0 : missing / 2 + (missing & width & 1)
        var result = TemplateString()
        for _ in 0..<left { result.append(fill) }
        result.append(text)
        for _ in 0..<(missing - left) { result.append(fill) }
        return result
    }
}
