import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// The right to write into a directory, held by one process at a time.
///
/// The lock belongs to the open file (`flock`), not to its content: it goes with the process however that
/// ends, and a file that is left behind locks nothing. The file holds a line that says whose it is, and the
/// holder's process id for the message to the next one:
///
///     redrafter lock
///     4711
///
/// A file of the same name that holds anything else is somebody else's and is not touched, nor is what a link
/// points to.
public final class OutputLock {
    /// The file's name in the directory.
    public static let fileName = "lock"

    /// The directory.
    public let directory: String
    private let descriptor: Int32

    private static let marker = Array("redrafter lock\n".utf8)
    /// The marker with the longest process id and more; longer files are not ours.
    private static let largestSize = 64

    /// Locks a directory; makes it, and those above it, where it is missing.
    /// - Throws: `TrainingError.locked` at once where another process, or another object of this one, holds
    ///   the lock; `.foreignFile` where the name is taken by a file that is no lock; `.output` where the
    ///   directory or the file cannot be made.
    public init(directory: String) throws(TrainingError) {
        self.directory = directory
        try wrapping(TrainingError.output, try OutputDirectory.create(directory))
        let path = FilePath.join(directory, Self.fileName)
        let descriptor = try InPlaceFile.open(path, O_RDWR)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            defer { close(descriptor) }
            guard code == EWOULDBLOCK else {
                throw .output(.inputOutput(file: path, operation: "lock", reason: SystemError.text(code)))
            }
            throw .locked(directory: directory, pid: Self.holder(descriptor))
        }
        guard Self.isOurs(descriptor) else {
            close(descriptor)
            throw .foreignFile(file: path, found: "a file that is no lock of redrafter's")
        }
        self.descriptor = descriptor
        Self.forgetHolder(descriptor)
        // On a full disk the lock holds all the same; only the message to the next process lacks a number.
        let text = Self.marker + Array("\(getpid())\n".utf8)
        _ = pwrite(descriptor, text, text.count, 0)
    }

    deinit {
        // The file stays: a process that has opened it and waits would hold the lock of a file without a
        // name.
        Self.forgetHolder(descriptor)
        close(descriptor)
    }

    /// Whether the file holds what this type writes, or the beginning of it: nothing, where it is new or the disk is full.
    private static func isOurs(_ descriptor: Int32) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size <= largestSize else { return false }
        let text = content(descriptor)
        // Two names for an empty file: one of them may be somebody else's.
        return text.starts(with: marker) || (marker.starts(with: text) && status.st_nlink == 1)
    }

    /// Leaves the marker alone in a file that holds more.
    private static func forgetHolder(_ descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size > marker.count else { return }
        _ = ftruncate(descriptor, off_t(marker.count))
    }

    private static func holder(_ descriptor: Int32) -> Int? {
        let text = content(descriptor)
        guard text.starts(with: marker) else { return nil }
        return Int(String(decoding: text.dropFirst(marker.count).prefix { $0 != 0x0A }, as: UTF8.self))
    }

    private static func content(_ descriptor: Int32) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: largestSize)
        let count = pread(descriptor, &text, text.count, 0)
        return Array(text.prefix(max(0, count)))
    }
}
