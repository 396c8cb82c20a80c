import RedrafterCore

/// A string of bytes inside a larger piece of memory that the slice keeps alive: a name, a token, a template.
///
/// Making one copies nothing. Equality and hashing go by content.
///
/// `@unchecked Sendable`: the bytes are never written after the slice was made, and `owner`, an immutable object of
/// this module (a mapped file, the text of a JSON document), outlives the pointer.
public struct ByteSlice: @unchecked Sendable, Hashable {
    private let owner: AnyObject?
    private let base: UnsafeRawBufferPointer

    init(owner: AnyObject, bytes: UnsafeRawBufferPointer) {
        self.owner = owner
        base = bytes
    }

    /// A slice with bytes of its own.
    public init(_ bytes: some Sequence<UInt8>) {
        let storage = ByteStorage(bytes)
        self.init(owner: storage, bytes: storage.bytes)
    }

    /// A slice with the UTF-8 of `text`.
    public init(_ text: String) { self.init(text.utf8) }

    /// Number of bytes.
    public var count: Int { base.count }
    /// True for no bytes.
    public var isEmpty: Bool { base.isEmpty }
    /// The byte at `index`, which must be in range.
    public subscript(index: Int) -> UInt8 { base[index] }

    /// Lends the bytes to `body`; the pointer is valid during the call only.
    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withExtendedLifetime(owner) { () throws(Failure) -> Result in try body(base) }
    }

    /// The bytes without the owner, for callers that hold it themselves.
    var unownedBytes: UnsafeRawBufferPointer { base }

    /// A copy of the bytes.
    public var array: [UInt8] { withBytes { [UInt8]($0) } }

    /// The text, or nil when the bytes are no UTF-8.
    public var string: String? {
        withBytes { bytes in
            UTF8Text.firstInvalid(in: bytes) == nil ? String(decoding: bytes, as: UTF8.self) : nil
        }
    }

    /// The text fit for a terminal: control characters escaped, cut to `limit` bytes.
    public func escaped(limit: Int = TerminalText.defaultLimit) -> String {
        withBytes { TerminalText.escaped(bytes: $0, limit: limit) }
    }

    public static func == (a: ByteSlice, b: ByteSlice) -> Bool {
        a.count == b.count
            && a.withBytes { left in b.withBytes { right in left.elementsEqual(right) } }
    }

    /// Compares with the UTF-8 of a text.
    public static func == (slice: ByteSlice, text: String) -> Bool {
        slice.count == text.utf8.count && slice.withBytes { $0.elementsEqual(text.utf8) }
    }

    public func hash(into hasher: inout Hasher) {
        withBytes { hasher.combine(bytes: $0) }
    }
}

/// Bytes on the heap that never move.
final class ByteStorage {
    let bytes: UnsafeRawBufferPointer

    init(_ source: some Sequence<UInt8>) {
        let copy = [UInt8](source)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: copy.count, alignment: 1)
        memory.copyBytes(from: copy)
        bytes = UnsafeRawBufferPointer(memory)
    }

    deinit { bytes.deallocate() }
}
