import RedrafterPlatform

/// `errno` as text and as `FormatError`.
package enum SystemError {
    package static func text(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }

    /// The error of a call that reads `path` and failed with `code`.
    package static func reading(_ path: String, operation: String, code: Int32) -> FormatError {
        switch code {
        case ENOENT: .missing(file: path, reason: missingReason(path))
        case ENOTDIR: .missing(file: path, reason: "no such file, a part of its path is not a directory")
        case ELOOP: .missing(file: path, reason: "is a loop of symbolic links")
        case ENAMETOOLONG: .missing(file: path, reason: "no such file, the name is too long")
        case ENXIO: .notRegular(file: path, kind: "socket or device without a partner")
        case EACCES, EPERM: .permission(file: path, reason: "permission denied to \(operation) it")
        default: .inputOutput(file: path, operation: operation, reason: SystemError.text(code))
        }
    }

    private static func missingReason(_ path: String) -> String {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK {
            return "is a symbolic link to a file that does not exist"
        }
        return "no such file"
    }

    /// What a file is that is no regular file.
    static func kind(_ mode: mode_t) -> String? {
        switch mode & S_IFMT {
        case S_IFREG: nil
        case S_IFDIR: "directory"
        case S_IFIFO: "pipe (FIFO)"
        case S_IFCHR: "character device"
        case S_IFBLK: "block device"
        case S_IFSOCK: "socket"
        default: "special file"
        }
    }
}

/// What a path names, as far as opening a model asks.
package enum FileKind {
    case directory
    case other

    /// - Throws: `FormatError.missing`, `.permission`, `.inputOutput`.
    package init(_ path: String) throws(FormatError) {
        var status = stat()
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .missing(file: path, reason: "no such file, the path is empty or holds a NUL")
        }
        guard stat(path, &status) == 0 else {
            throw SystemError.reading(path, operation: "examine", code: errno)
        }
        self = status.st_mode & S_IFMT == S_IFDIR ? .directory : .other
    }

    /// Whether the path names anything, a broken link included.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }
}
