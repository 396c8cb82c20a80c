import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

@Suite struct QuantizationTests {
    @Test("Blocks decode to the floats of the gguf package, bit for bit", arguments: decodedTypes)
    func decode(_ type: WeightType) throws {
        let bytes = try fixture("decode_\(type.name.uppercased()).bin")
        let expected = floats(try fixture("decode_\(type.name.uppercased()).f32"))
        let got = decoded(type, bytes, count: expected.count)
        #expect(expected.count >= 256)
        for index in expected.indices where got[index].bitPattern != expected[index].bitPattern {
            Issue.record("\(type.name)[\(index)]: got \(got[index]), expected \(expected[index])")
            return
        }
    }

    @Test("Rows encode to the bytes of the gguf package", arguments: Quantization.writableTypes)
    func encode(_ type: WeightType) throws {
        let bytes = try fixture("values.f32")
        let values = floats(bytes)
        let expected = type == .f32 ? bytes : try fixture("encode_\(type.name.uppercased()).bin")
        let got = try encoded(type, values)
        #expect(got.count == expected.count)
        for index in expected.indices where got[index] != expected[index] {
            let row = index / (type.blockBytes * (32 / type.blockLength))
            Issue.record(
                "\(type.name): byte \(index), row \(row): got \(got[index]), expected \(expected[index])")
            return
        }
    }

    @Test("A converted value survives the way to half precision and back")
    func halfRoundTrip() {
        for bits in UInt16.min...UInt16.max {
            let value = Float(halfBits: bits)
            if value.isNaN {
                #expect(value.halfBits & 0x7FFF > 0x7C00)
            } else if value.halfBits != bits {
                Issue.record("\(bits) became \(value.halfBits)")
                return
            }
        }
    }

    @Test("Half precision rounds to nearest, ties to even, and overflows to infinity")
    func halfRounding() {
        for bits in UInt16(0)..<0x7BFF {
            let low = Float(halfBits: bits)
            let high = Float(halfBits: bits + 1)
            let middle = (low + high) / 2  // exact
            let even = bits % 2 == 0 ? bits : bits + 1
            guard middle.halfBits == even, middle.nextDown.halfBits == bits,
                middle.nextUp.halfBits == bits + 1,
                (-middle).halfBits == even | 0x8000
            else {
                Issue.record("between \(low) and \(high)")
                return
            }
        }
        #expect(Float(65519.996).halfBits == 0x7BFF)
        #expect(Float(65520).halfBits == 0x7C00)
        #expect(Float(1e30).halfBits == 0x7C00)
        #expect((-Float.infinity).halfBits == 0xFC00)
        #expect(Float.leastNonzeroMagnitude.halfBits == 0)
    }

    @Test("Bfloat16 rounds to nearest, ties to even, and keeps NaN")
    func bfloatRounding() {
        #expect(Float(bitPattern: 0x3F80_8000).bfloatBits == 0x3F80)
        #expect(Float(bitPattern: 0x3F81_8000).bfloatBits == 0x3F82)
        #expect(Float(bitPattern: 0x3F80_8001).bfloatBits == 0x3F81)
        #expect(Float(bitPattern: 0x7F7F_FFFF).bfloatBits == 0x7F80)
        #expect(Float(bfloatBits: Float(bitPattern: 0x7F80_0001).bfloatBits).isNaN)
    }

    @Test("K-quants are read only, and the error says what can be written")
    func readOnlyTypes() {
        for type in WeightType.allCases where !Quantization.writableTypes.contains(type) {
            let error = #expect(throws: FormatError.self) {
                try encoded(type, [Float](repeating: 1, count: 256))
            }
            #expect(error?.description.contains("f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1") == true)
            #expect(caseName(of: error) == "cannotQuantize")
        }
    }

    @Test("No value and no block traps", arguments: WeightType.allCases)
    func hostileContent(_ type: WeightType) throws {
        let odd: [Float] = [
            .nan, .infinity, -.infinity, .signalingNaN, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
            .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 0, -0.0, .leastNormalMagnitude / 4, 7e4,
        ]
        if Quantization.writableTypes.contains(type) {
            for value in odd {
                for other in odd {
                    var row = [Float](repeating: other, count: 32)
                    row[7] = value
                    #expect(try encoded(type, row).count == type.rowBytes(columns: 32))
                }
            }
        }
        for byte in [UInt8(0), 0x7C, 0x7F, 0x80, 0xFC, 0xFF] {
            let bytes = [UInt8](repeating: byte, count: type.blockBytes)
            #expect(decoded(type, bytes, count: type.blockLength).count == type.blockLength)
        }
    }

    @Test("What was decoded encodes to values as near as the type allows")
    func roundTripError() throws {
        var random = SeededRandom(seed: 3)
        let values = (0..<4096).map { _ in Float.random(in: -1...1, using: &random) }
        let bounds: [(WeightType, Float)] = [
            (.f16, 0.0005), (.bf16, 0.004), (.q8_0, 0.0045), (.q5_0, 0.0675), (.q5_1, 0.034), (.q4_0, 0.1345),
            (.q4_1, 0.068),
        ]
        for (type, bound) in bounds {
            let back = decoded(type, try encoded(type, values), count: values.count)
            let worst = zip(values, back).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst <= bound, "\(type.name)")
        }
    }
}

private let decodedTypes: [WeightType] = WeightType.allCases.filter { $0 != .f32 }

private func decoded(_ type: WeightType, _ bytes: [UInt8], count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        bytes.withUnsafeBytes {
            Quantization.dequantize(
                type: type, bytes: $0, into: UnsafeMutableBufferPointer(rebasing: buffer[0..<count]))
        }
        initialized = count
    }
}

private func encoded(_ type: WeightType, _ values: [Float]) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xAA, count: try #require(type.rowBytes(columns: values.count)))
    try bytes.withUnsafeMutableBytes { output in
        try values.withUnsafeBufferPointer { try Quantization.quantize(type: type, values: $0, into: output) }
    }
    return bytes
}

private func fixture(_ name: String) throws -> [UInt8] {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let file = try MappedFile(path: "/\(folder)/Fixtures/quantization/\(name)")
    return withExtendedLifetime(file) { Array(file.bytes) }
}

private func floats(_ bytes: [UInt8]) -> [Float] {
    bytes.withUnsafeBytes { raw in
        stride(from: 0, to: raw.count, by: 4).map { raw.loadUnaligned(fromByteOffset: $0, as: Float.self) }
    }
}
