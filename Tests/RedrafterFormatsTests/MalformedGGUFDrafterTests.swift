import BundledDrafters
import DrafterHeads
import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

@Suite("Malformed drafters in GGUF files")
struct MalformedGGUFDrafterTests {
    @Test("a missing key, a wrong one, a tensor too many and a quantised bias are named")
    func gguf() throws {
        let weights = try ToyDrafter.recurrent().weights()
        func tensors(_ image: inout GGUFImage, quantisedBias: Bool = false) {
            for tensor in weights.tensors {
                let isQuantised = quantisedBias && tensor.name == "rnn_u.bias"
                image.tensors.append(
                    GGUFImage.Tensor(
                        tensor.name, type: isQuantised ? .q8_0 : .f32, shape: tensor.shape,
                        data: isQuantised ? [UInt8](repeating: 0, count: 34) : tensor.content.array))
            }
        }
        func expect(_ says: String, _ change: (inout GGUFImage) -> Void) {
            var image = GGUFImage()
            image.pairs = ggufPairs
            change(&image)
            let error = #expect(throws: FormatError.self) { try openDrafter(image.bytes) }
            #expect(error?.description.contains(says) == true, "\(String(describing: error))")
        }
        var fine = GGUFImage()
        fine.pairs = ggufPairs
        tensors(&fine)
        #expect(try openDrafter(fine.bytes).firstDifference(to: weights) == nil)
        expect("hidden_size") {
            $0.pairs.removeAll { $0.key.elementsEqual("redrafter.hidden_size".utf8) }
            tensors(&$0)
        }
        expect("exit_dim") {
            $0.set("redrafter.exit_dim", type: 4, value: GGUFImage.encode(UInt32.max))
            tensors(&$0)
        }
        expect("general.architecture") {
            $0.set("general.architecture", type: 8, value: GGUFImage.encode(string: "llama".utf8))
            tensors(&$0)
        }
        expect("surplus") {
            tensors(&$0)
            $0.tensors.append(
                GGUFImage.Tensor("surplus", type: .f32, shape: [1], data: [0, 0, 0, 0]))
        }
        expect("rnn_u.bias") { tensors(&$0, quantisedBias: true) }
        expect("draft vocabulary") {
            $0.pairs.append(GGUFImage.int32s("redrafter.draft_vocabulary", [1, 2]))
            tensors(&$0)
        }
        expect("redrafter.fingerprint") {
            $0.pairs.append(GGUFImage.uint32("redrafter.fingerprint.hidden_size", 8))
            tensors(&$0)
        }
    }

    @Test("numbers of match lengths that cannot be are named")
    func copyLengths() throws {
        for (length, says) in [(33, "match lengths"), (8, "rnn_u.weight")] as [(UInt32, String)] {
            var image = GGUFImage()
            image.pairs = ggufPairs + [GGUFImage.uint32("redrafter.copy_lengths", length)]
            let error = #expect(throws: FormatError.self) { try openDrafter(image.bytes) }
            #expect(error?.description.contains(says) == true, "\(says): \(String(describing: error))")
        }
    }

    @Test("numbers of a context block that cannot be are named")
    func contextBlock() throws {
        func expect(
            _ says: String, taps: [Int32] = [0, 1], _ change: [String: UInt32] = [:], epsilon: Float = 1e-5
        ) {
            var image = GGUFImage()
            image.pairs = ggufPairs
            image.pairs.append(GGUFImage.int32s("redrafter.context.taps", taps))
            let numbers: [String: UInt32] = [
                "head_count": 4, "head_count_kv": 2, "key_length": 16, "feed_forward_length": 96,
            ]
            for (key, value) in numbers.merging(change, uniquingKeysWith: { $1 }) {
                image.pairs.append(GGUFImage.uint32("redrafter.context.\(key)", value))
            }
            for (key, value) in ["layer_norm_rms_epsilon": epsilon, "rope_freq_base": 10_000] {
                image.pairs.append(GGUFImage.float32("redrafter.context.\(key)", value))
            }
            let error = #expect(throws: FormatError.self) { try openDrafter(image.bytes) }
            #expect(error?.description.contains(says) == true, "\(says): \(String(describing: error))")
        }
        expect("context.tap_norm.0.weight")  // all numbers are well; the tensors are missing
        expect("number of taps", taps: [])
        expect("tapped layer", taps: [1, 1])
        expect("tapped layer", taps: [-1, 1])
        expect("tapped layer", taps: [0, .max])
        expect("heads of the context block", ["head_count": 3])
        expect("heads of the context block", ["head_count": 0])
        expect("key/value heads", ["head_count_kv": 0])
        expect("head size", ["key_length": 15])
        expect("head size", ["key_length": .max])
        expect("feed-forward size", ["feed_forward_length": .max])
        expect("layer_norm_rms_epsilon", epsilon: 0)
        expect("layer_norm_rms_epsilon", epsilon: -1)
    }

    private var ggufPairs: [GGUFImage.Pair] {
        [
            GGUFImage.string("general.architecture", "redrafter-recurrent"),
            GGUFImage.uint32("redrafter.hidden_size", 32), GGUFImage.uint32("redrafter.exit_dim", 64),
            GGUFImage.uint32("redrafter.layer_count", 2), GGUFImage.uint32("redrafter.head_count", 1),
            GGUFImage.uint32("redrafter.vocab_size", 40), GGUFImage.bool("redrafter.rnn", true),
        ]
    }
}
