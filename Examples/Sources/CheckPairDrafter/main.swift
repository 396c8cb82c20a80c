// Runs the package's checkers on the pair drafter and its trainer: `swift run -c release CheckPairDrafter`
import PairDrafter
import PairTraining
import RedrafterCore
import RedrafterFormats
import RedrafterTesting

let (hidden, vocabulary) = (32, 48)
let sizes = PairConfiguration(hiddenSize: hidden, rank: 32, vocabularySize: vocabulary)
let backend = ReferenceBackend()
let target = DraftTarget(
    fingerprint: ModelFingerprint(
        tokenizer: "0", vocabularySize: vocabulary, hiddenSize: hidden, layers: 1, heads: 1, keyValueHeads: 1,
        feedForwardSize: 1),
    tokenCount: vocabulary, contextLength: 64, backend: backend)
let values = (0..<vocabulary * hidden).map { Float($0 * 7919 % 101) / 101 - 0.5 }
let embedding = try values.withUnsafeBytes {
    try backend.makeWeight(type: .f32, rows: vocabulary, columns: hidden, bytes: $0)
}
let failures =
    try checkDrafter(
        PairDrafter(try ToyDrafter(sizes).weights(), for: target), vocabularySize: vocabulary,
        backend: backend, hidden: Array(values.prefix(hidden)), embedding: embedding)
    + checkTrainer(try PairTrainer(PairConfiguration(hiddenSize: 6, rank: 5, vocabularySize: 11)))
for failure in failures { print(failure) }
precondition(failures.isEmpty, "the pair drafter breaks a contract")
print("the pair drafter and its trainer keep their contracts")
