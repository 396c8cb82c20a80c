import RedrafterCore

/// How an answer is made faster. The text is the same with every choice but a lossy verifier.
public struct SpeculationOptions: Sendable, Hashable {
    /// A drafter's name, a combination (`rnn+lookup`), or `auto`: the best that fits the model.
    public var drafter = "auto"
    public var drafterOptions = DrafterOptions()
    /// Weights by the drafter's name, where several drafters need some; they go before `drafterOptions.path`.
    public var drafterPaths: [String: String] = [:]
    /// Which guesses are verified: the name of a registered tree, or a list of paths of ranks such as `[[0],[0,0],[1]]`.
    public var tree = "cost-aware"
    /// Which guesses become part of the text: the name of a registered verifier.
    public var verifier = "exact"
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
}

extension TextGenerator {
    /// A generator that speculates.
    /// - Throws: `RedrafterError.parameter`; `.drafter` where the drafter does not exist or does not fit the model; nothing
    ///   falls back silently.
    public convenience init(_ model: Model, speculation: SpeculationOptions) throws(RedrafterError) {
        let (treeBuilder, verifier): (any TreeBuilder, Registry.VerifierMaker)
        do {
            try speculation.validate()
            treeBuilder = try model.registry.makeTree(
                named: speculation.tree, maximumRows: speculation.maximumRows)
            verifier = try model.registry.verifier(named: speculation.verifier).make
        } catch {
            throw .parameter(error)
        }
        var warnings = [String]()
        try self.init(
            model, drafter: try model.drafter(speculation) { warnings.append($0) }, treeBuilder: treeBuilder,
            makeVerifier: verifier)
        self.warnings = warnings
    }
}

extension Model {
    /// The drafter that the options ask for; for `auto`, what `Registry.automaticDrafter` chooses.
    /// - Parameters:
    ///   - options: name and weights.
    ///   - onWarning: called with what is odd about the weights but no error.
    /// - Throws: `RedrafterError.drafter`.
    public func drafter(
        _ options: SpeculationOptions, onWarning: (String) -> Void = { _ in }
    ) throws(RedrafterError) -> any Drafter {
        do {
            let target = draftTarget
            let name =
                options.drafter == "auto"
                ? try registry.automaticDrafter(for: target, options) : options.drafter
            return try registry.makeDrafter(
                named: name, for: target, options: options.drafterOptions, paths: options.drafterPaths,
                onWarning: onWarning)
        } catch {
            throw .drafter(error)
        }
    }
}
