import RedrafterFormats
import RedrafterPlatform

/// Files that are written where they lie: the lock and the log. All other outputs are `AtomicFile`s, which replace what has
/// their name, a link included, and never write into it.
enum InPlaceFile {
    /// Opens a file and changes nothing in it; makes it where it is missing.
    ///
    /// A link is not followed: what it points to may be any file of the system.
    /// - Parameters:
    ///   - path: the file.
    ///   - flags: `O_RDWR` or `O_WRONLY`, and `O_APPEND`.
    /// - Returns: the descriptor, which the caller closes.
    /// - Throws: `TrainingError.foreignFile` for a link and for all else that is no regular file; `.output`.
    static func open(_ path: String, _ flags: Int32) throws(TrainingError) -> Int32 {
        try check(path)
        let descriptor = systemOpen(
            path, flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o666)
        guard descriptor >= 0 else {
            let code = errno
            switch code {
            case ELOOP: throw .foreignFile(file: path, found: "a symbolic link")
            case EACCES, EPERM:
                throw .output(.permission(file: path, reason: "permission denied to create or write it"))
            default: throw .output(.cannotCreate(file: path, reason: SystemError.text(code)))
            }
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, let found = found(status.st_mode) else { return descriptor }
        close(descriptor)
        throw .foreignFile(file: path, found: found)
    }

    /// - Throws: `TrainingError.foreignFile` where the path names a link, or something else that is no regular file.
    static func check(_ path: String) throws(TrainingError) {
        var status = stat()
        guard lstat(path, &status) == 0, let found = found(status.st_mode) else { return }
        throw .foreignFile(file: path, found: found)
    }

    /// What is there in the place of a regular file; nil for one. A directory gets the system's own error.
    private static func found(_ mode: mode_t) -> String? {
        switch mode & S_IFMT {
        case S_IFREG, S_IFDIR: nil
        case S_IFLNK: "a symbolic link"
        default: "a pipe, a socket or a device"
        }
    }
}

/// `open` of the system, which a method of the same name hides.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
