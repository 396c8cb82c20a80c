/// What scores of attention are made of, and which keys a row looks back to: `cap(scale · q·k)` over the last `window` keys.
public struct AttentionScores: Sendable, Hashable {
    /// Factor of the products of queries and keys.
    public var scale: Float
    /// Scores x become `softcap · tanh(x / softcap)` before the soft-max (Gemma 2, arXiv 2408.00118, section 2); nil: as they are.
    public var softcap: Float?
    /// Keys that a row sees, itself included; nil: all before it.
    public var window: Int?

    public init(scale: Float, softcap: Float? = nil, window: Int? = nil) {
        precondition(window.map { $0 > 0 } ?? true, "a row sees itself at least")
        self.scale = scale
        self.softcap = softcap
        self.window = window
    }

    /// Scores scaled by 1/√d over all keys.
    public static func scaled(headDimension: Int) -> AttentionScores {
        AttentionScores(scale: 1 / Float(headDimension).squareRoot())
    }

    /// The position of the first key that a row at `position` sees.
    public func firstKey(at position: Int) -> Int { window.map { max(0, position + 1 - $0) } ?? 0 }
}

/// What a gated feed-forward block puts its gate through.
public enum GateActivation: UInt32, Sendable, Hashable, CaseIterable {
    /// `x · σ(x)`
    case silu = 0
    /// `x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`, the usual approximation of GELU.
    case geluTanh = 1
}
