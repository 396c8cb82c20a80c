import RedrafterPlatform

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary file in the same directory; `commit()` flushes it to the disk, renames it over the
/// destination and flushes the directory. Until then, and after every failure, the destination is what it was
/// before, and the temporary file is removed with this object. Where the system can (Linux), the temporary file has no name
/// before `commit()`, so that it goes with the process even if that is killed. One writer at a time.
///
/// A symbolic link under the name is replaced by the file; what it points to is never written into. The temporary file is
/// always a new one. Outputs with fixed names in a user's folder rely on both.
public final class AtomicFile {
    /// The destination.
    public let path: String
    /// Bytes written so far.
    public private(set) var count = 0

    private let temporaryPath: String
    private var descriptor: Int32
    /// The temporary file is not in the directory yet.
    private var isUnnamed: Bool
    private var buffer = [UInt8]()
    private static let bufferBytes = 1 << 20
    private static let temporaryEnding = ".partial"

    /// Creates the temporary file.
    /// - Parameters:
    ///   - path: the file that is to appear, or be replaced, at `commit()`.
    ///   - expectedBytes: the size the file will have, to say before writing that the disk has no room.
    /// - Throws: `FormatError.cannotCreate`, `.permission`, `.noSpace`.
    public init(path: String, expectedBytes: Int? = nil) throws(FormatError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .cannotCreate(file: path, reason: "the path is empty or holds a NUL")
        }
        var status = stat()
        if stat(path, &status) == 0, let kind = SystemError.kind(status.st_mode) {
            throw .cannotCreate(file: path, reason: "a \(kind) is in its place")
        }
        self.path = path
        if let expectedBytes { try Self.checkSpace(path, needed: expectedBytes) }
        var generator = SystemRandomNumberGenerator()
        let suffix = String(generator.next() as UInt64, radix: 36)
        temporaryPath = "\(path).\(suffix)\(Self.temporaryEnding)"
        descriptor = Self.openUnnamed(for: temporaryPath)
        isUnnamed = descriptor >= 0
        if descriptor < 0 {
            // O_EXCL: neither a file that is there nor what a link points to.
            descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        }
        if descriptor < 0 {
            let code = errno
            if code == EACCES || code == EPERM {
                throw .permission(file: path, reason: "permission denied to create it")
            }
            throw .cannotCreate(file: path, reason: SystemError.text(code))
        }
        buffer.reserveCapacity(Self.bufferBytes)
    }

    deinit { discard() }

    /// Appends bytes. - Throws: `FormatError.inputOutput`; the temporary file is gone then.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        precondition(descriptor >= 0, "writing to a file that was committed or discarded")
        count += bytes.count
        if buffer.count + bytes.count <= Self.bufferBytes {
            buffer.append(contentsOf: bytes)
            return
        }
        try flush()
        if bytes.count >= Self.bufferBytes {
            try writeThrough(bytes)
        } else {
            buffer.append(contentsOf: bytes)
        }
    }

    /// Appends bytes. - Throws: `FormatError.inputOutput`.
    public func write(_ bytes: [UInt8]) throws(FormatError) {
        try bytes.withUnsafeBufferPointer { (raw) throws(FormatError) in
            try write(UnsafeRawBufferPointer(raw))
        }
    }

    /// Makes the file durable and gives it its name.
    /// - Throws: `FormatError.inputOutput`; the destination is unchanged then.
    public func commit() throws(FormatError) {
        try flush()
        // A failed fsync is not tried again: the system may have dropped the very pages it failed to write.
        guard fsync(descriptor) == 0 else { throw fail("flush to disk") }
        try giveName()
        let result = close(descriptor)
        descriptor = -1
        guard result == 0 else { throw fail("close") }
        guard rename(temporaryPath, path) == 0 else { throw fail("rename into place") }
        try Self.syncDirectory(FilePath.directory(of: path), file: path)
    }

    /// Removes the temporary file, where it still is.
    public func discard() {
        if descriptor >= 0 {
            close(descriptor)
            descriptor = -1
            if !isUnnamed { unlink(temporaryPath) }
        }
    }

    /// The name of the file that a temporary one was to become; nil for names that no temporary file has.
    package static func destination(ofTemporary name: String) -> String? {
        guard name.hasSuffix(temporaryEnding) else { return nil }
        let stem = name.dropLast(temporaryEnding.count)
        guard let dot = stem.lastIndex(of: "."), dot > stem.startIndex else { return nil }
        let suffix = stem[stem.index(after: dot)...].utf8
        // 64 random bits to the base of 36.
        guard (1...13).contains(suffix.count),
            suffix.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) })
        else { return nil }
        return String(stem[..<dot])
    }

    /// A file without a name; negative where the system or the file system has none such, or could not name it later.
    private static func openUnnamed(for temporaryPath: String) -> Int32 {
        #if os(Linux)
            guard access("/proc/self/fd", X_OK) == 0,
                FilePath.name(of: temporaryPath).utf8.count <= Int(NAME_MAX)
            else { return -1 }
            let temporaryFile: Int32 = 0o20_000_000 | O_DIRECTORY  // O_TMPFILE, a macro that Swift cannot see
            return open(FilePath.directory(of: temporaryPath), temporaryFile | O_WRONLY | O_CLOEXEC, 0o666)
        #else
            return -1
        #endif
    }

    private func giveName() throws(FormatError) {
        #if os(Linux)
            guard isUnnamed else { return }
            let source = "/proc/self/fd/\(descriptor)"
            guard linkat(AT_FDCWD, source, AT_FDCWD, temporaryPath, AT_SYMLINK_FOLLOW) == 0 else {
                throw fail("name")
            }
            isUnnamed = false
        #endif
    }

    private func flush() throws(FormatError) {
        try buffer.withUnsafeBufferPointer { (raw) throws(FormatError) in
            try writeThrough(UnsafeRawBufferPointer(raw))
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            #if canImport(Glibc)
                let written = Glibc.write(descriptor, base + done, bytes.count - done)
            #elseif canImport(Musl)
                let written = Musl.write(descriptor, base + done, bytes.count - done)
            #else
                let written = Darwin.write(descriptor, base + done, bytes.count - done)
            #endif
            if written > 0 {
                done += written
            } else if written == 0 || errno != EINTR {
                throw fail("write")
            }
        }
    }

    private func fail(_ operation: String) -> FormatError {
        let code = errno
        if descriptor >= 0 {
            discard()
        } else {
            unlink(temporaryPath)
        }
        return .inputOutput(file: path, operation: operation, reason: SystemError.text(code))
    }

    /// Makes the names in a directory durable.
    /// - Parameters:
    ///   - directory: where the names are.
    ///   - path: the file or directory that an error is about.
    /// - Throws: `FormatError.inputOutput`.
    package static func syncDirectory(_ directory: String, file path: String) throws(FormatError) {
        let handle = open(directory, O_RDONLY | O_CLOEXEC)
        guard handle >= 0 else {
            throw .inputOutput(file: path, operation: "open the directory", reason: SystemError.text(errno))
        }
        defer { close(handle) }
        // EINVAL: a file system that cannot flush directories.
        guard fsync(handle) == 0 || errno == EINVAL else {
            throw .inputOutput(
                file: path, operation: "flush the directory to disk", reason: SystemError.text(errno))
        }
    }

    /// - Throws: `FormatError.noSpace` where the file system of `path` has less room; nothing where it does not say.
    package static func checkSpace(_ path: String, needed: Int) throws(FormatError) {
        var status = statvfs()
        guard statvfs(FilePath.directory(of: path), &status) == 0 else { return }
        let (free, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: status.f_frsize))
        guard overflow || needed <= free else {
            throw .noSpace(file: path, needed: needed, available: free)
        }
    }
}

/// Paths as text.
package enum FilePath {
    /// The directory part: `.` for a bare name.
    package static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
    }

    /// The last component.
    package static func name(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.index(after: slash)...])
    }

    /// A component added to a directory.
    package static func join(_ directory: String, _ name: String) -> String {
        directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
    }

    /// The names in a directory, sorted, without `.` and `..`.
    package static func names(in directory: String) throws(FormatError) -> [String] {
        guard let stream = opendir(directory) else {
            throw SystemError.reading(directory, operation: "list", code: errno)
        }
        defer { closedir(stream) }
        var names = [String]()
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The path without links and dots; nil where it leads nowhere.
    package static func resolved(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }
}
