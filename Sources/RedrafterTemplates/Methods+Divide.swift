extension Interpreter {
    /// The place of a text in another; every byte compared is paid for.
    func find(_ part: TemplateString, in text: TemplateString, from start: Int) throws(Fault) -> Int? {
        guard let first = part.bytes.first else { return start }
        guard text.count >= part.count + start else { return nil }
        let last = text.count - part.count
        var compared = 0
        let found: Int? = text.bytes.withUnsafeBufferPointer { text in
            part.bytes.withUnsafeBufferPointer { part in
                var at = start
                while at <= last {
                    if text[at] == first {
                        var length = 1
                        while length < part.count, text[at + length] == part[length] { length += 1 }
                        if length == part.count { return at }
                        compared += length
                        // More than is allowed altogether: refused below.
                        if compared >> 3 > stepLimit { return nil }
                    }
                    at += 1
                }
                return nil
            }
        }
        try step(compared >> 3 + ((found ?? last) - start) >> 5)
        return found
    }

    /// The last place of a text in another.
    func findLast(_ part: TemplateString, in text: TemplateString, before end: Int) throws(Fault) -> Int? {
        guard !part.isEmpty else { return end }
        var at = end - part.count
        var compared = 0
        while at >= 0 {
            var length = 0
            while length < part.count, text.bytes[at + length] == part.bytes[length] { length += 1 }
            compared += length + 1
            if compared > 0xFFFF || length == part.count {
                try step(compared >> 3)
                compared = 0
            }
            if length == part.count { return at }
            at -= 1
        }
        try step(compared >> 3)
        return nil
    }

    func replaced(
        _ text: TemplateString, _ old: TemplateString, _ new: TemplateString, limit: Int?
    ) throws(Fault) -> TemplateString {
        var result = TemplateString()
        result.isMarkup = text.isMarkup
        var left = limit ?? Int.max
        var at = 0
        guard !old.isEmpty else {
            // Before every character and at the end.
            for item in text.scalars {
                if left > 0 {
                    try allocate(new.cost)
                    result.append(new)
                    left -= 1
                }
                result.append(text, in: item.range)
            }
            if left > 0 { result.append(new) }
            return result
        }
        while left > 0, let found = try find(old, in: text, from: at) {
            try allocate(new.count + 16)
            result.append(text, in: at..<found)
            result.append(new)
            at = found + old.count
            left -= 1
        }
        guard at > 0 else { return text }
        result.append(text, in: at..<text.count)
        return result
    }

    /// `split`, `rsplit`, `splitlines`, `partition` and `rpartition`.
    func divide(_ name: String, _ text: TemplateString, _ arguments: CallArguments) throws(Fault)
        -> TemplateValue
    {
        switch name {
        case "splitlines":
            let bound = try arguments.bind(["keepends"], name)
            try allocate(text.count * 2)
            let lines = text.lines(keepsEnds: bound[0]?.isTrue == true)
            return try parts(lines.map { text[$0] })
        case "partition", "rpartition":
            let separator = try string(try arguments.bind(["sep"], required: 1, name)[0] ?? .none, name)
            guard !separator.isEmpty else { throw .failed("'\(name)' by an empty text") }
            let isFirst = name == "partition"
            let found =
                try isFirst
                ? find(separator, in: text, from: 0) : findLast(separator, in: text, before: text.count)
            let empty = TemplateValue.string(TemplateString())
            guard let found else {
                return try tuple(isFirst ? [.string(text), empty, empty] : [empty, empty, .string(text)])
            }
            let end = found + separator.count
            return try tuple([.string(text[0..<found]), .string(separator), .string(text[end..<text.count])])
        default:
            let bound = try arguments.bind(["sep", "maxsplit"], name)
            let limit = try limit(bound[1], name)
            var separator: TemplateString?
            if let value = bound[0], !isNone(value) { separator = try string(value, name) }
            let ranges =
                name == "split"
                ? try split(text, separator: separator, limit: limit)
                : try splitFromEnd(text, separator: separator, limit: limit)
            return try parts(ranges.map { text[$0] })
        }
    }

    private func isNone(_ value: TemplateValue) -> Bool { if case .none = value { true } else { false } }

    private func parts(_ parts: [TemplateString]) throws(Fault) -> TemplateValue {
        try allocate(parts.count * 48)
        return try list(parts.map { .string($0) })
    }

    /// - Parameters:
    ///   - separator: nil for stretches of white space.
    ///   - limit: cuts at most.
    func split(
        _ text: TemplateString, separator: TemplateString?, limit: Int?
    ) throws(Fault) -> [Range<Int>] {
        var ranges = [Range<Int>]()
        var at = 0
        if let separator {
            guard !separator.isEmpty else { throw .failed("'split' by an empty text") }
            while ranges.count < limit ?? Int.max, let found = try find(separator, in: text, from: at) {
                ranges.append(at..<found)
                at = found + separator.count
            }
            return ranges + [at..<text.count]
        }
        while true {
            while at < text.count, case let next = text.scalar(at: at), next.scalar.isPythonSpace {
                at = next.end
            }
            guard at < text.count else { return ranges }
            if ranges.count == limit ?? Int.max {
                let end = text.trimmedEnd
                return ranges + [at..<end]
            }
            let start = at
            while at < text.count, case let next = text.scalar(at: at), !next.scalar.isPythonSpace {
                at = next.end
            }
            ranges.append(start..<at)
        }
    }

    private func splitFromEnd(
        _ text: TemplateString, separator: TemplateString?, limit: Int?
    ) throws(Fault) -> [Range<Int>] {
        var ranges = [Range<Int>]()
        var end = text.count
        if let separator {
            guard !separator.isEmpty else { throw .failed("'rsplit' by an empty text") }
            while ranges.count < limit ?? Int.max, let found = try findLast(separator, in: text, before: end)
            {
                ranges.append(found + separator.count..<end)
                end = found
            }
            return ([0..<end] + ranges.reversed().map { $0 })
        }
        while true {
            while end > 0, case let last = text.scalar(before: end), last.scalar.isPythonSpace {
                end = last.start
            }
            guard end > 0 else { return ranges.reversed() }
            if ranges.count == limit ?? Int.max { return [0..<end] + ranges.reversed().map { $0 } }
            let stop = end
            while end > 0, case let last = text.scalar(before: end), !last.scalar.isPythonSpace {
                end = last.start
            }
            ranges.append(end..<stop)
        }
    }
}
