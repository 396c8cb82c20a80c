import RedrafterFormats

/// Parts of residual heads: blocks `x + SiLU(W x + b)`, then a projection onto tokens.
extension DrafterRole {
    /// The matrix of residual block `layer` of `head` (0 where there is one head). `[exit, exit]`
    public static func block(head: Int, layer: Int) -> DrafterRole {
        DrafterRole(HeadPart.block.rawValue, head, layer)
    }
    /// Its bias. `[exit]`
    public static func blockBias(head: Int, layer: Int) -> DrafterRole {
        DrafterRole(HeadPart.block.rawValue, head, layer, isBias: true)
    }
    /// The projection of `head` onto tokens. `[vocabulary, exit]`
    public static func output(head: Int) -> DrafterRole { DrafterRole(HeadPart.output.rawValue, head) }

    /// What it is in a head; nil for parts outside of heads.
    var headPart: HeadPart? { HeadPart(rawValue: name) }
}

/// The words of the roles.
enum HeadPart: String { case block, output }

/// The numbers of residual heads, from which names and shapes follow.
public struct HeadSizes: Sendable, Hashable {
    /// Size that blocks and projection work on.
    public var exitDimension: Int
    /// Residual blocks in each head.
    public var layers: Int
    /// Rows of the projection.
    public var vocabularySize: Int

    public init(exitDimension: Int, layers: Int, vocabularySize: Int) {
        self.exitDimension = exitDimension
        self.layers = layers
        self.vocabularySize = vocabularySize
    }

    /// The tensors of one head, with the names that a `Sequential` of PyTorch gives them: `{prefix}.{i}.linear.weight`,
    /// `{prefix}.{i}.linear.bias` for each block i of n, and `{prefix}.{n}.weight`.
    public func tensors(head: Int, prefix: String) -> [TensorSpecification] {
        var result = [TensorSpecification]()
        for layer in 0..<layers {
            let name = "\(prefix).\(layer).linear"
            result += [
                TensorSpecification(
                    .block(head: head, layer: layer), "\(name).weight", shape: [exitDimension, exitDimension]),
                TensorSpecification(
                    .blockBias(head: head, layer: layer), "\(name).bias", shape: [exitDimension]),
            ]
        }
        result.append(
            TensorSpecification(
                .output(head: head), "\(prefix).\(layers).weight", shape: [vocabularySize, exitDimension]))
        return result
    }

    /// What the numbers of blocks and rows may be.
    public var sizes: [DrafterSize] {
        [
            DrafterSize("the number of residual blocks", layers, 0...DrafterSize.counts.upperBound),
            DrafterSize("the rows of the LM head", vocabularySize, DrafterSize.vocabularies),
        ]
    }
}
