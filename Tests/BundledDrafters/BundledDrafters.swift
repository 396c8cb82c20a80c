import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTesting

/// Toys of the kinds that the package brings, and readers that know these kinds.
extension ToyDrafter {
    /// A small recurrent drafter.
    public static func recurrent(
        hidden: Int = 32, exit: Int = 64, layers: Int = 2, vocabulary: Int = 40, isRecurrent: Bool = true,
        context: ContextBlockSizes? = nil, copyLengths: Int = 0, type: WeightType = .f32
    ) -> ToyDrafter {
        ToyDrafter(
            RecurrentConfiguration(
                hiddenSize: hidden, exitDimension: exit, layers: layers, vocabularySize: vocabulary,
                isRecurrent: isRecurrent, context: context, copyLengths: copyLengths), type: type)
    }

    /// A context block for a model of two layers.
    public static func context(
        taps: [Int] = [0, 1], normalizesTaps: Bool = true, attends: Bool = true, adds: Bool = false
    ) -> ContextBlockSizes {
        ContextBlockSizes(
            taps: taps, normalizesTaps: normalizesTaps,
            layer: attends
                ? ContextBlockSizes.Layer(
                    heads: 4, keyValueHeads: 2, headDimension: 16, feedForwardSize: 96, rotaryBase: 10_000)
                : nil, addsToHidden: adds, normEpsilon: 1e-5)
    }

    /// A small set of Medusa heads.
    public static func medusa(
        hidden: Int = 32, layers: Int = 1, heads: Int = 3, vocabulary: Int = 40, type: WeightType = .f32
    ) -> ToyDrafter {
        ToyDrafter(
            MedusaConfiguration(hiddenSize: hidden, layers: layers, heads: heads, vocabularySize: vocabulary),
            type: type)
    }
}

extension [DrafterKind] {
    public static var bundled: [DrafterKind] { [.recurrent, .medusa] }
}

extension DrafterWeights {
    public init(path: String) throws(FormatError) { try self.init(path: path, kinds: .bundled) }

    public init(file: MappedFile, configuration: JSONValue? = nil) throws(FormatError) {
        try self.init(file: file, configuration: configuration, kinds: .bundled)
    }

    /// The numbers of a recurrent drafter; nil for other kinds.
    public var recurrent: RecurrentConfiguration? { configuration as? RecurrentConfiguration }

    /// The numbers of Medusa heads; nil for other kinds.
    public var medusa: MedusaConfiguration? { configuration as? MedusaConfiguration }
}

extension DrafterLayout {
    public static func detect(path: String) throws(FormatError) -> DrafterLayout? {
        try detect(path: path, kinds: .bundled)
    }
}

extension FileSummary {
    public init(path: String) throws(FormatError) { try self.init(path: path, kinds: .bundled) }
}
