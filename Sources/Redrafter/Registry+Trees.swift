import RedrafterCore

/// A tree builder of this build, as `--tree` lists it.
public struct TreeDescription: Sendable, Hashable {
    /// Name on the command line and in reports.
    public var name: String
    /// One line on which guesses are verified.
    public var summary: String
    /// Texts that begin so mean this tree, too; its maker reads them from `TreeOptions.text`. Nil where only the name does.
    public var prefix: String?

    public init(name: String, summary: String, prefix: String? = nil) {
        self.name = name
        self.summary = summary
        self.prefix = prefix
    }
}

/// What a tree builder may be told when it is made.
public struct TreeOptions: Sendable, Hashable {
    /// Rows of a verification pass at most, the root included: 1 to `TreeLimits.maximumRows`.
    public var maximumRows: Int
    /// What was asked for: the tree's name, or a text that begins with its prefix.
    public var text: String

    public init(maximumRows: Int = TreeLimits.maximumRows, text: String = "") {
        self.maximumRows = maximumRows
        self.text = text
    }
}

/// A verifier of this build, as `--verifier` lists it.
public struct VerifierDescription: Sendable, Hashable {
    public var name: String
    /// One line on which guesses become part of the text.
    public var summary: String
    /// Whether the text equals plain decoding's; see `Verifier.isExact`.
    public var isExact: Bool

    public init(name: String, summary: String, isExact: Bool) {
        self.name = name
        self.summary = summary
        self.isExact = isExact
    }
}

extension Registry {
    public typealias TreeMaker = @Sendable (TreeOptions) throws(ParameterError) -> any TreeBuilder
    public typealias VerifierMaker = @Sendable (Sampler) -> any Verifier

    /// The tree builders, in the order of registration.
    public var trees: [TreeDescription] { treeMakers.map(\.description) }

    /// The verifiers, in the order of registration.
    public var verifiers: [VerifierDescription] { verifierMakers.map(\.description) }

    /// Adds a tree builder; a later one of the same name takes its place.
    ///
    ///     registry.register(tree: TreeDescription(name: "mine", summary: "two branches")) { options in
    ///         MyTree(maximumRows: options.maximumRows)
    ///     }
    public mutating func register(tree: TreeDescription, make: @escaping TreeMaker) {
        treeMakers.removeAll { $0.description.name == tree.name }
        treeMakers.append((tree, make))
    }

    /// Adds a verifier; a later one of the same name takes its place.
    public mutating func register(verifier: VerifierDescription, make: @escaping VerifierMaker) {
        verifierMakers.removeAll { $0.description.name == verifier.name }
        verifierMakers.append((verifier, make))
    }

    /// - Parameters:
    ///   - text: the name of a tree, or a text that begins with the prefix of one.
    ///   - maximumRows: of a verification pass, the root included.
    /// - Throws: `ParameterError.outOfRange` with the names there are, or what making the tree throws.
    public func makeTree(
        named text: String, maximumRows: Int = TreeLimits.maximumRows
    ) throws(ParameterError) -> any TreeBuilder {
        let maker =
            treeMakers.first { $0.description.name == text }
            ?? treeMakers.first { $0.description.prefix.map(text.hasPrefix) ?? false }
        guard let maker else {
            throw .outOfRange(
                name: "tree", got: TerminalText.escaped(text),
                allowed: trees.map(\.name).joined(separator: ", ") + treeForms)
        }
        return try maker.make(TreeOptions(maximumRows: maximumRows, text: text))
    }

    /// - Returns: what makes the verifier for a sampler, and what it is.
    /// - Throws: `ParameterError.outOfRange` with the names there are.
    public func verifier(
        named name: String
    ) throws(ParameterError) -> (description: VerifierDescription, make: VerifierMaker) {
        guard let maker = verifierMakers.first(where: { $0.description.name == name }) else {
            throw .outOfRange(
                name: "verifier", got: TerminalText.escaped(name),
                allowed: verifiers.map(\.name).joined(separator: ", "))
        }
        return maker
    }

    /// How trees can be written beside their names.
    private var treeForms: String {
        trees.contains { $0.prefix == StaticTree.listPrefix }
            ? " or a list of paths such as [[0],[0,0],[1]]" : ""
    }
}
