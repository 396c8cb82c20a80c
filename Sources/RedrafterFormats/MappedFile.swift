import RedrafterCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A regular file mapped read-only into memory.
///
/// Unchecked Sendable: the mapping is constant and read-only until the last reference goes.
public final class MappedFile: @unchecked Sendable {
    public let path: String
    /// The whole content.
    public let bytes: UnsafeRawBufferPointer

    /// Maps the file. Never blocks on a pipe or a device: only regular files are opened.
    /// - Throws: `FormatError.missing`, `.permission`, `.inputOutput`.
    public init(path: String) throws(FormatError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .missing(file: path, reason: "is no path of a file")
        }
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.openError(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .inputOutput(file: path, operation: "reading its size", reason: systemMessage(errno))
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw .missing(file: path, reason: "is a directory, not a file")
        default: throw .missing(file: path, reason: "is a device or a pipe, not a regular file")
        }
        let size = Int(status.st_size)
        self.path = path
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw .inputOutput(file: path, operation: "mapping it into memory", reason: systemMessage(errno))
        }
        bytes = UnsafeRawBufferPointer(start: base, count: size)
    }

    deinit {
        if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }

    /// Gives the whole pages inside a range back to the system; reading them again reads the file again.
    public func release(offset: Int, count: Int) {
        guard let base = bytes.baseAddress, offset >= 0, count > 0, offset <= bytes.count - count else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (offset + page - 1) / page * page
        // The last page of the file belongs to the range when the range reaches the end.
        let end = offset + count == bytes.count ? bytes.count : (offset + count) / page * page
        guard end > first else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + first), end - first, MADV_DONTNEED)
    }

    private static func openError(_ path: String, _ code: Int32) -> FormatError {
        switch code {
        case ENOENT, ENOTDIR, ELOOP, ENXIO:
            .missing(file: path, reason: code == ENOENT ? "no such file" : systemMessage(code))
        case EACCES, EPERM: .permission(file: path, reason: "may not be read (permission denied)")
        default: .inputOutput(file: path, operation: "opening it", reason: systemMessage(code))
        }
    }
}

/// The system's text for an error number.
func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }
