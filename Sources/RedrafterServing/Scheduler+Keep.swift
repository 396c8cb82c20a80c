import Redrafter
import RedrafterCore
import RedrafterModels

/// What becomes of a share of a pass.
private struct Kept {
    let share: Share
    let verdict: Verdict?
    /// Rows of the pass that are committed, in order.
    var path: [Int] = []
    /// Tokens that became part of the text.
    var taken: [Int32] = []
    var pieces: [TextPiece] = []
    var tokens: [EngineToken] = []
    var isOpen = true
}

extension Scheduler {
    /// Keeps what was confirmed of each text, tells drafters of it, and hands the new text over.
    func keep(
        _ plan: PassPlan, _ verdicts: [Result<Verdict, BackendError>?], _ output: PassOutput,
        _ watch: inout Stopwatch
    ) throws(RedrafterError) {
        var kept = [Kept]()
        for (share, verdict) in zip(plan.shares, verdicts) {
            switch verdict {
            case .failure(let error)?: fail(share.slot, .transformer(.backend(error)))
            case .success(let verdict)?: kept.append(try take(verdict, of: share, output))
            case nil: kept.append(Kept(share: share, verdict: nil, path: Array(share.rows)))
            }
        }
        let now = ContinuousClock.now
        do throws(BackendError) {
            for index in kept.indices { try keepHidden(kept[index], output) }
        } catch {
            throw .backend(error)
        }
        try wrapping(RedrafterError.transformer, try runner.commit(kept.flatMap(\.path)))
        for index in kept.indices {
            let (slot, start) = (kept[index].share.slot, runner.lengths[kept[index].share.slot])
            slots[slot].tokens += kept[index].taken
            slots[slot].lastUse = passes
            try follow(kept[index], from: start - kept[index].path.count, output)
        }
        watch.lap(\.rest)
        count(plan, watch.durations)
        let texts = Set(kept.map(\.share.slot)).count
        for own in kept {
            learn(own, watch.durations, texts: texts)
            deliver(own, now, EnginePass(rows: plan.rows.count, ownRows: own.share.rows.count, texts: texts))
        }
    }

    /// Offers the confirmed tokens to the answer, in order, and the model's own after them.
    private func take(
        _ verdict: Verdict, of share: Share, _ output: PassOutput
    ) throws(RedrafterError) -> Kept {
        var kept = Kept(share: share, verdict: verdict)
        guard var text = slots[share.slot].text, let firstLogit = share.firstLogit else { return kept }
        slots[share.slot].text = nil  // it grows in place
        defer { slots[share.slot].text = text }
        if share.isPrompt { text.answer.promptIsDone() }
        let found = verdict.tokens(in: share.tree)
        let counted = text.answer.tokens.count
        for (index, token) in found.enumerated() {
            kept.taken.append(token)
            kept.isOpen = text.answer.take(
                token, isDrafted: index < found.count - 1, text.delivery.cancellation
            ) { kept.pieces.append($0) }
            if !kept.isOpen { break }
        }
        kept.path =
            share.isPrompt
            ? Array(share.rows)
            : verdict.path.prefix(kept.taken.count).map { share.rows.lowerBound + $0 }
        let logged = try wrapping(
            RedrafterError.backend,
            try TokenLogProbabilities.of(
                zip(kept.taken, verdict.path).map { ($0, firstLogit + $1) }, text.answer.report,
                logits: output.logits, on: runner.stream))
        text.answer.logProbabilities += logged
        // A request for no tokens at all takes none of those that were found.
        for index in kept.taken.indices.prefix(text.answer.tokens.count - counted) {
            kept.tokens.append(
                EngineToken(
                    token: kept.taken[index], isDrafted: index < found.count - 1,
                    logProbabilities: logged.isEmpty ? nil : logged[index]))
        }
        return kept
    }

    /// Copies the hidden state of the last committed row, for drafters that require it.
    private func keepHidden(_ kept: Kept, _ output: PassOutput) throws(BackendError) {
        let share = kept.share
        guard let firstLogit = share.firstLogit, let last = kept.path.last,
            let drafter = slots[share.slot].text?.drafter,
            drafters[drafter].drafter.requirements.hiddenState
        else { return }
        // A prompt has logits of its last row alone.
        let row = share.isPrompt ? firstLogit : firstLogit + last - share.rows.lowerBound
        runner.stream.gatherRows(output.hidden, rows: [row], into: slots[share.slot].hidden)
    }

    /// Tells a drafter that follows the text of its new rows.
    private func follow(_ kept: Kept, from start: Int, _ output: PassOutput) throws(RedrafterError) {
        let slot = kept.share.slot
        guard let drafter = slots[slot].text?.drafter, followsText(drafter) else { return }
        let rows = ConfirmedRows(
            start: start, following: slots[slot].tokens[(start + 1)...].prefix(kept.path.count),
            passRows: kept.path[...], taps: output.taps, embedding: model.transformer.weights.embedding,
            stream: runner.stream)
        try wrapping(RedrafterError.backend, try slots[slot].sessions[drafter].follow(rows))
        slots[slot].followed[drafter] = start + kept.path.count
    }

    /// Learns how well the guesses of a text did.
    private func learn(_ kept: Kept, _ durations: StepDurations, texts: Int) {
        guard let verdict = kept.verdict, !kept.share.isPrompt else { return }
        var own = StepDurations()
        own.draft = kept.share.isDrafted ? durations.draft / texts : .zero
        own.verify = durations.verify / texts
        own.rest = durations.rest / texts
        let outcome = StepOutcome(
            tree: kept.share.tree, verdict: verdict, taken: kept.taken, isDrafted: kept.share.isDrafted,
            nonFiniteDraftRows: kept.share.nonFiniteDraftRows, durations: own)
        metrics.speculation.count(outcome)
        let slot = kept.share.slot
        guard let drafter = slots[slot].text?.drafter else { return }
        slots[slot].sessions[drafter].observe(outcome)
        slots[slot].text?.metrics.count(outcome)
        slots[slot].text?.share.calibration.observe(kept.share.tree, path: verdict.path)
        drafters[drafter].calibration.observe(kept.share.tree, path: verdict.path)
    }

    /// Hands new text over, and ends the text where this was its last.
    private func deliver(_ kept: Kept, _ now: ContinuousClock.Instant, _ pass: EnginePass) {
        let slot = kept.share.slot
        if kept.share.isPrompt { slots[slot].text?.answer.timings.promptTokens += kept.path.count }
        guard let text = slots[slot].text, kept.verdict != nil else { return }
        if let last = text.lastToken {
            let seconds = last.duration(to: now) / .seconds(max(kept.tokens.count, 1))
            for _ in kept.tokens { metrics.timePerOutputToken.observe(seconds) }
        } else {
            metrics.timeToFirstToken.observe(text.delivery.submitted.duration(to: now) / .seconds(1))
        }
        metrics.generatedTokens += kept.tokens.count
        slots[slot].text?.lastToken = now
        slots[slot].text?.lastPass = pass
        if !kept.tokens.isEmpty {
            text.delivery.continuation.yield(
                .update(EngineUpdate(pieces: kept.pieces, tokens: kept.tokens, pass: pass)))
        }
        if !kept.isOpen { end(slot) }
    }

    private func count(_ plan: PassPlan, _ durations: StepDurations) {
        metrics.passes += 1
        metrics.rows += plan.rows.count
        metrics.promptRows += plan.promptRows
        metrics.rowsPerPass.observe(Double(plan.rows.count))
        metrics.durations += durations
        guard plan.promptRows == 0 else { return }
        let prices = forest.prices.list(
            texts: plan.shares.count, contextLength: contextLength(of: plan.shares.map(\.slot)))
        metrics.plainPassMilliseconds = (prices?.plain ?? 0) * 1000
        metrics.chosenPassMilliseconds = (prices?.seconds(rows: plan.rows.count) ?? 0) * 1000
    }
}
