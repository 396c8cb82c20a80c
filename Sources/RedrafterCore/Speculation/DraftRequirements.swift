/// What a drafter reads of the model, said before it is asked to draft.
public struct DraftRequirements: Sendable, Hashable {
    /// `DraftContext.hidden`.
    public var hiddenState: Bool
    /// Layers, counted from 0, whose outputs `ConfirmedRows` has: the residual stream behind each of them.
    public var taps: Set<Int>

    public init(hiddenState: Bool = false, taps: Set<Int> = []) {
        self.hiddenState = hiddenState
        self.taps = taps
    }

    /// What either of two drafters reads.
    public func union(_ other: DraftRequirements) -> DraftRequirements {
        DraftRequirements(
            hiddenState: hiddenState || other.hiddenState, taps: taps.union(other.taps))
    }
}
