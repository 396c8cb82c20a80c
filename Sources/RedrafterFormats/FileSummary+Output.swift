import RedrafterCore

extension FileSummary {
    /// The summary for a person: one fact a line, columns aligned, ending in a line feed.
    /// - Parameters:
    ///   - listsTensors: also one line for each tensor.
    ///   - further: more facts, by name.
    public func text(listsTensors: Bool = false, further: [(name: String, value: String)] = []) -> String {
        var lines = [String]()
        func fact(_ name: String, _ value: String) { lines.append(Self.padded(name, 14) + value) }
        fact("file", TerminalText.escaped(path, limit: 1000))
        fact("format", version.map { "\(format) v\($0)" } ?? format)
        if let architecture { fact("architecture", TerminalText.escaped(architecture)) }
        fact("size", Self.grouped(fileBytes) + " bytes")
        if !parts.isEmpty { fact("parts", "\(parts.count)") }
        for part in parts {
            let size = Self.padded(Self.grouped(part.byteCount), 14, isRight: true)
            fact("  \(TerminalText.escaped(part.name))", "  \(part.tensors) tensors\(size) bytes")
        }
        fact("parameters", Self.grouped(parameters))
        fact("tensors", "\(tensors.count)")
        for total in types {
            let share = Self.padded(Self.grouped(total.byteCount), 14, isRight: true)
            fact(
                "  \(total.type)",
                "\(Self.padded("\(total.tensors)", 6, isRight: true)) tensors\(share) bytes")
        }
        for (name, value) in drafter?.facts ?? [] { fact(name, value) }
        for (name, value) in further { fact(name, TerminalText.escaped(value, limit: 1000)) }
        for warning in warnings { fact("warning", TerminalText.escaped(warning)) }
        if !metadata.isEmpty {
            lines.append("")
            lines.append("metadata")
            let width = min(48, metadata.map { TerminalText.escaped($0.key, limit: 100).count }.max() ?? 0)
            for field in metadata {
                let key = Self.padded(TerminalText.escaped(field.key, limit: 100), width)
                lines.append("  \(key)  \(Self.padded(field.type, 8))  \(Self.shown(field))")
            }
        }
        if listsTensors {
            lines.append("")
            lines.append("tensors (shape slowest first)")
            let width = min(64, tensors.map(\.name.count).max() ?? 0)
            for tensor in tensors {
                let shape = tensor.shape.map(String.init).joined(separator: " x ")
                lines.append(
                    "  \(Self.padded(tensor.name, width))  \(Self.padded(tensor.type, 8))  "
                        + "\(Self.padded(shape, 16))  \(Self.grouped(tensor.byteCount)) bytes at "
                        + "0x\(String(tensor.offset, radix: 16))"
                        + (tensor.file.map { " in \(TerminalText.escaped($0))" } ?? "")
                        + (tensor.isSupported ? "" : "  (not supported)"))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The summary for programs. Keys: `path, format, version, architecture, file_bytes, alignment, parameters,
    /// tensor_count, types[], metadata{}, parts[], warnings[]`, for a drafter `drafter{}` and, if asked for, `tensors[]`.
    /// - Parameters:
    ///   - listsTensors: also all tensors.
    ///   - further: more members.
    public func json(listsTensors: Bool = false, further: [(String, JSONValue)] = []) -> JSONValue {
        var members: [(ByteSlice, JSONValue)] = [
            (ByteSlice("path"), .string(path)),
            (ByteSlice("format"), .string(format)),
            (ByteSlice("version"), version.map(JSONValue.integer) ?? .null),
            (ByteSlice("architecture"), architecture.map { .string($0) } ?? .null),
            (ByteSlice("file_bytes"), .integer(fileBytes)),
            (ByteSlice("alignment"), alignment.map(JSONValue.integer) ?? .null),
            (ByteSlice("parameters"), .integer(parameters)),
            (ByteSlice("tensor_count"), .integer(tensors.count)),
            (ByteSlice("types"), .array(types.map(Self.json))),
            (ByteSlice("metadata"), .object(JSONObject(metadata.map { (ByteSlice($0.key), Self.json($0)) }))),
            (
                ByteSlice("parts"),
                .array(
                    parts.map {
                        .object([
                            "file": .string($0.name), "tensors": .integer($0.tensors),
                            "bytes": .integer($0.byteCount),
                        ])
                    })
            ),
            (ByteSlice("warnings"), .array(warnings.map { .string($0) })),
        ]
        if let drafter { members.append((ByteSlice("drafter"), drafter.summary)) }
        members += further.map { (ByteSlice($0.0), $0.1) }
        if listsTensors { members.append((ByteSlice("tensors"), .array(tensors.map(Self.json)))) }
        return .object(JSONObject(members))
    }

    private static func json(_ total: TypeTotal) -> JSONValue {
        .object([
            "type": .string(total.type), "tensors": .integer(total.tensors),
            "bytes": .integer(total.byteCount),
            "parameters": .integer(total.parameters),
        ])
    }

    private static func json(_ field: Field) -> JSONValue {
        guard let count = field.count else {
            return .object(["type": .string(field.type), "value": field.value])
        }
        return .object(["type": .string(field.type), "count": .integer(count), "first": field.value])
    }

    private static func json(_ tensor: Tensor) -> JSONValue {
        .object([
            "name": .string(tensor.name), "type": .string(tensor.type),
            "shape": .array(tensor.shape.map(JSONValue.integer)), "offset": .integer(tensor.offset),
            "bytes": .integer(tensor.byteCount), "file": tensor.file.map { .string($0) } ?? .null,
            "supported": .bool(tensor.isSupported),
        ])
    }

    private static func shown(_ field: Field) -> String {
        guard let count = field.count, let elements = field.value.array else { return shown(field.value) }
        let list = elements.map(shown).joined(separator: ", ")
        return "[\(list)\(count > elements.count ? ", …" : "")] (\(grouped(count)))"
    }

    private static func shown(_ value: JSONValue) -> String {
        if case .string(let text) = value { return "\"\(text.escaped(limit: 60))\"" }
        return value.summary
    }

    private static func padded(_ text: String, _ width: Int, isRight: Bool = false) -> String {
        let blanks = String(repeating: " ", count: max(0, width - text.count))
        return isRight ? blanks + text : text + blanks
    }

    /// 134515008 as `134,515,008`.
    private static func grouped(_ number: Int) -> String {
        var digits = Array(String(number))
        var position = digits.count - 3
        while position > (number < 0 ? 1 : 0) {
            digits.insert(",", at: position)
            position -= 3
        }
        return String(digits)
    }
}
