/// The printable characters that stand for the 256 bytes in vocabularies of byte-level tokenizers (GPT-2).
enum ByteLevelAlphabet {
    /// Bytes that stand for themselves.
    private static func isPlain(_ byte: Int) -> Bool {
        (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
    }

    /// Byte for each scalar value below 324, or −1.
    private static let byteOfScalar: [Int16] = {
        var table = [Int16](repeating: -1, count: 324)
        var next = 256
        for byte in 0..<256 {
            if isPlain(byte) {
                table[byte] = Int16(byte)
            } else {
                table[next] = Int16(byte)
                next += 1
            }
        }
        return table
    }()

    /// Appends the bytes a token string stands for; appends nothing and says false when a character is none of the
    /// alphabet.
    static func decode(_ text: some Sequence<UInt8>, into result: inout [UInt8]) -> Bool {
        let start = result.count
        var lead = 0
        let isDecoded = byteOfScalar.withUnsafeBufferPointer { byteOfScalar in
            for unit in text {
                let scalar: Int
                if lead != 0 {
                    guard unit & 0xC0 == 0x80 else { return false }
                    scalar = (lead & 0x1F) << 6 | Int(unit & 0x3F)
                    lead = 0
                } else if unit < 0x80 {
                    scalar = Int(unit)
                } else if unit & 0xE0 == 0xC0 {
                    lead = Int(unit)
                    continue
                } else {
                    return false
                }
                guard scalar < byteOfScalar.count, byteOfScalar[scalar] >= 0 else { return false }
                result.append(UInt8(truncatingIfNeeded: byteOfScalar[scalar]))
            }
            return lead == 0
        }
        if !isDecoded { result.removeLast(result.count - start) }
        return isDecoded
    }

    /// The spelling of bytes in the alphabet.
    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { scalarOfByte[Int($0)] }))
    }

    private static let scalarOfByte: [Unicode.Scalar] = {
        var table = [Unicode.Scalar](repeating: " ", count: 256)
        for (value, byte) in byteOfScalar.enumerated() where byte >= 0 {
            table[Int(byte)] = Unicode.Scalar(UInt16(value)) ?? " "
        }
        return table
    }()
}
