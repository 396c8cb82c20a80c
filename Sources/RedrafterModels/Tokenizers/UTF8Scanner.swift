/// Strict UTF-8, one character at a time.
enum UTF8Scanner {
    /// The character at `at` and its length; nil and 1 for a byte that begins no valid character.
    static func scalar(in bytes: UnsafeBufferPointer<UInt8>, at: Int) -> (Unicode.Scalar?, Int) {
        let lead = bytes[at]
        if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard lead >= 0xC2, lead <= 0xF4, at + length <= bytes.count else { return (nil, 1) }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for offset in 1..<length {
            let unit = bytes[at + offset]
            guard unit & 0xC0 == 0x80 else { return (nil, 1) }
            value = value << 6 | UInt32(unit & 0x3F)
        }
        let least: UInt32 = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80
        guard value >= least, let scalar = Unicode.Scalar(value) else { return (nil, 1) }
        return (scalar, length)
    }

    /// The character that ends before `end` and its length; nil where there is none or no valid one.
    static func last(
        in bytes: UnsafeBufferPointer<UInt8>, before end: Int
    ) -> (scalar: Unicode.Scalar, length: Int)? {
        for length in 1...4 where length <= end {
            let (scalar, count) = scalar(in: bytes, at: end - length)
            if let scalar { return count == length ? (scalar, length) : nil }
        }
        return nil
    }
}
