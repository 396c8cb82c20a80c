import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// The right to write into a directory, held by one process at a time.
///
/// The lock belongs to the open file (`flock`), not to its content: it goes with the process however that
/// ends, and a file that is left behind locks nothing. The file holds the holder's process id for the message
/// to the next one.
public final class OutputLock {
    /// The file's name in the directory.
    public static let fileName = "lock"

    /// The directory.
    public let directory: String
    private let descriptor: Int32

    /// Locks a directory; makes it, and those above it, where it is missing.
    /// - Throws: `TrainingError.locked` at once where another process, or another object of this one, holds
    ///   the lock; `.output` where the directory or the file cannot be made.
    public init(directory: String) throws(TrainingError) {
        self.directory = directory
        try wrapping(TrainingError.output, try OutputDirectory.create(directory))
        let path = FilePath.join(directory, Self.fileName)
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o666)
        guard descriptor >= 0 else {
            let code = errno
            guard code != EACCES, code != EPERM else {
                throw .output(.permission(file: path, reason: "permission denied to create it"))
            }
            throw .output(.cannotCreate(file: path, reason: SystemError.text(code)))
        }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            defer { close(descriptor) }
            guard code == EWOULDBLOCK else {
                throw .output(.inputOutput(file: path, operation: "lock", reason: SystemError.text(code)))
            }
            throw .locked(directory: directory, pid: Self.holder(descriptor))
        }
        self.descriptor = descriptor
        // On a full disk the lock holds all the same; only the message to the next process lacks a number.
        let text = Array("\(getpid())\n".utf8)
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
    }

    deinit {
        // The file stays: a process that has opened it and waits would hold the lock of a file without a
        // name.
        _ = ftruncate(descriptor, 0)
        close(descriptor)
    }

    private static func holder(_ descriptor: Int32) -> Int? {
        var text = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &text, text.count, 0)
        guard count > 0 else { return nil }
        return Int(String(decoding: text.prefix(count).prefix { $0 != 0x0A }, as: UTF8.self))
    }
}
