import RedrafterPlatform

extension Sampler {
    /// Applies biases, penalties and filters to a whole row of usable logits. At least one candidate remains.
    func candidates(all logits: UnsafeBufferPointer<Float>, history: ArraySlice<Int32>) -> [TokenLogit] {
        var adjusted = Array(logits)
        for (token, bias) in parameters.logitBias { adjusted[Int(token)] += bias }
        for (token, occurrences) in counts(history) where adjusted.indices.contains(Int(token)) {
            adjusted[Int(token)] = penalised(adjusted[Int(token)], occurrences)
        }
        let kept = parameters.isGreedy ? 1 : parameters.topK
        if kept > 0, kept < adjusted.count {
            return filtered(sorted: adjusted.withUnsafeBufferPointer { TopList.largest(kept, of: $0) })
        }
        let list = adjusted.indices.map { TokenLogit(token: Int32($0), logit: adjusted[$0]) }
        return !parameters.isGreedy && (parameters.topP < 1 || parameters.minP > 0)
            ? filtered(unsorted: list) : list
    }

    /// Applies biases, penalties and filters to the leading logits of a row, largest first; as many as
    /// `leadingLogitsNeeded` asked for.
    func candidates(leading: [TokenLogit], history: ArraySlice<Int32>) -> [TokenLogit] {
        var list = leading
        let kept = parameters.isGreedy ? 1 : parameters.topK
        if !history.isEmpty || !parameters.logitBias.isEmpty {
            let counts = counts(history)
            for index in list.indices {
                let token = list[index].token
                if let bias = parameters.logitBias[token] { list[index].logit += bias }
                if let occurrences = counts[token] {
                    list[index].logit = penalised(list[index].logit, occurrences)
                }
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
