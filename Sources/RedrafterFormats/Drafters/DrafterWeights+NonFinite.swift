import RedrafterCore

extension DrafterWeights {
    /// A warning where elements, or scales of quantised blocks, are NaN or infinite; nil for weights that are in order.
    ///
    /// Reads all elements of float types and the scales of the others: little beside copying the weights to a backend.
    public var damage: String? {
        var (names, places) = ([String](), 0)
        for tensor in tensors {
            let count = tensor.withBytes { Quantization.nonFiniteCount(type: tensor.type, bytes: $0) }
            guard count > 0 else { continue }
            names.append("\"\(TerminalText.escaped(tensor.name))\"")
            places += count
        }
        guard !names.isEmpty else { return nil }
        return
            "\(TerminalText.escaped(path)): the drafter is damaged, it holds NaN or infinity in \(places) places of "
            + names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
            + "; guesses that are not numbers are left out, which makes it slower; use another copy"
    }
}
