#if canImport(Darwin)
    import Foundation
#else
    @_spi(_Unicode) import Swift
#endif

/// Unicode's normalization form C of bytes that should be UTF-8.
enum CanonicalComposition {
    /// The normalized bytes; nil where nothing can change. Bytes that are no UTF-8 stay where they are.
    static func normalized(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        // Below U+0300 (first byte 0xCC) every character is its own composition and nothing combines.
        guard bytes.contains(where: { $0 >= 0xCC }) else { return nil }
        var result = [UInt8]()
        result.reserveCapacity(bytes.count)
        var at = 0
        while at < bytes.count {
            let start = at
            while at < bytes.count, case let (scalar, length) = UTF8Scanner.scalar(in: bytes, at: at),
                scalar != nil
            {
                at += length
            }
            if at > start {
                compose(String(decoding: bytes[start..<at], as: UTF8.self), into: &result)
            }
            while at < bytes.count, UTF8Scanner.scalar(in: bytes, at: at).0 == nil {
                result.append(bytes[at])
                at += 1
            }
        }
        return result
    }

    private static func compose(_ text: String, into result: inout [UInt8]) {
        #if canImport(Darwin)
            result.append(contentsOf: text.precomposedStringWithCanonicalMapping.utf8)
        #else
            for scalar in text._nfc { result.append(contentsOf: scalar.utf8) }
        #endif
    }
}
