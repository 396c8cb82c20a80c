import RedrafterCore
import RedrafterModels

/// The rows of prompts in a pass: for each text that is read on, the slot and how many tokens.
typealias PromptChunk = (slot: Int, count: Int)

extension Scheduler {
    // MARK: What the caches hold already

    /// The free slot that a prompt takes. One whose text begins alike goes on from there, unless most of what it holds would be
    /// lost; then the slot that was not used for longest is taken.
    func freeSlot(for prompt: [Int32]) -> Int? {
        let free = slots.indices.filter { slots[$0].text == nil }
        let lengths = runner.lengths
        func held(_ slot: Int) -> Int { slots[slot].heldCount(of: prompt, committed: lengths[slot]) }
        let best = free.max { held($0) < held($1) }
        if let best, held(best) > 0, held(best) * 2 >= lengths[best] { return best }
        return free.min {
            // Empty ones first.
            (lengths[$0] > 0 ? 1 : 0, slots[$0].lastUse) < (lengths[$1] > 0 ? 1 : 0, slots[$1].lastUse)
        }
    }

    /// Tokens of a prompt that a slot need not compute again. A drafter that follows the text has to be told of each row, with
    /// the token after it.
    func heldCount(of prompt: [Int32], in slot: Int, for drafter: Int) -> Int {
        let held = slots[slot].heldCount(of: prompt, committed: runner.lengths[slot])
        guard followsText(drafter) else { return held }
        return max(0, min(held - 1, slots[slot].followed[drafter]))
    }

    /// Whether a drafter has to be told of every row.
    func followsText(_ drafter: Int) -> Bool {
        !drafters[drafter].drafter.requirements.taps.isEmpty
    }

    /// Copies what other slots hold of the prompts that are being read.
    func copyPrefixes() {
        for slot in slots.indices {
            guard let text = slots[slot].text, text.isReading, !followsText(text.drafter) else { continue }
            let prompt = text.request.prompt
            let own = runner.lengths[slot]
            let lengths = runner.lengths
            let others = slots.indices.filter { $0 != slot }.map {
                (slot: $0, held: slots[$0].heldCount(of: prompt, committed: lengths[$0]))
            }
            guard let best = others.max(by: { $0.held < $1.held }), best.held > own else { continue }
            runner.copy(from: best.slot, to: slot, shared: own, count: best.held)
            slots[slot].text?.answer.timings.cachedTokens += best.held - own
            metrics.promptTokensCached += best.held - own
        }
    }

    // MARK: What is read next

    /// The parts of prompts in the next pass. Half of the rows go to the text that has waited longest, the others to the shortest
    /// rests first, so that a long prompt does not hold up short ones, nor they it.
    func promptChunks() -> [PromptChunk] {
        var reading = slots.indices.filter { slots[$0].text?.isReading == true }
            .sorted { slots[$0].submission < slots[$1].submission }
        reading = reading.filter { slot in
            // What another computes in this pass is copied after it.
            !reading.prefix { $0 != slot }.contains { computesFor(slot, $0) }
        }
        guard let oldest = reading.first else { return [] }
        var chunks = [PromptChunk]()
        var left = reading.count > 1 ? options.promptRows / 2 : 0
        for slot in reading.dropFirst().sorted(by: { rest($0) < rest($1) }) where left > 0 {
            let count = min(rest(slot), left)
            chunks.append((slot, count))
            left -= count
        }
        let others = chunks.reduce(0) { $0 + $1.count }
        chunks.append((oldest, min(rest(oldest), options.promptRows - others)))
        return chunks
    }

    /// Tokens of a prompt that are still to be computed.
    private func rest(_ slot: Int) -> Int { slots[slot].tokens.count - runner.lengths[slot] }

    /// Whether the rows that another slot computes next are what this one needs next, and worth waiting for.
    private func computesFor(_ slot: Int, _ other: Int) -> Bool {
        guard let text = slots[slot].text, !followsText(text.drafter) else { return false }
        let own = runner.lengths[slot]
        guard runner.lengths[other] >= own else { return false }
        let shared = slots[slot].heldCount(of: slots[other].tokens, committed: .max)
        return shared - own >= min(Self.worthWaiting, rest(slot) - 1) && shared > own
    }

    private static let worthWaiting = 16
}

extension Slot {
    fileprivate var submission: ContinuousClock.Instant { text?.delivery.submitted ?? .now }
}
