/// Bytes that come in pieces, cut into blocks of 64 and padded at their end as SHA-1 and SHA-256 want it (FIPS 180-4, section 5.1).
struct HashBlocks {
    private var rest = [UInt8]()  // fewer than 64 bytes
    private var count: UInt64 = 0

    /// Takes whole blocks into the state.
    typealias Compression = (_ state: inout [UInt32], _ blocks: UnsafeRawBufferPointer) -> Void

    mutating func add(_ bytes: UnsafeRawBufferPointer, to state: inout [UInt32], by compress: Compression) {
        count += UInt64(bytes.count)
        var bytes = bytes[...]
        if !rest.isEmpty {
            let missing = bytes.prefix(64 - rest.count)
            rest.append(contentsOf: missing)
            bytes = bytes.dropFirst(missing.count)
            guard rest.count == 64 else { return }
            rest.withUnsafeBytes { compress(&state, $0) }
            rest.removeAll(keepingCapacity: true)
        }
        let whole = bytes.count / 64 * 64
        compress(&state, UnsafeRawBufferPointer(rebasing: bytes.prefix(whole)))
        rest.append(contentsOf: bytes.dropFirst(whole))
    }

    /// Adds the padding, after which the state is the hash: its words as hexadecimal digits.
    mutating func finish(_ state: inout [UInt32], by compress: Compression) -> String {
        let bits = count &* 8
        let padding = [0x80] + [UInt8](repeating: 0, count: (119 - rest.count) % 64)
        let length = withUnsafeBytes(of: bits.bigEndian) { [UInt8]($0) }
        (padding + length).withUnsafeBytes { add($0, to: &state, by: compress) }
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    /// Word `index`, of 16, of the block that begins at `block`.
    static func word(_ index: Int, of blocks: UnsafeRawBufferPointer, at block: Int) -> UInt32 {
        UInt32(bigEndian: blocks.loadUnaligned(fromByteOffset: block + index * 4, as: UInt32.self))
    }
}
