import RedrafterFormats

/// A chat template: text in the part of Jinja that chat templates use, set up as Hugging Face transformers sets Jinja up
/// (`trim_blocks`, `lstrip_blocks`, loop controls, the `generation` tag, values that cannot be changed).
///
/// Parsed once; rendering is safe for any source and any variables: work, memory, output and nesting are bounded.
public struct Template: Sendable {
    /// Named in errors.
    public let name: String
    private let body: [Statement]
    private let names: [String]
    private let globals: [GlobalFunction?]
    private let limits: TemplateLimits

    /// Parses a source.
    /// - Parameters:
    ///   - source: the text of the template.
    ///   - name: the file it is from, for errors.
    ///   - limits: what a rendering may use.
    /// - Throws: `TemplateError` with the line.
    public init(
        _ source: String, name: String, limits: TemplateLimits = TemplateLimits()
    ) throws(TemplateError) {
        self.name = name
        self.limits = limits
        let bytes = Array(source.utf8)
        guard bytes.count <= limits.sourceBytes else {
            throw .limit(
                template: name, line: 1, what: "a template of \(bytes.count) bytes",
                allowed: "\(limits.sourceBytes)")
        }
        var lexer = Lexer(bytes)
        let tokens: [Token]
        do { tokens = try lexer.run() } catch { throw error.error(template: name, line: lexer.line) }
        var parser = Parser(tokens, depthLimit: limits.sourceDepth)
        do { body = try parser.template() } catch { throw error.error(template: name, line: parser.line) }
        names = parser.names
        globals = names.map { GlobalFunction(rawValue: $0) }
    }

    /// A variable of a template.
    public struct Variable: Sendable {
        public var name: String
        public var value: JSONValue
        /// Its texts are the conversation's: what they spell is text, never a special token.
        public var isInput: Bool
        /// Texts that belong to the format all the same, by the key of the object that holds them: roles.
        public var trusted: [String: Set<String>]

        public init(
            _ name: String, _ value: JSONValue, isInput: Bool = false, trusted: [String: Set<String>] = [:]
        ) {
            self.name = name
            self.value = value
            self.isInput = isInput
            self.trusted = trusted
        }
    }

    /// A stretch of rendered text of one origin.
    public struct Segment: Sendable, Hashable {
        public var text: String
        /// It came from a variable marked as input; the rest is the template's.
        public var isInput: Bool

        public init(text: String, isInput: Bool) {
            self.text = text
            self.isInput = isInput
        }
    }

    /// Runs the template.
    /// - Parameters:
    ///   - variables: what it can use; of two with one name the last counts.
    ///   - clock: what `strftime_now` shows.
    /// - Throws: `TemplateError` with the line.
    public func render(
        _ variables: [Variable], clock: TemplateClock = .system
    ) throws(TemplateError) -> [Segment] {
        let bytes = variables.reduce(0) { $0 + TemplateValue.byteCount($1.value) }
        let interpreter = Interpreter(
            names: names, globals: globals, limits: limits, inputBytes: bytes, now: clock)
        defer { interpreter.release() }
        do {
            for variable in variables {
                guard let id = interpreter.id(variable.name) else { continue }
                interpreter.scope.set(
                    id,
                    try TemplateValue(variable.value, isInput: variable.isInput, trusted: variable.trusted))
            }
            _ = try interpreter.execute(body)
        } catch {
            throw error.error(template: name, line: interpreter.line)
        }
        let output = interpreter.output
        return output.segments.map { segment in
            Segment(
                text: String(decoding: output.bytes[segment.range], as: UTF8.self), isInput: segment.isInput)
        }
    }
}
