import RedrafterCore

/// What can go wrong while a transformer is loaded or run.
public enum TransformerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The device failed, lacks memory or cannot run a type of weight.
    case backend(BackendError)
    /// A weight the architecture needs is not there.
    case missingWeight(String)
    /// A weight has another shape than the configuration says.
    case wrongShape(weight: String, got: [Int], expected: [Int])
    /// A weight's bytes are fewer or more than its shape takes.
    case wrongByteCount(weight: String, got: Int, expected: Int)
    /// A sequence would hold more tokens than the context.
    case contextFull(sequence: Int, needed: Int, contextLength: Int)
    /// The rows are no valid batch.
    case invalidRows(RowError)
    /// The rows to keep are no path of the last pass.
    case invalidPath(row: Int, reason: String)
    /// A token outside the embedding.
    case unknownToken(Int32, vocabulary: Int)
    /// The caller asked to stop.
    case cancelled

    public var description: String {
        switch self {
        case .backend(let error): error.description
        case .missingWeight(let name): "the model has no weight for the \(name)"
        case .wrongShape(let weight, let got, let expected):
            "weight \(TerminalText.escaped(weight)) has shape \(got), expected \(expected)"
        case .wrongByteCount(let weight, let got, let expected):
            "weight \(TerminalText.escaped(weight)) has \(got) bytes, expected \(expected)"
        case .contextFull(let sequence, let needed, let contextLength):
            "sequence \(sequence) needs \(needed) tokens, the context holds \(contextLength); use a larger context"
        case .invalidRows(let error): "the rows are not a valid batch: \(error)"
        case .invalidPath(let row, let reason): "row \(row) cannot be committed: \(reason)"
        case .unknownToken(let token, let vocabulary):
            "token \(token) is not in the vocabulary of \(vocabulary)"
        case .cancelled: "cancelled"
        }
    }
}
