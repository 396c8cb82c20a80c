#if canImport(Darwin)
    import Foundation
#else
    @_spi(_Unicode) import Swift
#endif

/// The normalization forms of Unicode.
public enum NormalizationForm: String, Sendable, Hashable {
    case composed = "NFC"
    case decomposed = "NFD"
    case compatiblyComposed = "NFKC"
    case compatiblyDecomposed = "NFKD"

    var isCompatible: Bool { self == .compatiblyComposed || self == .compatiblyDecomposed }
    private var composes: Bool { self == .composed || self == .compatiblyComposed }

    /// No character of UTF-8 that begins with a lower byte changes.
    private var leastChanged: UInt8 {
        switch self {
        case .composed: 0xCC  // U+0300
        case .decomposed: 0xC3
        case .compatiblyComposed, .compatiblyDecomposed: 0xC2
        }
    }

    /// The normalized bytes; nil where nothing can change. Bytes that are no UTF-8 stay where they are.
    func normalized(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard bytes.contains(where: { $0 >= leastChanged }) else { return nil }
        return ValidText.mapped(bytes) { append($0, to: &$1) }
    }

    private func append(_ text: String, to result: inout [UInt8]) {
        let text = isCompatible ? CompatibilityMapping.mapped(text) : text
        #if canImport(Darwin)
            let normal =
                composes
                ? text.precomposedStringWithCanonicalMapping : text.decomposedStringWithCanonicalMapping
            result.append(contentsOf: normal.utf8)
        #else
            if composes {
                for scalar in text._nfc { result.append(contentsOf: scalar.utf8) }
            } else {
                for scalar in text._nfd { result.append(contentsOf: scalar.utf8) }
            }
        #endif
    }
}

/// Text with what is UTF-8 in it mapped.
enum ValidText {
    /// Calls `map` for each part of valid UTF-8; other bytes stay.
    static func mapped(
        _ bytes: UnsafeBufferPointer<UInt8>, _ map: (String, inout [UInt8]) -> Void
    ) -> [UInt8] {
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
            if at > start { map(String(decoding: bytes[start..<at], as: UTF8.self), &result) }
            while at < bytes.count, UTF8Scanner.scalar(in: bytes, at: at).0 == nil {
                result.append(bytes[at])
                at += 1
            }
        }
        return result
    }
}
