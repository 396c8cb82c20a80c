/// The numbers and the tokenizer that a drafter was trained for. Two quantisations of one model have the same fingerprint.
public struct ModelFingerprint: Sendable, Hashable {
    /// Digest of the tokenizer: the bytes of all pieces in order, and the special ids. Hexadecimal.
    public var tokenizer: String
    public var vocabularySize: Int
    public var hiddenSize: Int
    public var layers: Int
    public var heads: Int
    public var keyValueHeads: Int
    public var feedForwardSize: Int

    public init(
        tokenizer: String, vocabularySize: Int, hiddenSize: Int, layers: Int, heads: Int, keyValueHeads: Int,
        feedForwardSize: Int
    ) {
        self.tokenizer = tokenizer
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.layers = layers
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        self.feedForwardSize = feedForwardSize
    }
}

extension ModelFingerprint {
    /// Checks that a drafter trained for the model of this fingerprint fits a loaded model.
    ///
    /// Two quantisations of one model fit each other, and so does a head that was padded: rows beyond the tokens of
    /// the tokenizer are never generated, so their number is no difference while the tokenizers are the same.
    /// - Parameters:
    ///   - drafter: name or path of the drafter, for the error.
    ///   - target: the model that the drafter is to serve.
    /// - Throws: `DrafterError.mismatch` naming the first difference: tokenizer, hidden size, then the numbers of the
    ///   architecture.
    public func check(against target: ModelFingerprint, drafter: String) throws(DrafterError) {
        func compare<Value: Equatable>(_ what: String, _ got: Value, _ expected: Value) throws(DrafterError) {
            guard got == expected else {
                throw .mismatch(drafter: drafter, what: what, got: "\(got)", expected: "\(expected)")
            }
        }
        if tokenizer != target.tokenizer {
            // Different vocabularies say more than two digests.
            try compare("vocabulary", vocabularySize, target.vocabularySize)
            try compare("tokenizer", tokenizer, target.tokenizer)
        }
        try compare("hidden size", hiddenSize, target.hiddenSize)
        try compare("number of layers", layers, target.layers)
        try compare("number of attention heads", heads, target.heads)
        try compare("number of key/value heads", keyValueHeads, target.keyValueHeads)
        try compare("feed-forward size", feedForwardSize, target.feedForwardSize)
    }
}
