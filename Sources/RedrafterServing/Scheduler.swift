import Redrafter
import RedrafterCore
import RedrafterModels

/// Runs the passes of an engine: who is in which slot, and which rows come next.
///
/// Unchecked Sendable: made by one thread and from then on used by the jobs of one serial queue alone, of which there is one at
/// a time.
final class Scheduler: @unchecked Sendable {
    let model: Model
    let options: EngineOptions
    let inbox: Inbox
    let runner: PassRunner
    var drafters: [LoadedDrafter]
    var slots: [Slot]
    var forest: CostAwareForest
    var metrics = EngineMetrics()
    var passes = 0
    /// The last pass without rows of prompts.
    var lastPrice = 0

    /// - Throws: `RedrafterError.transformer`, `.backend` where memory is short.
    init(
        _ model: Model, _ options: EngineOptions, _ drafters: [LoadedDrafter], _ inbox: Inbox
    ) throws(RedrafterError) {
        self.model = model
        self.options = options
        self.drafters = drafters
        self.inbox = inbox
        forest = CostAwareForest()
        do throws(TransformerError) {
            runner = try PassRunner(
                model.transformer, sequences: options.slots, prefillChunk: options.promptRows,
                maximumRows: options.rowsPerPass)
            for drafter in drafters { try runner.tap(drafter.drafter.requirements.taps) }
        } catch {
            throw .transformer(error)
        }
        slots = []
        do throws(BackendError) {
            for _ in 0..<options.slots {
                var sessions = [DraftSession]()
                for drafter in drafters { sessions.append(try DraftSession.make(drafter.drafter)) }
                slots.append(
                    Slot(
                        sessions: sessions, followed: drafters.map { _ in 0 },
                        hidden: try model.transformer.backend.makeTensor(
                            rows: 1, columns: model.configuration.hiddenSize)))
            }
        } catch {
            throw .backend(error)
        }
        metrics.slots = options.slots
        metrics.cacheCapacity = options.slots * model.contextLength
        inbox.publish(metrics)
    }

    /// Runs passes until there is nothing to do.
    func run() {
        while true {
            endCancelled()
            admit()
            if slots.contains(where: { $0.text != nil }) {
                pass()
                publish()
            } else {
                publish()
                if inbox.rest() { return }
            }
        }
    }

    /// Empties the slots that are free.
    func forget() {
        for slot in slots.indices where slots[slot].text == nil {
            runner.truncate(sequence: slot, to: 0)
            slots[slot].tokens = []
        }
        publish()
    }

    private func publish() {
        metrics.running = slots.count { $0.text != nil }
        metrics.cachedTokens = runner.lengths.reduce(0, +)
        inbox.publish(metrics)
    }

    // MARK: Coming and going

    /// Gives free slots to the requests that wait.
    private func admit() {
        let free = slots.count { $0.text == nil }
        let (requests, cancelled) = inbox.take(free)
        for request in cancelled { end(unstarted: request) }
        for request in requests { admit(request) }
    }

    private func admit(_ pending: PendingRequest) {
        let prompt = pending.request.prompt
        guard let slot = freeSlot(for: prompt) else { preconditionFailure("there is a free slot") }
        var answer = Answer(
            model: model, parameters: pending.request.parameters, promptTokens: prompt.count)
        let running = slots.count { $0.text != nil } + 1
        let held = heldCount(of: prompt, in: slot, for: pending.drafter)
        runner.truncate(sequence: slot, to: held)
        for drafter in drafters.indices {
            // The last row that stays was told with the token after it, which may be another now.
            let told = drafter == pending.drafter ? held : max(0, held - 1)
            slots[slot].followed[drafter] = min(slots[slot].followed[drafter], told)
        }
        answer.timings.cachedTokens = held
        slots[slot].tokens = prompt
        slots[slot].lastUse = passes
        slots[slot].text = ActiveText(
            request: pending.request, sampler: pending.sampler, drafter: pending.drafter,
            delivery: pending.delivery, answer: answer,
            share: drafters[pending.drafter].share(
                maximumRows: pending.request.maximumRows, texts: running))
        metrics.promptTokens += prompt.count
        metrics.promptTokensCached += held
        metrics.queueTime.observe(pending.delivery.submitted.duration(to: .now) / .seconds(1))
    }

    /// Ends texts whose callers have gone, or that have no time left.
    private func endCancelled() {
        for slot in slots.indices {
            guard let text = slots[slot].text,
                text.delivery.cancellation.isCancelled || inbox.ending.isCancelled
            else { continue }
            slots[slot].text?.answer.finishReason = .cancelled
            end(slot)
        }
    }

    /// The text of a slot is complete.
    func end(_ slot: Int) {
        guard var text = slots[slot].text else { return }
        slots[slot].text = nil
        slots[slot].lastUse = passes
        var last = [TextPiece]()
        let drafter = drafters[text.drafter].name
        let result = text.answer.finished(text.metrics, drafter: drafter, isExact: true) { last.append($0) }
        if !last.isEmpty {
            text.delivery.continuation.yield(
                .update(EngineUpdate(pieces: last, tokens: [], pass: text.lastPass)))
        }
        switch result.finishReason {
        case .stop: metrics.finished.stop += 1
        case .length: metrics.finished.length += 1
        case .cancelled: metrics.finished.cancelled += 1
        }
        close(text.delivery)
        text.delivery.finish(result)
    }

    /// The text of a slot cannot go on; the others do.
    func fail(_ slot: Int, _ error: RedrafterError) {
        guard let text = slots[slot].text else { return }
        slots[slot].text = nil
        metrics.finished.failed += 1
        close(text.delivery)
        text.delivery.fail(.request(error))
    }

    /// A request that never had a slot.
    private func end(unstarted request: PendingRequest) {
        var answer = Answer(
            model: model, parameters: request.request.parameters,
            promptTokens: request.request.prompt.count)
        answer.finishReason = .cancelled
        metrics.finished.cancelled += 1
        close(request.delivery)
        request.delivery.finish(
            answer.finished(
                SpeculationMetrics(), drafter: drafters[request.drafter].name, isExact: true
            ) { _ in })
    }

    private func close(_ delivery: Delivery) {
        metrics.endToEnd.observe(delivery.submitted.duration(to: .now) / .seconds(1))
        publish()
        inbox.close()
    }
}
