import RedrafterCore

/// How a file names and cuts the tensors of a drafter. Layouts of one name are the same.
public struct DrafterLayout: Sendable {
    public let name: String
    /// How it is read and written; nil for GGUF, which is common to all kinds.
    let safetensors: (any SafetensorsLayout)?

    /// This project's: canonical names in a GGUF file, quantised where wanted. Every kind has it.
    public static let gguf = DrafterLayout(name: "gguf", safetensors: nil)

    private init(name: String, safetensors: (any SafetensorsLayout)?) {
        self.name = name
        self.safetensors = safetensors
    }

    public init(_ layout: any SafetensorsLayout) { self.init(name: layout.name, safetensors: layout) }

    /// Whether a drafter of this kind can be written so.
    public func holds(_ kind: DrafterKind) -> Bool { self == .gguf || kind.layouts.contains(self) }

    /// Whether a draft vocabulary has a place in it.
    public var holdsDraftVocabulary: Bool { safetensors.map { $0.draftVocabularyName != nil } ?? true }
}

extension DrafterLayout: Hashable {
    public static func == (a: DrafterLayout, b: DrafterLayout) -> Bool { a.name == b.name }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// A layout in safetensors: a folder with a file of tensors and a `config.json`. It belongs to a kind of drafter, whose plug-in says
/// how it is spelled.
public protocol SafetensorsLayout<Configuration>: Sendable {
    /// The kind's.
    associatedtype Configuration: DrafterConfiguration

    /// As people choose it: `apple`, `vllm`.
    var name: String { get }
    /// The file of tensors in a folder that is written.
    var fileName: String { get }
    /// The tensor with the tokens of a draft vocabulary, one for each row of the head; nil where the layout has room for whole
    /// vocabularies only.
    var draftVocabularyName: String? { get }
    /// Prefixes of names that mean nothing and are dropped when reading.
    var prefixes: [String] { get }
    /// What a tensor is for, by its name in a file; nil for tensors that are no part of the drafter.
    func role(ofName name: String) -> DrafterRole?
    /// The name in a file of this layout.
    func name(of tensor: TensorSpecification) -> String
    /// The weights in a file. Sizes come from the shapes of the tensors: configurations that are published with drafters are often
    /// wrong or absent.
    /// - Throws: `FormatError` naming what is missing or contradicts itself.
    func read(_ parts: DrafterParts) throws(FormatError) -> DrafterWeights
    /// What the `config.json` says, without element type, fingerprint and notes.
    /// - Parameters:
    ///   - sizes: of the weights.
    ///   - weights: that are written.
    func configuration(
        _ sizes: Configuration, of weights: DrafterWeights
    ) throws(FormatError) -> [(key: String, value: JSONValue)]
}

extension SafetensorsLayout {
    public var fileName: String { SafetensorsModel.singleName }
    public var draftVocabularyName: String? { nil }
    public var prefixes: [String] { [] }
    public func name(of tensor: TensorSpecification) -> String { tensor.name }

    /// The name without a prefix that means nothing.
    public func stripped(_ name: String) -> String {
        for prefix in prefixes where name.hasPrefix(prefix) { return String(name.dropFirst(prefix.count)) }
        return name
    }
}
