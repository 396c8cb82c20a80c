/// Recognises what a file is that is not what it should be, by its first bytes.
enum FileSignature {
    /// What `describe` says of a safetensors file that resembles nothing else.
    static let safetensors = "a safetensors file"

    /// What `describe` says of what `git clone` leaves without Git LFS.
    static let pointer = "a Git LFS pointer, not the file itself"

    /// Whether the file is a Git LFS pointer.
    static func isPointer(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let start = "version https://git-lfs.github.com/spec/"
        return bytes.count < 1024 && bytes.prefix(start.utf8.count).elementsEqual(start.utf8)
    }

    /// Whether the file begins with a length that fits and the brace of a safetensors header.
    static func isSafetensors(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 9, bytes[8] == 0x7B else { return false }
        return UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) <= bytes.count - 8
    }

    /// What the bytes look like; their first four where they look like nothing known.
    static func describeAnyhow(_ bytes: UnsafeRawBufferPointer) -> String {
        if let known = describe(bytes) { return known }
        let shown = bytes.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return "a file that begins with the bytes \(shown.joined(separator: " "))"
    }

    /// What the bytes look like where that is something else than a damaged JSON text.
    static func describeForeignToJSON(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard let known = describe(bytes), !bytes.isEmpty, known != "a JSON text", known != safetensors else {
            return nil
        }
        return known
    }

    /// What the bytes look like, with its article; nil when they look like nothing known.
    static func describe(_ bytes: UnsafeRawBufferPointer) -> String? {
        func begins(_ text: String) -> Bool { bytes.prefix(text.utf8.count).elementsEqual(text.utf8) }
        func begins(_ magic: [UInt8]) -> Bool { bytes.prefix(magic.count).elementsEqual(magic) }
        if bytes.isEmpty { return "an empty file" }
        if begins("GGUF") { return "a GGUF file" }
        if begins("FUGG") { return "a GGUF file in swapped byte order" }
        if isPointer(bytes) { return pointer }
        if begins("lmgg") || begins("ggml") || begins("tjgg") || begins("ggjt") || begins("ggla") {
            return "a GGML file from before GGUF"
        }
        if begins([0x50, 0x4B, 0x03, 0x04]) { return "a ZIP archive (PyTorch saves those)" }
        if begins([0x80, 0x02]) || begins([0x80, 0x03]) || begins([0x80, 0x04]) || begins([0x80, 0x05]) {
            return "a Python pickle, which is never read"
        }
        if begins([0x1F, 0x8B]) { return "a gzip archive" }
        if begins([0x89, 0x48, 0x44, 0x46]) { return "an HDF5 file" }
        let text = bytes.prefix(64).drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
        if text.first == 0x3C { return "an HTML or XML page" }
        if bytes.count > 8, bytes[8] == 0x7B { return safetensors }
        if text.first == 0x7B || text.first == 0x5B { return "a JSON text" }
        return nil
    }
}
