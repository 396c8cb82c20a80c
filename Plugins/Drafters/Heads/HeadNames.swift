import RedrafterFormats

/// Names of a head's tensors in a `Sequential` of PyTorch.
public enum HeadNames {
    /// The role of `….{i}.linear.weight`, `….{i}.linear.bias` and `….{n}.weight`; nil for other names.
    /// - Parameters:
    ///   - parts: the name, split at its dots.
    ///   - head: the number of the head, which the first part says.
    public static func role(_ parts: [Substring], head: Int) -> DrafterRole? {
        guard parts.count == 3 || parts.count == 4, let index = number(parts[1]),
            let last = parts.last, last == "weight" || last == "bias"
        else { return nil }
        let isBias = last == "bias"
        if parts.count == 3 { return isBias ? nil : .output(head: head) }
        guard parts[2] == "linear" else { return nil }
        return isBias ? .blockBias(head: head, layer: index) : .block(head: head, layer: index)
    }

    /// The place n among the blocks that the name `{prefix}.{n}.weight` of a projection says.
    static func place(ofOutput name: String) -> Int? {
        let parts = split(name)
        return parts.count == 3 ? number(parts[1]) : nil
    }

    public static func split(_ name: String) -> [Substring] {
        name.split(separator: ".", omittingEmptySubsequences: false)
    }

    /// A decimal number without sign and leading zeros, as indices are written; at most 4 digits.
    public static func number(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
            text == "0" || text.first != "0"
        else { return nil }
        return Int(text)
    }
}
