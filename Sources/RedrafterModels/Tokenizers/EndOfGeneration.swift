extension TokenizerDefinition {
    /// Spellings that end an answer in the formats of known model families, as llama.cpp has them: ends of turns and
    /// texts, then the marks of file and repository borders in code models.
    private static let endMarkers: [[UInt8]] = [
        "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|end|>", "</s>",
        "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>", "<end_of_utterance>", "<eos>",
        "<turn|>", "<|tool_response>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<｜end▁of▁sentence｜>", "[e~[",
        "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]",
        "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>",
    ].map { Array($0.utf8) }

    /// Adds to `endOfGeneration` what the spelling of tokens says, and makes such tokens control tokens.
    ///
    /// Files exist that call them normal. A token that a merge makes is text all the same.
    mutating func settleEndOfGeneration() {
        if let eos { endOfGeneration.insert(eos) }
        let byLength = Dictionary(grouping: Self.endMarkers, by: \.count)
        var candidates = [Int]()
        for id in tokens.indices {
            guard let markers = byLength[tokens.length(id)], kinds[id] != .byte, kinds[id] != .unused else {
                continue
            }
            if markers.contains(where: { $0.elementsEqual(tokens[id]) }) { candidates.append(id) }
        }
        let normal = Set(candidates.filter { kinds[$0] == .normal }.map { Int32(truncatingIfNeeded: $0) })
        let made = normal.isEmpty ? [] : Set(merges.lazy.map(\.result).filter(normal.contains))
        for id in candidates where !made.contains(Int32(truncatingIfNeeded: id)) {
            kinds[id] = .control
            endOfGeneration.insert(Int32(truncatingIfNeeded: id))
        }
    }
}
