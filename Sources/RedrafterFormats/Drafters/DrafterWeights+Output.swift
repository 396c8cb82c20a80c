import RedrafterCore

extension DrafterWeights {
    /// What is worth knowing, for a person: name and value, one line each, escaped.
    public var facts: [(name: String, value: String)] {
        let c = configuration
        var facts = [(name: String, value: String)]()
        switch c.kind {
        case .recurrent:
            facts.append(("drafter", "recurrent" + (c.isRecurrent ? "" : " (sum of embeddings)")))
        case .medusa: facts.append(("drafter", "medusa, \(c.heads) heads"))
        }
        facts.append(("hidden size", "\(c.hiddenSize)"))
        if c.kind == .recurrent { facts.append(("exit size", "\(c.exitDimension)")) }
        facts.append(("blocks", "\(c.layers)" + (c.heads > 1 ? " in each head" : "")))
        facts.append(
            ("vocabulary", "\(c.vocabularySize)" + (draftVocabulary == nil ? "" : ", part of the model's")))
        if let fingerprint {
            facts.append(
                (
                    "trained for",
                    "tokenizer \(TerminalText.escaped(fingerprint.tokenizer)), vocabulary \(fingerprint.vocabularySize), "
                        + "hidden size \(fingerprint.hiddenSize), \(fingerprint.layers) layers, \(fingerprint.heads) heads, "
                        + "\(fingerprint.keyValueHeads) key/value heads, feed-forward size \(fingerprint.feedForwardSize)"
                ))
        } else {
            facts.append(("trained for", "not stated; hidden size and vocabulary are what can be checked"))
        }
        for note in notes { facts.append(("note", "\(note.key): \(TerminalText.escaped(note.value))")) }
        return facts
    }

    /// The same for programs.
    public var summary: JSONValue {
        let c = configuration
        var members: [(ByteSlice, JSONValue)] = [
            (ByteSlice("kind"), .string(c.kind.rawValue)), (ByteSlice("hidden_size"), .integer(c.hiddenSize)),
            (ByteSlice("exit_dim"), .integer(c.exitDimension)), (ByteSlice("layers"), .integer(c.layers)),
            (ByteSlice("heads"), .integer(c.heads)), (ByteSlice("vocab_size"), .integer(c.vocabularySize)),
            (ByteSlice("rnn"), .bool(c.isRecurrent)),
            (ByteSlice("has_draft_vocabulary"), .bool(draftVocabulary != nil)),
        ]
        let record = DrafterRecord(fingerprint: fingerprint, notes: notes)
        members += (record.json?.object ?? JSONObject([])).map { ($0.key, $0.value) }
        return .object(JSONObject(members))
    }
}
