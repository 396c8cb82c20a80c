import BundledDrafters
import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

private let model = ModelFingerprint(
    tokenizer: "0123456789abcdef", vocabularySize: 320, hiddenSize: 32, layers: 2, heads: 4, keyValueHeads: 2,
    feedForwardSize: 64)

/// A model whose tokenizer has 300 tokens.
private func target(_ change: (inout ModelFingerprint) -> Void = { _ in }) -> DraftTarget {
    var fingerprint = model
    change(&fingerprint)
    return DraftTarget(
        fingerprint: fingerprint, tokenCount: 300, contextLength: 64, backend: ReferenceBackend())
}

@Suite("Drafters fit their model")
struct DrafterCheckTests {
    struct Difference: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var change: @Sendable (inout ModelFingerprint) -> Void
    }

    static let differences = [
        Difference(testDescription: "tokenizer") { $0.tokenizer = "fedcba9876543210" },
        Difference(testDescription: "hidden size") { $0.hiddenSize = 64 },
        Difference(testDescription: "vocabulary") {
            $0.tokenizer = "fedcba9876543210"
            $0.vocabularySize = 999
        },
        Difference(testDescription: "number of layers") { $0.layers = 3 },
        Difference(testDescription: "number of attention heads") { $0.heads = 8 },
        Difference(testDescription: "number of key/value heads") { $0.keyValueHeads = 4 },
        Difference(testDescription: "feed-forward size") { $0.feedForwardSize = 65 },
    ]

    @Test("what differs is named with both values", arguments: differences)
    func difference(_ difference: Difference) throws {
        var toy = ToyDrafter.recurrent(vocabulary: 300)
        toy.fingerprint = model
        let weights = try toy.weights(path: "some.gguf")
        #expect(throws: Never.self) { try weights.check(against: target()) }
        let error = #expect(throws: DrafterError.self) {
            try weights.check(against: target(difference.change))
        }
        guard case .mismatch(let drafter, let what, let got, let expected) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(drafter == "some.gguf" && what == difference.testDescription && got != expected)
    }

    @Test("a padded vocabulary is the same model")
    func padded() throws {
        var toy = ToyDrafter.recurrent(vocabulary: 300)
        toy.fingerprint = model
        let weights = try toy.weights()
        #expect(throws: Never.self) { try weights.check(against: target { $0.vocabularySize = 384 }) }
    }

    @Test("without a fingerprint hidden size and vocabulary must fit", arguments: [(300, 32), (320, 32)])
    func foreign(rows: Int, hidden: Int) throws {
        let weights = try ToyDrafter.medusa(hidden: hidden, vocabulary: rows).weights()
        #expect(throws: Never.self) { try weights.check(against: target()) }
        let narrow = try ToyDrafter.medusa(hidden: 16, vocabulary: rows).weights()
        #expect(throws: DrafterError.self) { try narrow.check(against: target()) }
        let short = try ToyDrafter.medusa(hidden: hidden, vocabulary: 299).weights()
        #expect(throws: DrafterError.self) { try short.check(against: target()) }
    }

    @Test("a draft vocabulary beyond the model's is a mismatch")
    func draftVocabulary() throws {
        var toy = ToyDrafter.medusa()
        toy.draftVocabulary = (0..<40).map { 280 + $0 }
        #expect(throws: Never.self) { try toy.weights().check(against: target()) }
        toy.draftVocabulary?[7] = 320
        #expect(throws: DrafterError.self) { try toy.weights().check(against: target()) }
    }
}
