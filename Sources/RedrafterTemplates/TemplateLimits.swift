/// What a template may use. A template is a program from a stranger: without limits it could run for ever.
public struct TemplateLimits: Sendable, Hashable {
    /// Bytes of a template's source.
    public var sourceBytes = 1 << 20
    /// Expressions, statements and blocks inside each other in the source.
    public var sourceDepth = 100
    /// Operations of one rendering; work on long texts counts by their length.
    public var steps = 5_000_000
    /// Bytes of the rendered text.
    public var outputBytes = 64 << 20
    /// Bytes of all values that one rendering makes, the ones it has dropped included.
    public var memoryBytes = 256 << 20
    /// What is added to the three above for each byte of the conversation: long ones take more.
    public var inputFactor = 64
    /// Expressions, statements and macro calls in progress at the same time.
    public var depth = 200
    /// Lists inside lists.
    public var valueDepth = 160

    public init() {}
}
