import Redrafter
import RedrafterCore
import RedrafterModels

/// A text's part of a pass.
struct Share {
    let slot: Int
    /// What is verified; the last token of the prompt where one is read to its end.
    let tree: TokenTree
    /// Rows of the pass: nodes of the tree, or tokens of the prompt.
    let rows: Range<Int>
    /// The first of its rows of logits; nil where it has none.
    let firstLogit: Int?
    let isPrompt: Bool
    var isDrafted = false
    var nonFiniteDraftRows = 0
}

extension Scheduler {
    /// One pass over the rows of all texts.
    func pass() {
        passes += 1
        copyPrefixes()
        var watch = Stopwatch()
        let chunks = isForPrices() ? [] : promptChunks()
        let endings = chunks.count { $0.count == slots[$0.slot].tokens.count - runner.lengths[$0.slot] }
        do throws(RedrafterError) {
            let drafts = try draft(maximumRows: TreeLimits.maximumRows - endings)
            watch.lap(\.draft)
            var plan = PassPlan()
            for draft in drafts { plan.append(draft, committed: runner.lengths[draft.slot]) }
            for chunk in chunks { plan.append(chunk, of: slots[chunk.slot], at: runner.lengths[chunk.slot]) }
            guard !plan.rows.isEmpty else { return }
            let contextLength = contextLength(of: drafts.map(\.slot))
            let output = try wrapping(
                RedrafterError.transformer, try runner.forward(plan.rows, logitRows: plan.logitRows))
            let verdicts = try wrapping(RedrafterError.backend, try self.verdicts(plan.shares, output))
            watch.lap(\.verify)
            if chunks.isEmpty {
                lastPrice = passes
                forest.observePass(
                    rows: plan.rows.count, texts: plan.shares.count, contextLength: contextLength,
                    duration: watch.durations.verify)
            } else {
                forest.observePrompt()
            }
            try keep(plan, verdicts, output, &watch)
        } catch {
            // The device failed: no text can go on.
            for slot in slots.indices { fail(slot, error) }
        }
    }

    /// Whether prompts wait for this pass. Prices are learnt from passes without them; where prompts never end, one pass in some is
    /// kept free of them, more often until the price of the texts alone is known.
    private func isForPrices() -> Bool {
        let active = generating
        let isDrafted = active.contains { slot in
            slots[slot].text.map { !drafters[$0.drafter].isNone } ?? false
        }
        guard isDrafted, passes - lastPrice >= Self.passesBetweenPrices else { return false }
        return passes - lastPrice >= Self.longestBetweenPrices
            || !forest.isPriced(texts: active.count, contextLength: contextLength(of: active))
    }

    private static let passesBetweenPrices = 16
    private static let longestBetweenPrices = 64

    /// Slots whose prompts are read.
    private var generating: [Int] { slots.indices.filter { slots[$0].text?.isReading == false } }

    /// Committed tokens of some slots together, by which passes are priced.
    func contextLength(of slots: [Int]) -> Int {
        let lengths = runner.lengths
        return slots.reduce(0) { $0 + lengths[$1] }
    }

    // MARK: Drafting

    /// A tree for each text that is being generated.
    private func draft(maximumRows: Int) throws(RedrafterError) -> [Draft] {
        let active = generating
        guard !active.isEmpty else { return [] }
        let contextLength = contextLength(of: active)
        var shares = [CostAwareForest.Text]()
        for slot in active {
            guard let text = slots[slot].text else { continue }
            var share = text.share
            share.room = min(text.answer.room, model.contextLength - runner.lengths[slot]) - 1
            shares.append(share)
        }
        forest.maximumRows = maximumRows
        let budgets = forest.budgets(shares, contextLength: contextLength)
        let worth = forest.tokensPerSecond(texts: active.count, contextLength: contextLength)
        var drafts = active.map {
            Draft(slot: $0, proposal: DraftProposal(root: slots[$0].tokens[slots[$0].tokens.count - 1]))
        }
        for drafter in drafters.indices where !drafters[drafter].isNone {
            let asking = active.indices.filter {
                budgets[$0] != nil && slots[active[$0]].text?.drafter == drafter
            }
            guard !asking.isEmpty else { continue }
            try propose(&drafts, asking, budgets, &shares, drafter: drafter, worth: worth)
        }
        let trees = forest.build(
            drafts.map { $0.proposal.tree.known(to: model.configuration.vocabularySize) },
            isDrafted: drafts.map(\.isDrafted), &shares, contextLength: contextLength)
        for (index, slot) in active.enumerated() {
            drafts[index].tree = trees[index]
            slots[slot].text?.share = shares[index]
            if drafts[index].isDrafted, let drafter = slots[slot].text?.drafter {
                drafters[drafter].learn(shares[index], texts: active.count)
            }
        }
        return drafts
    }

    /// One batch of one drafter.
    private func propose(
        _ drafts: inout [Draft], _ asking: [Int], _ budgets: [DraftBudget?],
        _ shares: inout [CostAwareForest.Text], drafter: Int, worth: Double?
    ) throws(RedrafterError) {
        let start = ContinuousClock.now
        var batch = [SessionDraft]()
        for index in asking {
            let slot = drafts[index].slot
            guard let budget = budgets[index], let text = slots[slot].text else { continue }
            var evidence = DraftingEvidence()
            evidence.calibration = shares[index].calibration
            evidence.prices = forest.prices
            evidence.contextLength = runner.lengths[slot]
            evidence.room = shares[index].room
            evidence.tokensPerSecond = worth
            let context = DraftContext(
                tokens: slots[slot].tokens, hidden: slots[slot].hidden,
                embedding: model.transformer.weights.embedding, sampling: text.sampler.parameters,
                evidence: evidence, stream: runner.stream)
            batch.append(
                SessionDraft(
                    context, budget: budget, session: slots[slot].sessions[drafter].taken(),
                    proposal: drafts[index].proposal))
        }
        defer {
            for (index, draft) in zip(asking, batch) {
                slots[drafts[index].slot].sessions[drafter] = draft.session
            }
        }
        try wrapping(RedrafterError.backend, try drafters[drafter].workspace.propose(&batch))
        let seconds = start.duration(to: .now) / .seconds(asking.count)
        for (index, draft) in zip(asking, batch) {
            drafts[index].proposal = draft.proposal
            drafts[index].isDrafted = true
            shares[index].observeDraft(seconds: seconds)
        }
    }

    // MARK: Verifying

    /// What the model says of each share that has logits; an error for those whose logits are not numbers.
    private func verdicts(
        _ shares: [Share], _ output: PassOutput
    ) throws(BackendError) -> [Result<Verdict, BackendError>?] {
        var walks = [ExactWalk]()
        var firsts = [(share: Int, row: Int)]()
        for (index, share) in shares.enumerated() {
            guard let row = share.firstLogit, let text = slots[share.slot].text else { continue }
            walks.append(ExactWalk(text.sampler, share.tree, tokens: slots[share.slot].tokens))
            firsts.append((index, row))
        }
        var verdicts = [Result<Verdict, BackendError>?](repeating: nil, count: shares.count)
        guard !walks.isEmpty else { return verdicts }
        let rows = try SampledRows(output.logits, for: walks, on: runner.stream)
        for (walk, first) in zip(walks, firsts) {
            do throws(BackendError) {
                verdicts[first.share] = .success(try walk.verdict(rows, firstRow: first.row))
            } catch {
                guard case .nonFinite = error else { throw error }
                verdicts[first.share] = .failure(error)
            }
        }
        return verdicts
    }
}

/// A text's draft for the next pass.
struct Draft {
    let slot: Int
    var proposal: DraftProposal
    var tree: TokenTree
    var isDrafted = false

    init(slot: Int, proposal: DraftProposal) {
        self.slot = slot
        self.proposal = proposal
        tree = proposal.tree
    }
}

/// The rows of a pass, and whose they are.
struct PassPlan {
    private(set) var rows: [Row] = []
    /// Rows with logits, in the order of the output.
    private(set) var logitRows: [Int] = []
    private(set) var shares: [Share] = []
    /// Rows of prompts among all.
    private(set) var promptRows = 0

    /// The tree of a text whose cache holds `committed` tokens.
    mutating func append(_ draft: Draft, committed: Int) {
        let range = append(draft.tree.rows(from: committed, sequence: draft.slot))
        shares.append(
            Share(
                slot: draft.slot, tree: draft.tree, rows: range, firstLogit: logitRows.count,
                isPrompt: false, isDrafted: draft.isDrafted,
                nonFiniteDraftRows: draft.proposal.nonFiniteRows))
        logitRows += range
    }

    /// Tokens of a prompt, from a place on.
    mutating func append(_ chunk: PromptChunk, of slot: Slot, at start: Int) {
        let tokens = slot.tokens[start..<start + chunk.count]
        let range = append(Row.chain(tokens, from: start, sequence: chunk.slot))
        let isEnd = start + chunk.count == slot.tokens.count
        shares.append(
            Share(
                slot: chunk.slot, tree: TokenTree(root: tokens[tokens.endIndex - 1]), rows: range,
                firstLogit: isEnd ? logitRows.count : nil, isPrompt: true))
        if isEnd { logitRows.append(range.upperBound - 1) }
        promptRows += chunk.count
    }

    private mutating func append(_ own: [Row]) -> Range<Int> {
        let first = rows.count
        rows += own.map {
            Row(
                sequence: $0.sequence, token: $0.token, position: $0.position,
                parent: $0.parent < 0 ? -1 : first + $0.parent)
        }
        return first..<rows.count
    }
}
