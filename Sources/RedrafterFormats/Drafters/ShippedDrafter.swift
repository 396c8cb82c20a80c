import RedrafterCore

/// A drafter whose weights are part of a program: the bytes of a GGUF file in its binary.
public struct ShippedDrafter: Sendable {
    /// Name among those shipped, such as `smollm2-135m-rnn`.
    public let name: String
    /// The model it was trained for, as people call it. What decides is the fingerprint in the file.
    public let model: String
    /// What the file holds.
    public let kind: DrafterKind
    private let file: MappedFile

    /// - Parameters:
    ///   - name: distinguishes it from the others that are shipped.
    ///   - model: the model it was trained for, for people.
    ///   - kind: of the weights; it says which drafters can use them.
    ///   - bytes: a GGUF file; they must live as long as the process. Nothing is copied or read yet.
    public init(name: String, model: String, kind: DrafterKind, bytes: UnsafeRawBufferPointer) {
        self.name = name
        self.model = model
        self.kind = kind
        file = MappedFile(resident: bytes, path: name)
    }

    /// Size of the file.
    public var byteCount: Int { file.bytes.count }

    /// The weights, checked. Reads the description of the tensors, not their elements.
    /// - Throws: `FormatError` where the bytes are no drafter.
    public func weights() throws(FormatError) -> DrafterWeights {
        try DrafterWeights(file: file, kinds: [kind])
    }
}
