import RedrafterCore

/// How an engine is made: how many texts it holds, and what drafts for them.
public struct EngineOptions: Sendable, Hashable {
    /// Texts that are generated at the same time, each with room for the model's whole context. 1 to `maximumSlots`.
    public var slots = 4
    /// Requests that may wait for a slot; one more is refused.
    public var queueLimit = 64
    /// Rows of prompts in one pass: how long a prompt that is being read can hold up the other texts.
    public var promptRows = 64
    /// Drafters by name; the first serves requests that name none. `auto` is the best that fits the model; `none` is always there.
    public var drafters = ["auto"]
    /// For drafters with weights.
    public var drafterOptions = DrafterOptions()
    /// Weights by the drafter's name; they go before `drafterOptions.path`.
    public var drafterPaths: [String: String] = [:]

    /// Slots of one engine at most: every text has a row in every pass.
    public static let maximumSlots = TreeLimits.maximumRows / 2

    public init(slots: Int = 4) { self.slots = slots }

    /// - Throws: `ParameterError.outOfRange`.
    public func validate() throws(ParameterError) {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(ParameterError) {
            guard range.contains(value) else {
                throw .outOfRange(
                    name: name, got: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
            }
        }
        try check("parallel", slots, 1...Self.maximumSlots)
        try check("queue", queueLimit, 0...1_000_000)
        try check("prompt-rows", promptRows, 1...4096)
        guard !drafters.isEmpty else {
            throw .outOfRange(name: "drafters", got: "none named", allowed: "at least one name")
        }
    }
}
