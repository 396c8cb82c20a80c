import RedrafterCore
import RedrafterPlatform

/// A regular file mapped read-only into memory.
///
/// `@unchecked Sendable`: the mapping is private and read-only, nobody writes through it, and it is unmapped by
/// `deinit` alone, when no reference is left. `release` drops pages that the next access reads back from the file.
///
/// A file that another program shortens while it is mapped makes the next access to the missing pages a SIGBUS; no
/// mapping can prevent that. Files that are replaced by rename are safe. `checkUnchanged()` narrows the window for
/// loaders: call it after the bytes were copied.
public final class MappedFile: @unchecked Sendable {
    /// The path as given, for errors.
    public let path: String
    /// All bytes of the file; empty for an empty file. Valid as long as the object lives: hold it in a variable,
    /// a temporary goes before its bytes are read.
    public let bytes: UnsafeRawBufferPointer
    /// −1 for bytes in memory.
    private let descriptor: Int32
    /// All that was mapped; more than `bytes` for bytes in memory.
    private let mapping: UnsafeRawBufferPointer

    /// Maps the file at `path`; never blocks, whatever the path names.
    /// - Throws: `FormatError.missing` (also for links that lead nowhere), `.notRegular` (directory, pipe, device),
    ///   `.permission`, `.inputOutput`, `.outOfMemory`.
    public init(path: String) throws(FormatError) {
        self.path = path
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .missing(file: path, reason: "no such file, the path is empty or holds a NUL")
        }
        // O_NONBLOCK: opening a pipe without a writer would wait for one.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw SystemError.reading(path, operation: "open", code: errno)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw SystemError.reading(path, operation: "examine", code: code)
        }
        if let kind = SystemError.kind(status.st_mode) {
            close(descriptor)
            throw .notRegular(file: path, kind: kind)
        }
        guard let size = Int(exactly: status.st_size), size > 0 else {
            self.descriptor = descriptor
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            mapping = bytes
            return
        }
        guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            let code = errno
            close(descriptor)
            guard code != ENOMEM else { throw .outOfMemory(file: path, operation: "map", needed: size) }
            throw .inputOutput(file: path, operation: "map", reason: SystemError.text(code))
        }
        self.descriptor = descriptor
        bytes = UnsafeRawBufferPointer(start: base, count: size)
        mapping = bytes
    }

    /// A file that exists in memory only, for tests of readers.
    ///
    /// The copy ends at a page that cannot be read: a reader that goes past the end is caught at once.
    /// - Throws: `FormatError.outOfMemory`.
    public init(copying content: UnsafeRawBufferPointer, path: String) throws(FormatError) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        guard let size = CheckedSize(content.count).aligned(to: page).value,
            let total = (CheckedSize(size) + page).value,
            let base = mmap(nil, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0),
            base != MAP_FAILED
        else { throw .outOfMemory(file: path, operation: "copy", needed: content.count) }
        let start = base + (size - content.count)
        UnsafeMutableRawBufferPointer(start: start, count: content.count).copyMemory(from: content)
        mprotect(base + size, page, PROT_NONE)
        self.path = path
        descriptor = -1
        bytes = UnsafeRawBufferPointer(start: start, count: content.count)
        mapping = UnsafeRawBufferPointer(start: base, count: total)
    }

    /// Bytes that live as long as the process: a file that is part of the binary. Nothing is copied.
    public init(resident content: UnsafeRawBufferPointer, path: String) {
        self.path = path
        descriptor = -1
        bytes = content
        mapping = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    deinit {
        if let base = mapping.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: base), mapping.count)
        }
        if descriptor >= 0 { close(descriptor) }
    }

    /// The bytes `offset..<offset + count`; the range must lie in the file (a broken invariant otherwise).
    public func bytes(at offset: Int, count: Int) -> UnsafeRawBufferPointer {
        precondition(
            offset >= 0 && count >= 0 && offset <= bytes.count && count <= bytes.count - offset,
            "bytes \(offset)…\(offset)+\(count) of a file of \(bytes.count)")
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    /// Where a part of `bytes` begins.
    func offset(of part: UnsafeRawBufferPointer) -> Int {
        guard let start = part.baseAddress, let base = bytes.baseAddress else { return 0 }
        return start - base
    }

    /// Gives the memory of the whole pages inside a range back to the system, once its content was copied
    /// elsewhere. The bytes stay readable: they would be read from the file again.
    public func release(offset: Int, count: Int) {
        advise(offset: offset, count: count, MADV_DONTNEED)
    }

    /// Tells the system that a range will be read soon, so that it reads ahead.
    public func prefetch(offset: Int, count: Int) {
        advise(offset: offset, count: count, MADV_WILLNEED)
    }

    /// - Throws: `FormatError.truncated` when the file is shorter now than it was when it was mapped.
    public func checkUnchanged() throws(FormatError) {
        guard descriptor >= 0 else { return }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .inputOutput(file: path, operation: "examine", reason: SystemError.text(errno))
        }
        guard status.st_size >= bytes.count else {
            throw .truncated(
                file: path, what: "the file, changed while in use,", needed: "\(bytes.count) bytes",
                available: "\(status.st_size)", offset: nil)
        }
    }

    private func advise(offset: Int, count: Int, _ advice: Int32) {
        guard let base = bytes.baseAddress, descriptor >= 0, offset >= 0, count > 0, offset <= bytes.count,
            count <= bytes.count - offset
        else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        // The mapping begins on a page, so offsets round like addresses.
        let first = advice == MADV_DONTNEED ? (offset + page - 1) / page * page : offset / page * page
        let isWholeTail = offset + count == bytes.count
        let end = advice == MADV_DONTNEED && !isWholeTail ? (offset + count) / page * page : offset + count
        guard end > first else { return }
        // Advice only: a refusal changes nothing but the memory in use.
        _ = madvise(UnsafeMutableRawPointer(mutating: base + first), end - first, advice)
    }
}
