/// Which elements of a head rotary embedding turns together.
public enum RotaryPairing: Sendable, Hashable {
    /// Neighbours (2i, 2i+1): the order of GGUF files of the llama architecture.
    case neighbours
    /// Halves (i, i + d/2): the order of Hugging Face and of GGUF files of qwen2.
    case halves
}

/// Cosines and sines of rotary embedding for every position a cache can hold.
public struct RotaryTable: Sendable {
    /// Cosines, then sines, of each position. `[positions, 2, rotated/2]`, F32
    public let values: Tensor
    public let pairing: RotaryPairing
    /// Elements of each head that are turned; the rest pass through.
    public let rotatedDimension: Int

    public init(values: Tensor, pairing: RotaryPairing, rotatedDimension: Int) {
        self.values = values
        self.pairing = pairing
        self.rotatedDimension = rotatedDimension
    }
}
