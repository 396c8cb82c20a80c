import RedrafterCore

/// A kind of drafter weights, as a value: what is registered, and what files are read with. Kinds of one name are the same.
public struct DrafterKind: Sendable {
    /// The description by its plug-in.
    public let configuration: any DrafterConfiguration.Type

    public init(_ configuration: any DrafterConfiguration.Type) { self.configuration = configuration }

    /// Such as `recurrent`.
    public var name: String { configuration.kindName }
    /// Layouts in safetensors, the usual one first.
    public var layouts: [DrafterLayout] { configuration.layouts }

    /// The value of `general.architecture` in GGUF files.
    var architecture: String { "redrafter-\(name)" }
}

extension DrafterKind: Hashable {
    public static func == (a: DrafterKind, b: DrafterKind) -> Bool { a.name == b.name }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// The kind and the layout of some tensors.
struct RecognizedDrafter {
    let kind: DrafterKind
    let layout: DrafterLayout

    /// - Returns: nil where the tensors are no drafter's of these kinds.
    init?(_ model: SafetensorsModel, _ configuration: JSONValue?, kinds: [DrafterKind]) {
        let names = model.files.flatMap { $0.allTensors.map(\.name) }
        var possible: RecognizedDrafter?
        for kind in kinds {
            switch kind.configuration.recognize(names, configuration: configuration) {
            case .foreign: continue
            case .possible(let layout): possible = possible ?? RecognizedDrafter(kind: kind, layout: layout)
            case .certain(let layout):
                guard let layout else { return nil }
                self.init(kind: kind, layout: layout)
                return
            }
        }
        guard let possible else { return nil }
        self = possible
    }

    private init(kind: DrafterKind, layout: DrafterLayout) {
        self.kind = kind
        self.layout = layout
    }
}
