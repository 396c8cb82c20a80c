import Redrafter
import RedrafterCore

/// A place for one text: a sequence of the runner's cache, and what drafters remember of it. What the last text left stays until
/// another takes the place, so that a prompt which begins alike need not be computed again.
struct Slot {
    /// Certain tokens of the text; those that the cache lacks come last.
    var tokens: [Int32] = []
    /// What each drafter remembers, in the engine's order.
    var sessions: [DraftSession]
    /// Rows that each drafter was told of.
    var followed: [Int]
    /// Hidden state of the last committed token, for drafters that require it. `[1, hidden]`
    let hidden: Tensor
    /// The text that is being generated; nil where the slot is free.
    var text: ActiveText?
    /// The pass in which the slot was used last.
    var lastUse = 0

    /// How many tokens of a prompt the cache holds, of `committed` that it has. The last token is computed in any case: its
    /// logits are needed.
    func heldCount(of prompt: [Int32], committed: Int) -> Int {
        min(prompt.commonPrefix(tokens, atMost: committed), prompt.count - 1)
    }
}

extension [Int32] {
    /// Tokens at the beginning that are the same, at most so many.
    func commonPrefix(_ other: [Int32], atMost limit: Int) -> Int {
        let limit = Swift.min(limit, count, other.count)
        return withUnsafeBufferPointer { own in
            other.withUnsafeBufferPointer { other in
                (0..<limit).first { own[$0] != other[$0] } ?? limit
            }
        }
    }
}
