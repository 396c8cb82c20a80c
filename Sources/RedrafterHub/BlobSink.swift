import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// The content of a file on its way into the cache: `blobs/HASH.incomplete`, which grows and is kept when a fetch ends early.
///
/// What is there is hashed when it is opened, so that the whole content is known to be right at the end.
final class BlobSink: WebSink {
    let file: HubFile
    let path: String
    /// Bytes that are there.
    private(set) var count = 0
    /// Bytes that came in this run.
    private(set) var received = 0
    private let size: Int
    private let blob: String
    private var descriptor: Int32
    private var hash: ContentHash
    private var address = ""
    /// Called when `count` has changed.
    var onBytes: () -> Void = {}

    /// Opens the file, and takes over what an earlier fetch has left.
    /// - Throws: `HubError.file`, `.cancelled`.
    init(
        _ file: HubFile, size: Int, blob: String, path: String, isCancelled: () -> Bool
    ) throws(HubError) {
        self.file = file
        self.size = size
        self.blob = blob
        self.path = path
        hash = ContentHash(file, size: size, blob: blob)
        descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw failure("open", errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .unsafeName(name: path, reason: "something other than a file is in its place")
        }
        if status.st_size <= size {
            try takeOver(Int(status.st_size), isCancelled)
        } else {
            try restart()
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    var isComplete: Bool { count == size }
    var isEmpty: Bool { count == 0 }

    /// Asks for what is missing.
    var headers: [String] { count == 0 ? [] : ["Range: bytes=\(count)-"] }
    /// The address names the commit, so its content does not change; the hub, which knows it by its hash, is told which one is
    /// meant all the same. A host that it redirects to has tags of its own.
    var headersOfHub: [String] { count == 0 ? [] : ["If-Range: \"\(blob)\""] }

    /// Drops what is there.
    func restart() throws(HubError) {
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw failure("shorten", errno)
        }
        count = 0
        hash = ContentHash(file, size: size, blob: blob)
        onBytes()
    }

    func begin(_ response: WebResponse) throws(HubError) {
        address = response.address.description
        // The hub says first which content it is about to send.
        let tag =
            HubRequests.hash(response.firstHeaders["x-linked-etag"] ?? response.headers["x-linked-etag"])
            ?? (response.firstHeaders.isEmpty ? HubRequests.hash(response.headers["etag"]) : nil)
        if let tag, HubPath.isBlobName(tag), tag != blob {
            throw .badResponse(address: address, what: "the hash of the file", expected: blob, got: tag)
        }
        if response.status == 200, count > 0 { try restart() }
        if response.status == 206 { try checkRange(response) }
        if let length = response.number("content-length"), length != size - count {
            throw .badResponse(
                address: address, what: "the length", expected: "\(size - count) bytes", got: "\(length)")
        }
    }

    private func checkRange(_ response: WebResponse) throws(HubError) {
        let range = response.headers["content-range"] ?? ""
        guard range.hasPrefix("bytes \(count)-"), range.hasSuffix("/\(size)") || range.hasSuffix("/*") else {
            throw .badResponse(
                address: address, what: "the part it sends", expected: "bytes \(count)-\(size - 1)/\(size)",
                got: range.isEmpty ? "not said" : range)
        }
    }

    func take(_ bytes: UnsafeRawBufferPointer) throws(HubError) {
        guard bytes.count <= size - count else {
            throw .badResponse(
                address: address, what: "the content", expected: "\(size) bytes", got: "longer")
        }
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            let written = write(descriptor, base, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw failure("write", errno)
            }
            let done = UnsafeRawBufferPointer(rebasing: rest[..<written])
            hash.add(done)
            count += written
            received += written
            onBytes()
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// The response has ended.
    func finish(_ response: WebResponse) throws(HubError) {
        guard isComplete else {
            throw .interrupted(
                host: response.address.authority, reason: "it ended after \(count) of \(size) bytes")
        }
    }

    /// Checks the content, makes it durable and gives it its name.
    /// - Throws: `HubError.altered`; what is there is dropped then, as it cannot be told which part is wrong.
    func commit(as destination: String) throws(HubError) {
        if let got = hash.finished, got != blob {
            try restart()
            throw .altered(file: file.path, expected: blob, got: got)
        }
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure("flush to disk", errno) }
        close(descriptor)
        descriptor = -1
        guard rename(path, destination) == 0 else { throw failure("rename into place", errno) }
    }

    private func takeOver(_ bytes: Int, _ isCancelled: () -> Bool) throws(HubError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while count < bytes {
            if isCancelled() { throw .cancelled }
            let got = buffer.withUnsafeMutableBytes {
                systemRead(descriptor, $0.baseAddress, min($0.count, bytes - count))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw failure("read", got < 0 ? errno : EIO) }
            buffer.withUnsafeBytes { hash.add(UnsafeRawBufferPointer(rebasing: $0[..<got])) }
            count += got
        }
    }

    private func failure(_ operation: String, _ code: Int32) -> HubError {
        if code == ENOSPC || code == EDQUOT {
            let directory = FilePath.directory(of: path)
            return .noSpace(
                directory: directory, needed: size - count, available: DiskSpace.free(directory) ?? 0)
        }
        return .file(SystemError.reading(path, operation: operation, code: code))
    }
}

/// The hash of a content while it comes, of the kind that its name is.
private enum ContentHash {
    case sha256(SHA256)
    case git(GitBlobHash)
    /// The name is that of a tag which may be anything.
    case unknown

    init(_ file: HubFile, size: Int, blob: String) {
        if blob.utf8.count == 64 {
            self = .sha256(SHA256())
        } else {
            self = file.isListed ? .git(GitBlobHash(byteCount: size)) : .unknown
        }
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        switch self {
        case .sha256(var hash):
            self = .unknown  // one reference only, so that nothing is copied
            hash.add(bytes)
            self = .sha256(hash)
        case .git(var hash):
            self = .unknown
            hash.add(bytes)
            self = .git(hash)
        case .unknown: break
        }
    }

    /// 64 or 40 hexadecimal digits; nil where nothing is known.
    var finished: String? {
        switch self {
        case .sha256(var hash): hash.finish()
        case .git(var hash): hash.finish()
        case .unknown: nil
        }
    }
}

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
