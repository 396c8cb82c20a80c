import RedrafterCore
import RedrafterFormats

/// Which guesses are verified, by name.
public enum TreeChoice: Sendable, Hashable {
    /// As many as pay, by measured prices.
    case costAware
    /// All beams.
    case dynamic
    /// The most probable ones of the whole search, as many as rows are allowed.
    case mostProbable
    /// A fixed shape; see `StaticTree`.
    case `static`(paths: [[Int]])

    /// From its name on the command line: `cost-aware`, `dynamic`, `most-probable`, a known static tree (`StaticTree.knownNames`) or a list of
    /// paths as JSON, such as `[[0], [0, 0], [1]]`.
    /// - Throws: `ParameterError.outOfRange`.
    public init(_ name: String) throws(ParameterError) {
        if name == "cost-aware" {
            self = .costAware
        } else if name == "dynamic" {
            self = .dynamic
        } else if name == "most-probable" {
            self = .mostProbable
        } else if let paths = try Self.paths(name) {
            // A shape that cannot be is said before a model is loaded.
            self = .static(paths: try StaticTree(paths: paths).paths)
        } else {
            throw .outOfRange(
                name: "tree", got: TerminalText.escaped(name),
                allowed:
                    "cost-aware, dynamic, most-probable, \(StaticTree.knownNames.joined(separator: ", ")) or a list of paths "
                    + "such as [[0],[0,0],[1]]")
        }
    }

    /// A known shape or a list of paths; nil where the text is neither.
    private static func paths(_ text: String) throws(ParameterError) -> [[Int]]? {
        if let known = StaticTree.paths(named: text) { return known }
        guard text.hasPrefix("[") else { return nil }
        let list: [JSONValue]?
        do throws(FormatError) {
            list = try JSONValue(parsing: text.utf8, path: "tree").array
        } catch {
            throw .outOfRange(name: "tree", got: error.description, allowed: "a list of paths, as JSON")
        }
        return try list?.map { (item) throws(ParameterError) in
            let ranks = item.array?.compactMap(\.integer) ?? []
            guard ranks.count == item.array?.count else {
                throw .outOfRange(name: "tree path", got: item.summary, allowed: "a list of ranks")
            }
            return ranks
        }
    }

    /// Name in reports.
    public var name: String {
        switch self {
        case .costAware: "cost-aware"
        case .dynamic: "dynamic"
        case .mostProbable: "most-probable"
        case .static: "static"
        }
    }
}

/// Which guesses become part of the text, by name.
public enum VerifierChoice: String, Sendable, Hashable, CaseIterable {
    /// Those that plain decoding would have made.
    case exact
    /// Those that are typical of the model; lossy. See `TypicalVerifier`.
    case typical

    func verifier(_ sampler: Sampler) -> any Verifier {
        switch self {
        case .exact: ExactVerifier(sampler)
        case .typical: TypicalVerifier(sampler)
        }
    }
}

/// How an answer is made faster. The text is the same with every choice but a lossy verifier.
public struct SpeculationOptions: Sendable, Hashable {
    /// A drafter's name, a combination (`rnn+lookup`), or `auto`: the best that fits the model.
    public var drafter = "auto"
    public var drafterOptions = DrafterOptions()
    /// Weights by the drafter's name, where several drafters need some; they go before `drafterOptions.path`.
    public var drafterPaths: [String: String] = [:]
    public var tree = TreeChoice.costAware
    public var verifier = VerifierChoice.exact
    /// Rows of a verification pass at most, 1 to `TreeLimits.maximumRows`.
    public var maximumRows = SpeculationOptions.defaultMaximumRows

    public static let defaultMaximumRows = 32

    public init(drafter: String = "auto") { self.drafter = drafter }

    /// Plain decoding.
    public static let none = SpeculationOptions(drafter: "none")

    /// - Throws: `ParameterError.outOfRange`.
    public func validate() throws(ParameterError) {
        func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws(ParameterError) {
            guard let value, !range.contains(value) else { return }
            throw .outOfRange(
                name: name, got: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
        }
        try check("max-rows", maximumRows, 1...TreeLimits.maximumRows)
        try check("beam-width", drafterOptions.beamWidth, 1...TreeLimits.maximumRows)
        try check("beam-length", drafterOptions.beamLength, 1...(TreeLimits.maximumRows - 1))
        try check("draft-top-k", drafterOptions.topK, 1...Int(Int32.max))
    }

    func treeBuilder() throws(ParameterError) -> any TreeBuilder {
        switch tree {
        case .costAware: CostAwareTree(maximumRows: maximumRows)
        case .dynamic: DynamicTree(maximumRows: maximumRows)
        case .mostProbable: MostProbableTree(maximumRows: maximumRows)
        case .static(let paths): try StaticTree(paths: paths)
        }
    }
}

extension TextGenerator {
    /// A generator that speculates.
    /// - Throws: `RedrafterError.parameter`; `.drafter` where the drafter does not exist or does not fit the model; nothing
    ///   falls back silently.
    public convenience init(_ model: Model, speculation: SpeculationOptions) throws(RedrafterError) {
        let treeBuilder = try wrappingAll(RedrafterError.parameter) { () throws(ParameterError) in
            try speculation.validate()
            return try speculation.treeBuilder()
        }
        let drafter = try model.drafter(speculation)
        try self.init(
            model, drafter: drafter, treeBuilder: treeBuilder, makeVerifier: speculation.verifier.verifier)
    }
}

extension Model {
    /// The drafter that the options ask for; for `auto`, what `Registry.automaticDrafter` chooses.
    /// - Throws: `RedrafterError.drafter`.
    public func drafter(_ options: SpeculationOptions) throws(RedrafterError) -> any Drafter {
        try wrappingAll(RedrafterError.drafter) { () throws(DrafterError) in
            let target = draftTarget
            let name =
                options.drafter == "auto"
                ? try registry.automaticDrafter(for: target, options) : options.drafter
            return try registry.makeDrafter(
                named: name, for: target, options: options.drafterOptions, paths: options.drafterPaths)
        }
    }
}
