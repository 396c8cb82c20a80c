import RedrafterFormats

/// The sizes of the heads in a file, from its tensors.
public struct HeadShapes: Sendable {
    /// Heads that have a tensor.
    public let heads: Int
    /// Of each head.
    public let sizes: HeadSizes

    /// - Parameters:
    ///   - parts: the tensors of a file.
    ///   - layout: which says how names are spelled; projections have a place among the blocks where `hasPlaces`.
    /// - Throws: `FormatError` where the first head has no projection, or a projection is not behind the last block.
    public init(
        _ parts: DrafterParts, _ layout: some SafetensorsLayout, hasPlaces: Bool = true
    ) throws(FormatError) {
        var heads = 0
        var layers = 0
        var outputs = [Int]()
        for role in parts.views.keys {
            switch role.headPart {
            case .block:
                heads = max(heads, role.indices[0] + 1)
                layers = max(layers, role.indices[1] + 1)
            case .output:
                heads = max(heads, role.indices[0] + 1)
                outputs.append(role.indices[0])
            case nil: break
            }
        }
        for head in outputs.sorted() where hasPlaces {
            guard let name = parts.name(of: .output(head: head)),
                let place = HeadNames.place(ofOutput: layout.stripped(name)), place != layers
            else { continue }
            throw .invalid(
                file: parts.path, field: "the LM head of head \(head) among its \(layers) residual blocks",
                expected: "in place \(layers)", got: "tensor \"\(name)\"", offset: nil)
        }
        guard let output = parts.views[.output(head: 0)] else {
            throw .missingField(
                file: parts.path, field: "the LM head of the drafter", expected: "a matrix [vocabulary, size]"
            )
        }
        let largest = DrafterSize.counts.upperBound
        guard heads <= largest, layers <= largest else {
            throw .invalid(
                file: parts.path, field: "the number of heads or blocks", expected: "at most \(largest)",
                got: "\(max(heads, layers))", offset: nil)
        }
        self.heads = heads
        sizes = HeadSizes(exitDimension: output.shape[1], layers: layers, vocabularySize: output.shape[0])
    }
}
