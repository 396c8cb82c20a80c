import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

/// Opens a damaged file and touches everything a reader would; only an error of bad data may come of it.
private func survive(
    _ body: @autoclosure () throws(FormatError) -> Void, _ context: @autoclosure () -> String
) {
    do {
        try body()
    } catch {
        #expect(error.isOfContent, "\(context()): \(error)")
        let text = error.description
        #expect(text.utf8.count < 2000, "\(context()): \(text)")
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "\(context())")
    }
}

private func readGGUF(_ bytes: [UInt8]) throws(FormatError) {
    let file = try openGGUF(bytes)
    var sum = 0
    for tensor in file.tensors { sum &+= Int(tensor.bytes.first ?? 0) &+ Int(tensor.bytes.last ?? 0) }
    for entry in file.metadata.entries {
        guard case .array(let array) = entry.value else { continue }
        for index in 0..<array.count { sum &+= array[index].integer ?? 0 }
        for string in array.strings.map({ Array($0) }) ?? [] { sum &+= string.count + Int(string.last ?? 0) }
    }
    let summary = FileSummary(file)
    #expect(summary.text(listsTensors: true).utf8.count + sum != .min)
    #expect(summary.json(listsTensors: true).object != nil)
}

private func readSafetensors(_ bytes: [UInt8]) throws(FormatError) {
    let file = try openSafetensors(bytes)
    var end = 0
    for tensor in file.allTensors {
        #expect(tensor.offset >= end)
        end = tensor.offset + tensor.byteCount
    }
    #expect(end <= bytes.count)
    for tensor in file.tensors { #expect(tensor.bytes.count == tensor.byteCount) }
}

private func readJSON(_ bytes: [UInt8]) throws(FormatError) {
    let value = try JSONValue(parsing: bytes, path: "x.json")
    let text = value.text()
    #expect(try JSONValue(parsing: text.utf8, path: "y.json").text() == text)
}

@Suite("Readers survive mutations")
struct MutationTests {
    @Test("10,000 mutations of a GGUF file end in a value or in exit code 65", arguments: 0..<10)
    func gguf(part: UInt64) {
        let original = smallGGUF().bytes
        var mutation = Mutation(seed: 100 + part)
        for round in 0..<1000 {
            let bytes = mutation.apply(to: original)
            survive(try readGGUF(bytes), "part \(part), round \(round)")
        }
    }

    @Test("mutations of a whole model in GGUF", arguments: 0..<2)
    func model(part: UInt64) {
        let original = ToyModelFile(type: .f16).gguf().bytes
        var mutation = Mutation(seed: 200 + part)
        for round in 0..<300 {
            let bytes = mutation.apply(to: original)
            survive(try readGGUF(bytes), "part \(part), round \(round)")
        }
    }

    @Test("10,000 mutations of a safetensors file", arguments: 0..<10)
    func safetensors(part: UInt64) {
        let original = smallSafetensors().bytes
        var mutation = Mutation(seed: 300 + part)
        for round in 0..<1000 {
            let bytes = mutation.apply(to: original)
            survive(try readSafetensors(bytes), "part \(part), round \(round)")
        }
    }

    @Test("10,000 mutations of JSON, and what parses writes and reads back the same", arguments: 0..<10)
    func json(part: UInt64) {
        let text =
            #"{"a":[1,-2.5e3,true,null,"x\u00e9\ud83d\ude00\n"],"b":{"c":{},"d":[]},"e":"ÄÖ😀","f":12345678901234567890}"#
        let original = Array(text.utf8)
        var mutation = Mutation(seed: 400 + part)
        for round in 0..<1000 {
            let bytes = mutation.apply(to: original)
            survive(try readJSON(bytes), "part \(part), round \(round)")
        }
    }

    @Test("every bit of a GGUF file and of a safetensors file may flip")
    func bitFlips() {
        for (original, read) in [
            (smallGGUF().bytes, readGGUF), (smallSafetensors().bytes, readSafetensors),
        ] as [([UInt8], ([UInt8]) throws(FormatError) -> Void)] {
            for bit in 0..<original.count * 8 {
                var bytes = original
                bytes[bit / 8] ^= 1 << (bit % 8)
                survive(try read(bytes), "bit \(bit)")
            }
        }
    }

    @Test("every integer of a GGUF file may be anything")
    func fieldSweep() {
        let image = smallGGUF()
        let original = image.bytes
        #expect(image.integerFields.count > 60)
        for (offset, width) in image.integerFields {
            for value in Mutation.extremes {
                var bytes = original
                for index in 0..<min(width, bytes.count - offset) {
                    bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
                }
                survive(try readGGUF(bytes), "offset \(offset) = \(value)")
            }
        }
    }

    @Test("files doubled, prefixed and cut at boundaries")
    func shapes() {
        for original in [smallGGUF().bytes, smallSafetensors().bytes] {
            for bytes in [
                original + original, [0] + original, original + [0],
                original + [UInt8](repeating: 0, count: 1 << 20),
            ] {
                survive(try readGGUF(bytes), "gguf")
                survive(try readSafetensors(bytes), "safetensors")
            }
        }
        let toy = ToyModelFile(type: .bf16).gguf()
        for boundary in toy.boundaries {
            for length in [boundary - 1, boundary, boundary + 1] {
                survive(
                    try readGGUF(Array(toy.bytes.prefix(length))),
                    "cut at \(length)")
            }
        }
    }
}
