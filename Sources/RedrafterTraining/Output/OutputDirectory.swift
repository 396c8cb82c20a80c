import RedrafterFormats
import RedrafterPlatform

/// Directories that outputs are put into.
package enum OutputDirectory {
    /// Makes a directory and those above it, where they are missing, and makes that durable.
    /// - Throws: `FormatError.cannotCreate`, `.permission`.
    package static func create(_ path: String) throws(FormatError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .cannotCreate(file: path, reason: "the path is empty or holds a NUL")
        }
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw .cannotCreate(file: path, reason: "it is in the place of a directory, and none")
            }
            return
        }
        var parts = path
        while parts.count > 1, parts.hasSuffix("/") { parts.removeLast() }
        let parent = FilePath.directory(of: parts)
        if parent != parts { try create(parent) }
        try make(parts)
        try AtomicFile.syncDirectory(parent, file: parent)
    }

    /// Makes one directory; one that is there already stays.
    static func make(_ path: String) throws(FormatError) {
        guard mkdir(path, 0o777) != 0, errno != EEXIST else { return }
        switch errno {
        case EACCES, EPERM: throw .permission(file: path, reason: "permission denied to create it")
        case ENOSPC, EDQUOT, EIO:
            throw .inputOutput(file: path, operation: "create the directory", reason: SystemError.text(errno))
        default: throw .cannotCreate(file: path, reason: SystemError.text(errno))
        }
    }

    /// Gives a file or directory another name in the same directory.
    static func move(_ path: String, to other: String) throws(FormatError) {
        guard rename(path, other) == 0 else {
            throw .inputOutput(file: other, operation: "rename into place", reason: SystemError.text(errno))
        }
    }

    /// Removes a directory with the files in it; what is missing already is no error.
    static func remove(_ path: String) throws(FormatError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in try FilePath.names(in: path) { try remove(FilePath.join(path, name)) }
            guard rmdir(path) == 0 || errno == ENOENT else { throw removing(path, errno) }
        } else {
            guard unlink(path) == 0 || errno == ENOENT else { throw removing(path, errno) }
        }
    }

    /// Whether the path names anything, a broken link included.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    private static func removing(_ path: String, _ code: Int32) -> FormatError {
        .inputOutput(file: path, operation: "remove", reason: SystemError.text(code))
    }
}
