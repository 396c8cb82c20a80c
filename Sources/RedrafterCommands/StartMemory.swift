import RedrafterPlatform

/// Memory for the command itself. The Swift runtime answers an allocation that fails with a signal, so what parsing arguments
/// takes is asked for beforehand; models, their files and threads are checked where they are made.
enum StartMemory {
    /// Address space that the command takes before it asks for anything by itself.
    private static let byteCount = 8 << 20

    /// Ends the process with a line on stderr and exit code 75 where there is not that much.
    static func require() {
        let base = mmap(nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0)
        guard base == MAP_FAILED else {
            munmap(base, byteCount)
            return
        }
        let line: StaticString = """
            error: not enough memory to start: needs 8 MiB
            hint: allow the process more memory (ulimit -v)

            """
        _ = write(STDERR_FILENO, line.utf8Start, line.utf8CodeUnitCount)
        _exit(ExitStatus.outOfMemory.rawValue)
    }
}
