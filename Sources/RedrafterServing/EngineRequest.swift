import Redrafter
import RedrafterCore

/// One text to generate.
public struct EngineRequest: Sendable, Hashable {
    /// Tokens of the whole text so far; at least one, and fewer than the context holds.
    public var prompt: [Int32]
    /// How long, and how it is sampled.
    public var parameters: GenerationParameters
    /// One of the engine's drafters; nil or `auto` for its first.
    public var drafter: String?
    /// Rows that a pass may spend on this text, the certain one included: 1 is plain decoding. 1 to `TreeLimits.maximumRows`.
    public var maximumRows: Int

    public init(
        _ prompt: [Int32], _ parameters: GenerationParameters = GenerationParameters(),
        drafter: String? = nil, maximumRows: Int = SpeculationOptions.defaultMaximumRows
    ) {
        self.prompt = prompt
        self.parameters = parameters
        self.drafter = drafter
        self.maximumRows = maximumRows
    }
}

/// What one pass gave a text.
public struct EngineUpdate: Sendable, Hashable {
    /// Text that is certain now; may be empty.
    public var pieces: [TextPiece]
    /// Tokens that became part of the text.
    public var tokens: [EngineToken]
    /// The pass they came from.
    public var pass: EnginePass
}

/// A token of an answer.
public struct EngineToken: Sendable, Hashable {
    public var token: Int32
    /// It was drafted and confirmed; else the model came up with it.
    public var isDrafted: Bool
    /// Where the request asked for it.
    public var logProbabilities: TokenLogProbabilities?
}

/// A pass over the model, as one of its texts sees it.
public struct EnginePass: Sendable, Hashable {
    /// Rows of all texts, those of prompts included.
    public var rows: Int
    /// Rows of this text.
    public var ownRows: Int
    /// Texts that shared the pass.
    public var texts: Int
}

/// What comes of a request, in order: updates, then the result.
public enum EngineEvent: Sendable, Hashable {
    case update(EngineUpdate)
    /// The last event.
    case finished(GenerationResult)
}
