/// What a template may use. A template is a program from a stranger: without limits it could run for ever.
public struct TemplateLimits: Sendable, Hashable {
    /// Bytes of a template's source.
    public var sourceBytes = 1 << 20
    /// Expressions, statements and blocks inside each other in the source.
    public var sourceDepth = 100
    /// Operations of one rendering; work on long texts counts by their length.
    public var steps = 20_000_000
    /// Bytes of the rendered text.
    public var outputBytes = 64 << 20
    /// Bytes of all values that one rendering makes, the ones it has dropped included.
    public var memoryBytes = 256 << 20
    /// What is added to the two above, times the bytes of the conversation: long conversations take more.
    public var inputFactor = 64
    /// Expressions, statements and macro calls in progress at the same time.
    public var depth = 250
    /// Lists inside lists.
    public var valueDepth = 160

    public init() {}
}
