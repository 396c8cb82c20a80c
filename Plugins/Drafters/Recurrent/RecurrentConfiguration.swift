import DrafterHeads
import RedrafterCore
import RedrafterFormats

/// The recurrent drafter of ReDrafter (arXiv 2403.09919), described: its numbers, tensors and files.
///
/// | tensor | shape |
/// |---|---|
/// | `rnn_u.weight`, `rnn_u.bias` | `[hidden, hidden]`, `[hidden]`; where `isRecurrent` |
/// | `rnn_w.weight` | `[hidden, hidden]`; where `isRecurrent` |
/// | `input_proj.weight`, `input_proj.bias` | `[exit, 2 hidden]`, `[exit]`; where `exit ≠ 2 hidden` |
/// | `lm_head.{i}.linear.weight`, `.bias` | `[exit, exit]`, `[exit]`, for block i of n |
/// | `lm_head.{n}.weight` | `[vocabulary, exit]` |
/// | `copy.votes`, `copy.power` | `[copyLengths]`, `[1]`; where `copyLengths > 0` |
///
/// A context block in front has tensors of its own; see `ContextBlockSizes`.
public struct RecurrentConfiguration: DrafterConfiguration {
    /// Size of the model's hidden state, and of the drafter's own.
    public var hiddenSize: Int
    /// Size that blocks and head work on (`exit_dim`). There is an input projection where it differs from `2 * hiddenSize`.
    public var exitDimension: Int
    /// Residual blocks before the LM head.
    public var layers: Int
    /// Rows of the LM head: the draft vocabulary where there is one, else the model's.
    public var vocabularySize: Int
    /// Whether the state is `SiLU(rnn_w E + rnn_u s + b)` (`rnn`); else it is a running sum of embeddings.
    public var isRecurrent: Bool
    /// What stands between the model and the recurrence; nil where that is the model's last hidden state.
    public var context: ContextBlockSizes?
    /// Lengths of earlier matches that the drafter tells apart when it copies from the text; 0 where it does not. See `CopyVotes`.
    public var copyLengths: Int

    public init(
        hiddenSize: Int, exitDimension: Int, layers: Int, vocabularySize: Int, isRecurrent: Bool = true,
        context: ContextBlockSizes? = nil, copyLengths: Int = 0
    ) {
        self.hiddenSize = hiddenSize
        self.exitDimension = exitDimension
        self.layers = layers
        self.vocabularySize = vocabularySize
        self.isRecurrent = isRecurrent
        self.context = context
        self.copyLengths = copyLengths
    }

    public static let kindName = "recurrent"
    public static let layouts = [DrafterLayout.apple, .tensorRT]
    public static let exampleNames = ["rnn_u", "input_proj", "lm_head.0"]

    /// Whether `input_proj` stands between `[h, s]` and the blocks.
    public var hasInputProjection: Bool { CheckedSize(hiddenSize) * 2 != CheckedSize(exitDimension) }

    public var sizes: [DrafterSize] {
        [
            DrafterSize("hidden_size", hiddenSize, DrafterSize.widths),
            DrafterSize("exit_dim", exitDimension, 1...2 * DrafterSize.widths.upperBound),
            DrafterSize("the number of match lengths", copyLengths, TextIndex.matchLengths),
        ] + head.sizes + (context?.sizes ?? [])
    }

    public var tensors: [TensorSpecification] {
        let (hidden, exit) = (hiddenSize, exitDimension)
        var result = context?.tensors(hiddenSize: hidden, exitDimension: exit) ?? []
        if isRecurrent {
            result += [
                TensorSpecification(.state, "rnn_u.weight", shape: [hidden, hidden]),
                TensorSpecification(.stateBias, "rnn_u.bias", shape: [hidden]),
                TensorSpecification(.token, "rnn_w.weight", shape: [hidden, hidden]),
            ]
        }
        if hasInputProjection {
            result += [
                TensorSpecification(.inputProjection, "input_proj.weight", shape: [exit, 2 * hidden]),
                TensorSpecification(.inputProjectionBias, "input_proj.bias", shape: [exit]),
            ]
        }
        result += head.tensors(head: 0, prefix: "lm_head")
        guard copyLengths > 0 else { return result }
        return result + [
            TensorSpecification(.copyVotes, "copy.votes", shape: [copyLengths]),
            TensorSpecification(.copyPower, "copy.power", shape: [1]),
        ]
    }

    private var head: HeadSizes {
        HeadSizes(exitDimension: exitDimension, layers: layers, vocabularySize: vocabularySize)
    }
}

extension DrafterKind {
    /// A recurrent drafter (ReDrafter, arXiv 2403.09919).
    public static let recurrent = DrafterKind(RecurrentConfiguration.self)
}

/// Parts of a recurrent drafter; those of its head are in `DrafterHeads`.
extension DrafterRole {
    /// `rnn_u.weight`: from the last state. `[hidden, hidden]`
    public static let state = DrafterRole("state")
    /// `rnn_u.bias`. `[hidden]`
    public static let stateBias = DrafterRole("state", isBias: true)
    /// `rnn_w.weight`: from the embedding of the last token. `[hidden, hidden]`
    public static let token = DrafterRole("token")
    /// `input_proj.weight`. `[exit, 2 hidden]`
    public static let inputProjection = DrafterRole("input projection")
    /// `input_proj.bias`. `[exit]`
    public static let inputProjectionBias = DrafterRole("input projection", isBias: true)
}

// MARK: GGUF and reports

extension RecurrentConfiguration {
    private enum Key {
        static let hiddenSize = "redrafter.hidden_size"
        static let exitDimension = "redrafter.exit_dim"
        static let layers = "redrafter.layer_count"
        static let heads = "redrafter.head_count"
        static let vocabularySize = "redrafter.vocab_size"
        static let isRecurrent = "redrafter.rnn"
        static let copyLengths = "redrafter.copy_lengths"
    }

    public init(_ metadata: GGUFMetadata) throws(FormatError) {
        hiddenSize = try metadata.size(Key.hiddenSize)
        exitDimension = try metadata.size(Key.exitDimension)
        layers = try metadata.size(Key.layers)
        let heads = try metadata.size(Key.heads)
        vocabularySize = try metadata.size(Key.vocabularySize)
        isRecurrent = try metadata.bool(Key.isRecurrent) ?? true
        context = try ContextBlockSizes(metadata)
        copyLengths = try metadata.integer(Key.copyLengths) ?? 0
        guard heads == 1 else {
            throw .invalid(
                file: metadata.path, field: "the number of heads", expected: "1", got: "\(heads)", offset: nil
            )
        }
    }

    public var metadata: [(key: String, value: GGUFWriter.Value)] {
        [
            (Key.hiddenSize, .size(hiddenSize)), (Key.exitDimension, .size(exitDimension)),
            (Key.layers, .size(layers)), (Key.heads, .size(1)), (Key.vocabularySize, .size(vocabularySize)),
            (Key.isRecurrent, .bool(isRecurrent)),
        ] + (copyLengths > 0 ? [(Key.copyLengths, .size(copyLengths))] : []) + (context?.metadata ?? [])
    }

    public var facts: [(name: String, value: String)] {
        [
            ("drafter", "recurrent" + (isRecurrent ? "" : " (sum of embeddings)")),
            ("hidden size", "\(hiddenSize)"), ("exit size", "\(exitDimension)"), ("blocks", "\(layers)"),
        ] + (context.map { [("context block", $0.fact)] } ?? [])
            + (copyLengths > 0 ? [("copies", "matches of 1 to \(copyLengths) tokens")] : [])
    }

    public var summary: [(key: String, value: JSONValue)] {
        [
            ("hidden_size", .integer(hiddenSize)), ("exit_dim", .integer(exitDimension)),
            ("layers", .integer(layers)), ("heads", .integer(1)), ("vocab_size", .integer(vocabularySize)),
            ("rnn", .bool(isRecurrent)),
        ] + (context.map { [("context_block", $0.summary)] } ?? [])
            + (copyLengths > 0 ? [("copy_lengths", .integer(copyLengths))] : [])
    }
}
