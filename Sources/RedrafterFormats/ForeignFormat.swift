/// Guesses what a file is that does not begin as it should.
enum ForeignFormat {
    static func describe(_ bytes: UnsafeRawBufferPointer) -> String {
        func begins(_ prefix: String) -> Bool { bytes.starts(with: prefix.utf8) }
        if begins("version https://git-lfs") { return "a Git LFS pointer, not the file itself" }
        if begins("<!DOCTYPE") || begins("<!doctype") || begins("<html") || begins("<HTML") { return "an HTML page" }
        if begins("PK\u{3}\u{4}") { return "a zip archive (perhaps a PyTorch checkpoint)" }
        if bytes.starts(with: [0x80, 0x02] as [UInt8]) || bytes.starts(with: [0x80, 0x04] as [UInt8]) {
            return "a Python pickle, which is never opened"
        }
        if begins("ggml") || begins("tjgg") || begins("lmgg") { return "a file of GGML's old formats" }
        if begins("GGUF") { return "a GGUF file" }
        if begins("FUGG") { return "a byte-swapped GGUF file" }
        if bytes.count > 9, bytes[8] == UInt8(ascii: "{") { return "a safetensors file" }
        let shown = bytes.prefix(4).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return "bytes \(shown.joined(separator: " "))"
    }
}
