import RedrafterFormats
import RedrafterPlatform

/// A lock between processes, as Hugging Face's programs take it: `flock` on a file beside the blobs. The system lets go of it
/// when the process ends, however it ends.
final class FileLock {
    private let descriptor: Int32

    /// Waits for the lock.
    /// - Parameter onWait: called once where somebody else has it.
    /// - Throws: `HubError.cancelled`, `.file`.
    init(_ path: String, onWait: () -> Void, isCancelled: () -> Bool) throws(HubError) {
        var hasWaited = false
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o664)
            guard descriptor >= 0 else { throw HubCache.failure(path, errno) }
            while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
                guard errno == EWOULDBLOCK || errno == EINTR else {
                    // A file system without locks: contents appear by a rename, so two fetches cost time only.
                    self.descriptor = descriptor
                    return
                }
                if isCancelled() {
                    close(descriptor)
                    throw .cancelled
                }
                if !hasWaited { onWait() }
                hasWaited = true
                usleep(50_000)
            }
            // Some programs remove the file with the lock: then another one has its name by now.
            var (held, named) = (stat(), stat())
            if fstat(descriptor, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino,
                held.st_dev == named.st_dev
            {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    deinit { close(descriptor) }
}
