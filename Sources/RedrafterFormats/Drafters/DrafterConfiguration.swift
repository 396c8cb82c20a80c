import RedrafterCore

/// A kind of drafter weights, described by its plug-in. A value holds the numbers that give the tensors their shapes; the type says
/// what files of this kind look like.
///
/// A conforming type is all that reading, checking, converting, quantising, listing and training need to know of a kind. To make it
/// known, register its drafter with `Registry.register(_:kind:make:)`:
///
///     extension DrafterKind {
///         static let mine = DrafterKind(MyConfiguration.self)
///     }
///     registry.register(DrafterDescription(name: "mine", summary: "…", needsWeights: true), kind: .mine) { … }
public protocol DrafterConfiguration: Sendable, Hashable {
    // MARK: The kind

    /// Its name, such as `recurrent`. `general.architecture` of a GGUF file is `redrafter-` and this name.
    static var kindName: String { get }
    /// Layouts in safetensors, the usual one first.
    static var layouts: [DrafterLayout] { get }
    /// Beginnings of some tensors' names, to tell people what was looked for.
    static var exampleNames: [String] { get }
    /// Whether a safetensors file holds this kind.
    /// - Parameters:
    ///   - names: of all tensors.
    ///   - configuration: the `config.json` beside them. It may be the model's.
    static func recognize(_ names: [String], configuration: JSONValue?) -> DrafterRecognition
    /// Whether a `config.json` is one of this kind: a safetensors file may as well lie beside the model's.
    static func isDescribed(by configuration: JSONValue) -> Bool

    // MARK: The numbers

    /// Size of the model's hidden state.
    var hiddenSize: Int { get }
    /// Rows that stand for tokens: the draft vocabulary where there is one, else the model's.
    var vocabularySize: Int { get }
    /// All numbers with their bounds. They are checked before `tensors` is asked for.
    var sizes: [DrafterSize] { get }
    /// The tensors in the order of files. Their elements must be countable when all sizes are within their bounds.
    var tensors: [TensorSpecification] { get }

    // MARK: Files

    /// Reads the numbers from the keys of a GGUF file. Bounds are checked by the caller.
    /// - Throws: `FormatError` for keys that are missing or contradict the kind.
    init(_ metadata: GGUFMetadata) throws(FormatError)
    /// The keys of a GGUF file with these numbers, in order.
    var metadata: [(key: String, value: GGUFWriter.Value)] { get }
    /// What is worth knowing, for a person: name and value, one line each.
    var facts: [(name: String, value: String)] { get }
    /// The same for programs.
    var summary: [(key: String, value: JSONValue)] { get }
    /// What a layout of the kind has room for. All weights of every layout, unless the kind says otherwise.
    /// - Parameters:
    ///   - weights: of these numbers.
    ///   - layout: that is asked for.
    /// - Returns: the weights without the parts that a drafter can do without, and what is lost, one sentence.
    /// - Throws: `FormatError.unsupported` saying what would be lost, where the rest would be another drafter.
    func fitted(
        _ weights: DrafterWeights, in layout: DrafterLayout
    ) throws(FormatError) -> (weights: DrafterWeights, warning: String?)
    /// A drafter with a draft vocabulary, rewritten for a layout that has a row for every token of the model. The others must not
    /// become likely.
    /// - Parameter weights: of these numbers, with a draft vocabulary.
    /// - Returns: the weights, and what is lost, one sentence.
    /// - Throws: `FormatError.unsupported` unless the kind implements it.
    func wholeVocabulary(
        of weights: DrafterWeights
    ) throws(FormatError) -> (weights: DrafterWeights, warning: String?)
}

extension DrafterConfiguration {
    public func fitted(
        _ weights: DrafterWeights, in layout: DrafterLayout
    ) -> (weights: DrafterWeights, warning: String?) { (weights, nil) }

    public func wholeVocabulary(
        of weights: DrafterWeights
    ) throws(FormatError) -> (weights: DrafterWeights, warning: String?) {
        throw .unsupported(
            file: weights.path, what: "a draft vocabulary in a layout that has no room for one",
            supported: ([DrafterLayout.gguf] + Self.layouts.filter(\.holdsDraftVocabulary)).map(\.name)
                .joined(separator: ", "))
    }

    /// The kind that the numbers are of.
    public var kind: DrafterKind { DrafterKind(Self.self) }

    /// Whether the other one is of the same kind and has the same numbers.
    public func isEqual(to other: any DrafterConfiguration) -> Bool { other as? Self == self }

    /// - Parameter path: of the drafter, for errors.
    /// - Throws: `FormatError.invalid` naming the first number that is out of its bounds.
    public func checkSizes(path: String) throws(FormatError) {
        for size in sizes where !size.range.contains(size.value) {
            let (lowest, highest) = (size.range.lowerBound, size.range.upperBound)
            throw .invalid(
                file: path, field: size.what,
                expected: lowest == highest ? "\(lowest)" : "\(lowest) to \(highest)", got: "\(size.value)",
                offset: nil)
        }
    }
}

/// Whether tensors are those of a kind. Spellings of different kinds overlap, so there is a doubt to be told.
public enum DrafterRecognition: Sendable, Hashable {
    case foreign
    /// They are spelled so, but other kinds may be, too. The first kind that says so gets them.
    case possible(DrafterLayout)
    /// Something about them belongs to this kind alone; nil where their spelling is none that it reads.
    case certain(DrafterLayout?)
}
