import RedrafterCore

extension DrafterWeights {
    /// What is worth knowing, for a person: name and value, one line each, escaped.
    public var facts: [(name: String, value: String)] {
        var facts = configuration.facts
        facts.append(
            (
                "vocabulary",
                "\(configuration.vocabularySize)" + (draftVocabulary == nil ? "" : ", part of the model's")
            ))
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
        var members: [(ByteSlice, JSONValue)] = [(ByteSlice("kind"), .string(configuration.kind.name))]
        members += configuration.summary.map { (ByteSlice($0.key), $0.value) }
        members.append((ByteSlice("has_draft_vocabulary"), .bool(draftVocabulary != nil)))
        let record = DrafterRecord(fingerprint: fingerprint, notes: notes)
        members += (record.json?.object ?? JSONObject([])).map { ($0.key, $0.value) }
        return .object(JSONObject(members))
    }
}
