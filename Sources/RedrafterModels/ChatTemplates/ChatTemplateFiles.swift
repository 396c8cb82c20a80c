import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// Where files keep chat templates: one without a name, and further ones by name.
enum ChatTemplateFiles {
    typealias Templates = (standard: String?, named: [String: String])

    private static let key = "tokenizer.chat_template"

    /// `tokenizer.chat_template` and `tokenizer.chat_template.NAME`.
    static func templates(_ gguf: GGUFFile) throws(TokenizerError) -> Templates {
        var named = [String: String]()
        for entry in gguf.metadata.entries where entry.key.utf8.starts(with: "\(key).".utf8) {
            let name = String(entry.key.dropFirst(key.count + 1))
            named[name] = try wrapping(TokenizerError.format, try gguf.metadata.string(entry.key))
        }
        return (try wrapping(TokenizerError.format, try gguf.metadata.string(key)), named)
    }

    /// `chat_template` of `tokenizer_config.json`: the template itself, or a list of several with their names.
    static func templates(_ value: JSONValue?) -> Templates {
        if let text = value?.string { return (text, [:]) }
        var named = [String: String]()
        for item in value?.array ?? [] {
            if let name = item["name"]?.string, let text = item["template"]?.string { named[name] = text }
        }
        return (named.removeValue(forKey: "default"), named)
    }

    /// The files beside the tokenizer: `chat_template.jinja`, the older `chat_template.json`, and those in
    /// `additional_chat_templates`.
    /// - Returns: the templates, and the file that the one without a name is from.
    static func templates(
        directory: String
    ) throws(TokenizerError) -> (templates: Templates, file: String) {
        var file = directory + "/chat_template.jinja"
        var templates: Templates = (try text(file), [:])
        if templates.standard == nil {
            file = directory + "/chat_template.json"
            templates = Self.templates(try optional(try JSONValue(path: file))?["chat_template"])
        }
        let folder = directory + "/additional_chat_templates"
        for name in names(in: folder) where name.hasSuffix(".jinja") {
            templates.named[String(name.dropLast(6))] = try text("\(folder)/\(name)")
        }
        return (templates, file)
    }

    private static func text(_ path: String) throws(TokenizerError) -> String? {
        guard let file = try optional(try MappedFile(path: path)) else { return nil }
        guard let text = ByteSlice(file.bytes).string else {
            throw .format(.wrongFormat(file: path, expected: "a text in UTF-8", looksLike: "something else"))
        }
        return text
    }

    /// nil for a file that is not there.
    private static func optional<Value>(
        _ read: @autoclosure () throws(FormatError) -> Value
    ) throws(TokenizerError) -> Value? {
        do { return try read() } catch .missing { return nil } catch { throw .format(error) }
    }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names = [String]()
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        return names.sorted()
    }

    /// Writes the templates of a tokenizer under the keys of llama.cpp.
    static func set(_ definition: TokenizerDefinition, on writer: GGUFWriter) throws(FormatError) {
        if let template = definition.chatTemplate { try writer.set(key, .string(template)) }
        let names = definition.namedChatTemplates.keys.filter(isKeyPart).sorted()
        guard !names.isEmpty else { return }
        try writer.set("tokenizer.chat_templates", .strings(names.map { ByteSlice($0) }))
        for name in names {
            if let template = definition.namedChatTemplates[name] {
                try writer.set("\(key).\(name)", .string(template))
            }
        }
    }

    /// A name that can be part of a key.
    private static func isKeyPart(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64
            && name.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            }
    }
}
