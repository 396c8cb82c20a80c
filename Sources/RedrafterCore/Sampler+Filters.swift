import RedrafterPlatform

extension TokenLogit {
    /// Order of every list of candidates: larger logits first, equal ones by id.
    static func leads(_ a: TokenLogit, _ b: TokenLogit) -> Bool {
        a.logit > b.logit || (a.logit == b.logit && a.token < b.token)
    }
}

extension Sampler {
    /// Applies penalties and filters to a whole row of usable logits. At least one candidate remains.
    func candidates(all logits: UnsafeBufferPointer<Float>, history: ArraySlice<Int32>) -> [TokenLogit] {
        var list = [TokenLogit](unsafeUninitializedCapacity: logits.count) { buffer, count in
            for token in logits.indices {
                buffer.initializeElement(at: token, to: TokenLogit(token: Int32(token), logit: logits[token]))
            }
            count = logits.count
        }
        for (token, occurrences) in counts(history) where list.indices.contains(Int(token)) {
            list[Int(token)].logit = penalised(list[Int(token)].logit, occurrences)
        }
        let kept = parameters.isGreedy ? 1 : parameters.topK
        if kept > 0, kept < list.count {
            list = leading(kept, of: list)
            return filtered(sorted: list)
        }
        guard !parameters.isGreedy, parameters.topP < 1 || parameters.minP > 0 else {
            return parameters.isGreedy ? leading(1, of: list) : list
        }
        return filtered(unsorted: list)
    }

    /// Applies penalties and filters to the leading logits of a row, largest first; as many as
    /// `leadingLogitsNeeded` asked for.
    func candidates(leading: [TokenLogit], history: ArraySlice<Int32>) -> [TokenLogit] {
        var list = leading
        let kept = parameters.isGreedy ? 1 : parameters.topK
        if !history.isEmpty {
            let counts = counts(history)
            for index in list.indices {
                guard let occurrences = counts[list[index].token] else { continue }
                list[index].logit = penalised(list[index].logit, occurrences)
            }
            list.sort(by: TokenLogit.leads)
        }
        return filtered(sorted: Array(list.prefix(kept)))
    }

    private func counts(_ history: ArraySlice<Int32>) -> [Int32: Int] {
        history.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    private func penalised(_ logit: Float, _ occurrences: Int) -> Float {
        guard logit > -.infinity else { return logit }
        let scaled = logit <= 0 ? logit * parameters.repeatPenalty : logit / parameters.repeatPenalty
        let lowered = scaled - Float(occurrences) * parameters.frequencyPenalty - parameters.presencePenalty
        // Extreme penalties must not turn a finite logit into NaN or infinity.
        return min(max(lowered, -.greatestFiniteMagnitude), .greatestFiniteMagnitude)
    }

    /// The `count` leading candidates in order, by a bounded heap.
    private func leading(_ count: Int, of list: [TokenLogit]) -> [TokenLogit] {
        if count == 1 {
            var best = list[0]
            for candidate in list.dropFirst() where candidate.logit > best.logit { best = candidate }
            return [best]
        }
        if count > list.count / 8 { return Array(list.sorted(by: TokenLogit.leads).prefix(count)) }
        var heap = Array(list[..<count])  // the last of the kept at the root
        func sink(_ start: Int) {
            var parent = start
            while true {
                var last = parent
                for child in [2 * parent + 1, 2 * parent + 2] where child < count {
                    if TokenLogit.leads(heap[last], heap[child]) { last = child }
                }
                if last == parent { return }
                heap.swapAt(parent, last)
                parent = last
            }
        }
        for index in stride(from: count / 2, through: 0, by: -1) { sink(index) }
        for candidate in list[count...] where TokenLogit.leads(candidate, heap[0]) {
            heap[0] = candidate
            sink(0)
        }
        return heap.sorted(by: TokenLogit.leads)
    }

    /// Top-p and min-p over the candidates that top-k kept.
    private func filtered(sorted list: [TokenLogit]) -> [TokenLogit] {
        guard !parameters.isGreedy, parameters.topP < 1 || parameters.minP > 0 else { return list }
        let largest = Double(list[0].logit)
        let total = list.reduce(0.0) { $0 + exp(Double($1.logit) - largest) }
        return afterMinP(afterTopP(list, total: total) ?? list)
    }

    /// Top-p and min-p over the whole vocabulary: sorts no more of it than the sum of probabilities needs.
    private func filtered(unsorted list: [TokenLogit]) -> [TokenLogit] {
        let largest = list.reduce(-Float.infinity) { max($0, $1.logit) }
        guard parameters.topP < 1 else {
            let cutoff = Double(largest) + log(Double(parameters.minP))
            return list.filter { Double($0.logit) >= cutoff }
        }
        let total = list.reduce(0.0) { $0 + exp(Double($1.logit) - Double(largest)) }
        var depth: Float = 4
        while depth < 64 {
            let upper = list.filter { $0.logit >= largest - depth }.sorted(by: TokenLogit.leads)
            if let kept = afterTopP(upper, total: total) { return afterMinP(kept) }
            depth *= 2
        }
        let sorted = list.sorted(by: TokenLogit.leads)
        return afterMinP(afterTopP(sorted, total: total) ?? sorted)
    }

    /// The shortest beginning of a sorted list whose weights reach `topP` of the total; nil when the list ends before.
    private func afterTopP(_ list: [TokenLogit], total: Double) -> [TokenLogit]? {
        guard parameters.topP < 1 else { return list }
        let largest = Double(list[0].logit)
        var sum = 0.0
        for (index, candidate) in list.enumerated() {
            sum += exp(Double(candidate.logit) - largest)
            if sum >= Double(parameters.topP) * total { return Array(list[...index]) }
        }
        return nil
    }

    /// Candidates of a sorted list at least `minP` times as probable as the first.
    private func afterMinP(_ list: [TokenLogit]) -> [TokenLogit] {
        guard parameters.minP > 0 else { return list }
        let cutoff = Double(list[0].logit) + log(Double(parameters.minP))
        return Array(list.prefix { Double($0.logit) >= cutoff })
    }
}
